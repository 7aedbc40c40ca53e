"""What an account writes about, and when, and how long: counted in the posts that are kept."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain

import pyarrow as pa
import pyarrow.compute as pc
import regex

from hugtweets.cleaning.length import emoji_in
from hugtweets.evaluation.words import words_of

Counts = list[tuple[str, int]]

LENGTH_STEP = 20
LONGEST = 300
MOST = 10
_HASHTAG = regex.compile(r"(?<![\w&/])#\w*\p{L}\w*")


@dataclass(frozen=True)
class PostStatistics:
    """Numbers of posts: by length (each bin of :data:`LENGTH_STEP` characters, the last one open) and by hour (UTC).

    Languages are the source's word; words are those of the cleaned posts, hashtags and emoji those of the raw ones.
    """

    posts: int
    lengths: list[int]
    hours: list[int]
    languages: Counts
    words: Counts
    hashtags: Counts
    emoji: Counts

    @property
    def length_labels(self) -> list[str]:
        """What each bin of lengths is called: where it begins."""
        starts = [str(place * LENGTH_STEP) for place in range(len(self.lengths))]
        return [*starts[:-1], f"{starts[-1]}+"]


def count_posts(raw: pa.Table, clean: pa.Table) -> PostStatistics:
    """Count what stands in the kept posts of a timeline."""
    kept = clean.filter(clean["kept"])
    sent = raw.filter(pc.is_in(raw["id"], value_set=kept["id"].combine_chunks()))
    texts, sources = kept["text"].to_pylist(), sent["text"].to_pylist()
    lengths = Counter(min(len(text), LONGEST) // LENGTH_STEP for text in texts)
    hours = Counter(pc.hour(kept["created_at"]).to_pylist())
    languages = Counter(language for language in sent["lang"].to_pylist() if language)
    return PostStatistics(
        posts=len(texts),
        lengths=[lengths[place] for place in range(LONGEST // LENGTH_STEP + 1)],
        hours=[hours[hour] for hour in range(24)],
        languages=languages.most_common(MOST),
        words=_most_common(Counter(filter(_says_something, chain.from_iterable(map(words_of, texts))))),
        hashtags=_most_common(Counter(tag for text in sources for tag in _HASHTAG.findall(text))),
        emoji=_most_common(Counter(emoji for text in sources for emoji in emoji_in(text))),
    )


def _most_common(counts: Counter[str]) -> Counts:
    """The most frequent, and among equals the first in the alphabet: the same at every run."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST]


def _says_something(word: str) -> bool:
    """Whether a word says what a post is about: English function words do not."""
    # A moment to import, and pages are not made in every run.
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return word.isalpha() and word not in ENGLISH_STOP_WORDS
