"""What an account writes about, and when, and how long: counted in the posts that are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

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
class Habits:
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


def find_habits(raw: pa.Table, clean: pa.Table) -> Habits:
    """Count what stands in the kept posts of a timeline."""
    kept = clean.filter(clean["kept"])
    sent = raw.filter(pc.is_in(raw["id"], value_set=kept["id"].combine_chunks()))
    texts, sources = kept["text"].to_pylist(), sent["text"].to_pylist()
    languages = Counter(language for language in sent["lang"].to_pylist() if language)
    return Habits(
        posts=len(texts),
        lengths=_lengths(texts),
        hours=_hours(kept["created_at"]),
        languages=languages.most_common(MOST),
        words=_most_used(texts),
        hashtags=_most_common(tag for text in sources for tag in _HASHTAG.findall(text)),
        emoji=_most_common(emoji for text in sources for emoji in emoji_in(text)),
    )


def _lengths(texts: list[str]) -> list[int]:
    bins = Counter(min(len(text), LONGEST) // LENGTH_STEP for text in texts)
    return [bins[place] for place in range(LONGEST // LENGTH_STEP + 1)]


def _hours(times: pa.ChunkedArray) -> list[int]:
    hours = Counter(pc.hour(times).to_pylist())
    return [hours[hour] for hour in range(24)]


def _most_used(texts: list[str]) -> Counts:
    """Words that say what a post is about: English function words are left out."""
    # A moment to import, and pages are not made in every run.
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = Counter(word for text in texts for word in words_of(text))
    telling = Counter({word: n for word, n in words.items() if word.isalpha() and word not in ENGLISH_STOP_WORDS})
    return _in_order(telling)


def _most_common(found: Iterable[str]) -> Counts:
    return _in_order(Counter(found))


def _in_order(counts: Counter[str]) -> Counts:
    """The most frequent, and among equals the first in the alphabet: the same at every run."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST]
