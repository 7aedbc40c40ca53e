"""How varied generated posts are, beside real ones."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from hugtweets.evaluation.words import first_words, words_of


def distinct_n(texts: Iterable[str], n: int) -> float:
    """Distinct n-grams of words over all n-grams, 0 to 1 (Li et al. 2016, "A Diversity-Promoting Objective Function").

    N-grams do not cross texts; case does not count. 0 if there is none. It falls as more text is compared, so compare
    only equal amounts.
    """
    grams = list(chain.from_iterable(_grams(words_of(text), n) for text in texts))
    return len(set(grams)) / len(grams) if grams else 0.0


def equal_amounts(some: list[str], others: list[str]) -> tuple[list[str], list[str]]:
    """The first texts of both, the same number of words of each: as many as the shorter side has."""
    number = min(sum(len(words_of(text)) for text in texts) for texts in (some, others))
    return first_words(some, number), first_words(others, number)


def _grams(words: list[str], n: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(n)), strict=False)
