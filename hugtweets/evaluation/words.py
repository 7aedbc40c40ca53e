"""Words, as generated and real posts are compared by them."""

from __future__ import annotations

import regex

# Words; in writing without spaces each character; every other sign by itself.
_WORD = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]|[\w'’](?:[\w'’])*|\p{Extended_Pictographic}|[^\s\w]"
)


def words_of(text: str) -> list[str]:
    """The words of a text in order; case does not count."""
    return _WORD.findall(text.casefold())


def first_words(texts: list[str], number: int) -> list[str]:
    """The beginning of some texts: whole ones as long as they fit, then as much of the next as makes up ``number``."""
    begun: list[str] = []
    for text in texts:
        ends = [match.end() for match in _WORD.finditer(text)][:number]
        if not ends:
            break
        begun.append(text[: ends[-1]])
        number -= len(ends)
    return begun
