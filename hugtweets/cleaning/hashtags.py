"""Hashtags: a block at the end goes, one inside the sentence becomes words."""

from __future__ import annotations

from functools import lru_cache

import pyarrow as pa
import regex

from hugtweets.cleaning.characters import (
    GONE,
    KEPT_HASH,
    rewrite_each,
    rewrite_matching,
    substitute,
    substitute_matching,
)

# As X defines it: letters, marks, digits and underscores with at least one letter (`#1` is a rank, not a hashtag).
_BODY = "[\\pN_]*\\pL[\\pL\\pN\\pM_\u200c\u200d]*"
HASHTAG = rf"[#＃]{_BODY}"
_NO_HASHTAG_AFTER = r"\pL\pN_&/"
_ANY_HASH = rf"[#＃{KEPT_HASH}]"
_HASH = regex.compile(_ANY_HASH)
_GLUED = regex.compile(rf"(?<![{_NO_HASHTAG_AFTER}]){_ANY_HASH}{_BODY}(?:{HASHTAG})*")
_BLOCK = "\ufdd4"  # marks where the closing block begins
_AMONG = rf"\s{GONE}\p{{So}}\x{{fe0f}}\x{{200d}}\x{{1f000}}-\x{{1faff}}\x{{e0020}}-\x{{e007f}}"  # blanks, links, emoji
_CLOSING_BLOCK = rf"(^|[^{_NO_HASHTAG_AFTER}])((?:[{_AMONG}]*(?:{HASHTAG})+)+[{_AMONG}]*)$"
_TAG = regex.compile(HASHTAG)

# Words that no sentence ends with, so that the hashtag after them is part of it (`off to #Paris`):
# articles, prepositions and the like of English, Spanish, Catalan, Portuguese, French, Italian, German.
_LEADING_WORDS = (
    "a an the my our your his her their this of to in at by for from with and or is are "
    "el la los las un una unes uns del al de en con por para y els les amb per i da dos nas um uma com e ou "
    "le les des du au aux et dans sur avec pour il lo gli di nel della der den dem ein eine im mit und von zu für"
)
_IN_SENTENCE = (
    rf"((?:^|[\s(\"“])(?:(?i:{'|'.join(sorted(set(_LEADING_WORDS.split())))})\s+|[^\s{GONE}]*['’]))"
    rf"[#＃]({_BODY}(?:[{_AMONG}]*(?:{HASHTAG}))*[{_AMONG}]*)$"
)

# `covid19` stays together, `100Days` and `Rio2016` do not.
_PIECES = regex.compile(
    r"(?:[23]D(?!\p{Ll})"
    r"|\p{N}+\p{Ll}*"
    r"|\p{Lu}{2,}s(?!\p{Ll})\p{N}*"
    r"|\p{Lu}+(?=\p{Lu}\p{Ll})"
    r"|\p{Lu}{2,}\p{N}*(?!\p{Ll})"
    r"|\p{Lu}?[^\p{Lu}\p{N}_]+\p{N}*"
    r"|\p{Lu}\p{N}*"
    r")\p{M}*"
)
_BEFORE_YEAR = regex.compile(r"(?<=\p{L})(?=(?:19|20)\p{N}{2}(?!\p{N}))")
_ONE_WORD = regex.compile(r"[^\p{Ll}]+|\p{Ll}\p{Lu}\p{Ll}+\p{Lu}?\p{N}*")
_TITLE = regex.compile(r"\p{Lu}\p{M}*\p{Ll}")


def mark_closing_block(texts: pa.StringArray) -> pa.StringArray:
    """The hashtags at the end become the mark :data:`GONE`.

    Links and emoji may stand among them and stay. So does the first hashtag where the word before it cannot end a
    sentence (``off to #Paris #travel``).
    """

    def marked(rows: pa.StringArray) -> pa.StringArray:
        rows = substitute(rows, _IN_SENTENCE, rf"\1{KEPT_HASH}\2")
        rows = substitute(rows, _CLOSING_BLOCK, rf"\1{_BLOCK}\2")
        return rewrite_each(rows, _BLOCK, without_block)

    def without_block(text: str) -> str:
        sentence, _, block = text.rpartition(_BLOCK)
        return sentence + _TAG.sub(GONE, block)

    return rewrite_matching(texts, rf"{HASHTAG}[{_AMONG}]*$", marked)


def spell_out(texts: pa.StringArray) -> pa.StringArray:
    """Hashtags as the words they are made of."""
    return rewrite_each(texts, _ANY_HASH, lambda text: _GLUED.sub(lambda match: _words_of_run(match[0]), text))


def mark_all(texts: pa.StringArray) -> pa.StringArray:
    """Hashtags, wherever they are, become the mark :data:`GONE`."""
    return rewrite_each(texts, _ANY_HASH, lambda text: _GLUED.sub(GONE, text))


def restore_hashes(texts: pa.StringArray) -> pa.StringArray:
    """The hashtags that :func:`mark_closing_block` left in the sentence, as they were."""
    return substitute_matching(texts, KEPT_HASH, "#")


def words_of(tag: str) -> str:
    """The words of a hashtag without its ``#``: ``ILoveGANs`` → ``I love GANs``.

    Title-case words after the first become lower case; acronyms and their plurals stay.
    """
    words: list[str] = []
    for part in _BEFORE_YEAR.sub("_", tag).split("_"):
        words += [part] if _ONE_WORD.fullmatch(part) else _PIECES.findall(part)
    return " ".join(words[:1] + [_lowered(word) for word in words[1:]])


@lru_cache(maxsize=65_536)
def _words_of_run(run: str) -> str:
    return " ".join(words_of(tag) for tag in _HASH.split(run) if tag)


def _lowered(word: str) -> str:
    return word[0].lower() + word[1:] if word == "A" or _TITLE.match(word) else word
