"""How much of a generated post was copied from a training post."""

from __future__ import annotations

from collections.abc import Iterable

# Between posts in the joined text, so that no match crosses from one into the next.
_BORDER = "\0"


class Corpus:
    """Training posts, joined for search at the speed of C."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.joined = _BORDER.join(texts)


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
