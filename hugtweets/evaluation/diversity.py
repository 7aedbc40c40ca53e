"""How varied generated posts are."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import regex

# Words; in writing without spaces each character; every other sign by itself.
_WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]|[\w'’](?:[\w'’])*|\p{Extended_Pictographic}|[^\s\w]"
)


def distinct_n(texts: Iterable[str], n: int) -> float:
    """Distinct n-grams of words over all n-grams, 0 to 1 (Li et al. 2016, "A Diversity-Promoting Objective Function").

    N-grams do not cross texts; case does not count. 0 if there is none. It falls as more text is compared, so compare
    only equal amounts.
    """
    grams = list(chain.from_iterable(_grams(_WORD.findall(text.casefold()), n) for text in texts))
    return len(set(grams)) / len(grams) if grams else 0.0


def _grams(words: list[str], n: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(n)), strict=False)
