"""How an account writes, in figures that can be compared between accounts of any size."""

from __future__ import annotations

import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence

from hugtweets.evaluation.words import first_words, words_of

# Equal amounts of text for all accounts, since both figures fall as more text is looked at; 6,000 characters, which are
# as many bytes at least, are what `clean.min_characters` asks of an account.
WORDS = 1_000
BYTES = 6_000


def vocabulary(texts: Sequence[str]) -> float | None:
    """Distinct words over all words (type-token ratio) of the first :data:`WORDS` words; None if there are fewer.

    Words are those of :func:`hugtweets.evaluation.words.words_of`, signs by themselves included.
    """
    words = [word for text in first_words(list(texts), WORDS) for word in words_of(text)]
    return round(len(set(words)) / WORDS, 4) if len(words) == WORDS else None


def compressed_share(texts: Sequence[str]) -> float | None:
    """Bytes that zlib makes of the first :data:`BYTES` bytes of the texts, over those; None if there are fewer.

    The more an account repeats itself, the less is left.
    """
    text = "\n".join(texts).encode()[:BYTES]
    return round(len(zlib.compress(text, 9)) / BYTES, 4) if len(text) == BYTES else None


def script_shares(texts: Iterable[str]) -> dict[str, float]:
    """Share of each writing system in the letters, commonest first, by the first word of Unicode's names: ``LATIN``."""
    letters: Counter[str] = Counter()
    for character, number in Counter("".join(texts)).items():
        if character.isalpha():
            letters[unicodedata.name(character, "UNKNOWN").split()[0]] += number
    total = letters.total()
    return {script: round(number / total, 4) for script, number in letters.most_common()}
