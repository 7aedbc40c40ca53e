"""How much of a generated post was copied from a training post."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hugtweets.evaluation.words import words_of

# A run of that many words is no coincidence: n-grams of 8 are what Brown et al. 2020 ("Language Models are Few-Shot
# Learners", appendix C) take as the shortest sign that a text was seen in training.
COPIED_WORDS = 8

# Between posts in the joined text, so that no match crosses from one into the next.
_BORDER = "\0"


class Corpus:
    """Training posts, joined for search at the speed of C."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.joined = _BORDER.join(texts)


class WordCorpus:
    """Training posts as words: each word is one character of an alphabet made up for them, so that runs of words are
    found by the same search as runs of characters.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._letters: dict[str, str] = {}
        self._corpus = Corpus("".join(map(self._learn, words_of(text))) for text in texts)

    def longest_copy(self, text: str) -> int:
        """Length in words of the longest run that ``text`` shares with one training post; case does not count."""
        # A word that no training post has ends every run, as the border between posts does.
        return longest_copy("".join(self._letters.get(word, _BORDER) for word in words_of(text)), self._corpus)

    def _learn(self, word: str) -> str:
        return self._letters.setdefault(word, chr(len(self._letters) + 1))


def copied_share(longest_copies: Sequence[int]) -> float:
    """Share of posts, 0 to 1, with a run of :data:`COPIED_WORDS` words or more from one training post."""
    return sum(longest >= COPIED_WORDS for longest in longest_copies) / len(longest_copies)


def copied_share_before(share: float, kept: int, again: int, left_out: int) -> float:
    """Share of posts, 0 to 1, that were copies when they were first generated.

    Args:
        share: the share of copies among the posts that were kept.
        kept: how many were kept.
        again: how many of these were generated again because a copy stood in their place.
        left_out: posts that were copies to the end, and were not kept.
    """
    return min(1.0, (share * kept + again + left_out) / (kept + left_out))


def longest_copy(text: str, corpus: Corpus) -> int:
    """Length in characters of the longest run that ``text`` shares, verbatim, with one training post."""
    return max(_longest_run(part, corpus.joined) for part in text.split(_BORDER))


def _longest_run(text: str, joined: str) -> int:
    """A window that grows while it is found and moves on while it is not: at most two searches a character."""
    longest = 0
    for start in range(len(text)):
        while start + longest < len(text) and text[start : start + longest + 1] in joined:
            longest += 1
    return longest
