"""The rules on a text, in the order in which they are applied."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.cleaning import hashtags, mentions
from hugtweets.cleaning.authorship import drop_retweet_mark, mark_credits, own_part
from hugtweets.cleaning.characters import normalise, squeeze, substitute, unescape
from hugtweets.cleaning.links import LINK, close_gaps, mark_links
from hugtweets.cleaning.names import Names
from hugtweets.cleaning.private import mask_all
from hugtweets.config import CleanConfig


@dataclass(frozen=True)
class CleanTexts:
    """Cleaned texts; their author's own words (no names, no links); whether another author's words were removed;
    whether something private was found.
    """

    texts: pa.StringArray
    own: pa.StringArray
    cut: pa.BooleanArray
    private: pa.BooleanArray


def readable(texts: pa.StringArray, config: CleanConfig) -> pa.StringArray:
    """The texts with entities, blanks and invisible characters put right; no word is changed."""
    return normalise(unescape(texts) if config.unescape_html else texts)


def clean_texts(texts: pa.StringArray, rows: pa.Int64Array, names: Names, config: CleanConfig) -> CleanTexts:
    """Readable texts with all rules applied; ``rows`` are their places in the timeline that ``names`` came from."""
    whole = mark_links(texts) if config.remove_links else texts
    own = drop_retweet_mark(whole) if config.keep_retweets else mark_credits(own_part(whole))
    texts = _without_tags_and_mentions(own, rows, names, config)
    texts = squeeze(close_gaps(texts), keep_line_breaks=config.line_breaks == "keep")
    # Last, for then nothing is put together any more that was apart, and names are masked as well.
    public = texts if config.private == "keep" else mask_all(texts)
    private = pc.not_equal(public, texts)
    texts = public
    words = mentions.without_names(texts)
    return CleanTexts(
        mentions.unmark_names(texts),
        words if config.remove_links else substitute(words, LINK, " "),
        pc.not_equal(own, whole),
        private,
    )


def _without_tags_and_mentions(
    texts: pa.StringArray, rows: pa.Int64Array, names: Names, config: CleanConfig
) -> pa.StringArray:
    if config.closing_hashtags == "remove":
        texts = hashtags.mark_closing_block(texts)
    if config.opening_mentions == "remove":
        texts = mentions.drop_opening(texts)
    if config.mentions == "names":
        texts = mentions.mark_names(texts, rows, names)
    elif config.mentions == "remove":
        texts = mentions.mark_all(texts)
    if config.hashtags == "words":
        return hashtags.spell_out(texts)
    return hashtags.restore_hashes(hashtags.mark_all(texts) if config.hashtags == "remove" else texts)
