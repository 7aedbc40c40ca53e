"""Who wrote a post, and how much of it: retweets of all kinds, other authors, replaced versions, texts cut off by X."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.cleaning.characters import GONE, rewrite_matching, substitute, substitute_matching
from hugtweets.cleaning.hashtags import HASHTAG
from hugtweets.cleaning.mentions import MENTION

# A text this long that ends in an ellipsis glued to a word and a t.co link was cut by X (limit 140, of which the link
# takes 23) or by a service that posts to it; shorter ones are people who write that way.
CUT_LENGTH = 110

_MARK = rf"\b(?:RT|MT|rt)\b\s*:?\s*{MENTION}"
_RETWEET = rf"^[\s\"“”'‘.(\[]*{_MARK}:?\s*"
_QUOTATION = rf"[\"“”]\.?{MENTION}\s?:"  # how posts were shared before there were retweets: "@them: their words"
_QUOTED = rf"^\s*{_QUOTATION}"
_AFTER_QUOTE = rf"(?s){_QUOTED}(?:.*[\"”](.*)|.*)$"
_BETWEEN = r"\s\"“”'‘(\[/|>→\-–—:"
_INLINE = rf"(?s)^(.*?[^{_BETWEEN}])(?:[{_BETWEEN}]+{_MARK}|\s+{_QUOTATION}).*$"
_CREDIT = rf"(?i:via|h/t|hat tip|ht)\s?:?\s*{MENTION}(?:(?:\s*(?:[,&+]|and\b)\s*|\s+){MENTION})*"
_BRACKETED_CREDIT = rf"[(\[]\s*{_CREDIT}[^()\[\]]{{0,60}}[)\]]"
_ENDING_CREDIT = rf"(^|[\s{GONE}\pP])[,\-–—|]*\s*(?:{_CREDIT}[:.,]?[\s{GONE}]*)+((?:[\s{GONE}]|{HASHTAG})*)$"
_CUT = r"[^\s.…]…\s?(?:https?://)?t\.co/[A-Za-z0-9]+[\"”]?$"


def is_retweet(texts: pa.StringArray, flagged: pa.BooleanArray) -> pa.BooleanArray:
    """Posts that repeat another's from the start: flagged so by the source, or with ``RT @``, ``MT @`` in front."""
    return pc.or_(pc.fill_null(flagged, False), pc.match_substring_regex(texts, _RETWEET))


def by_others(authors: pa.StringArray, handle: str) -> pa.BooleanArray:
    """Posts whose author is known not to be the account."""
    return pc.fill_null(pc.not_equal(pc.utf8_lower(authors), handle.lower()), False)


def is_superseded(ids: pa.StringArray, edit_ids: pa.ListArray) -> pa.BooleanArray:
    """Posts that a later version replaced: named in any post's list of versions, but not as its last."""
    edited = edit_ids.filter(pc.fill_null(pc.greater(pc.list_value_length(edit_ids), 1), False))
    replaced = {version for versions in edited.to_pylist() for version in versions if version != versions[-1]}
    return pc.is_in(ids, pa.array(sorted(replaced), pa.string()))


def is_truncated(texts: pa.StringArray, flagged: pa.BooleanArray) -> pa.BooleanArray:
    """Posts whose end is lost: flagged so by the source, or long, and ending in ``word… <t.co link>``."""
    looks_cut = pc.and_(pc.match_substring_regex(texts, _CUT), pc.greater_equal(pc.utf8_length(texts), CUT_LENGTH))
    return pc.or_(pc.fill_null(flagged, False), looks_cut)


def own_part(texts: pa.StringArray) -> pa.StringArray:
    """The author's own part: what comes before an inline ``RT @them`` or quotation of a post, or after one in front."""
    texts = rewrite_matching(texts, _QUOTED, lambda rows: substitute(rows, _AFTER_QUOTE, r"\1"))
    return rewrite_matching(texts, rf"{_MARK}|{_QUOTATION}", lambda rows: substitute(rows, _INLINE, r"\1"))


def mark_credits(texts: pa.StringArray) -> pa.StringArray:
    """``via @them`` becomes the mark :data:`GONE`, at the end (before links and hashtags) or in brackets."""

    def marked(rows: pa.StringArray) -> pa.StringArray:
        rows = substitute(rows, _BRACKETED_CREDIT, GONE)
        return substitute(rows, _ENDING_CREDIT, rf"\1{GONE} \2")

    return rewrite_matching(texts, _CREDIT, marked)


def drop_retweet_mark(texts: pa.StringArray) -> pa.StringArray:
    """Retweets that are kept, without the ``RT @them:`` in front."""
    return substitute_matching(texts, _RETWEET, "")
