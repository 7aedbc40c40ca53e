"""Length as X counts it, and cutting a text to such a length.

X's published rules (docs.x.com, "Counting characters", and version 3 of the configuration of its open library
twitter-text): text is counted in NFC; code points 0-4351, 8192-8205, 8208-8223 and 8242-8247 weigh 1, all others 2;
an emoji weighs 2, however many code points it is made of; a link weighs 23, however long it is.
"""

from __future__ import annotations

import unicodedata

import regex

LINK_WEIGHT = 23
EMOJI_WEIGHT = 2
# Domains that X turns into links even without https://; the commonest, of some 1,500.
_DOMAINS = "com|org|net|edu|gov|io|co|me|tv|info|biz|dev|app|news|us|uk|ca|au|de|fr|es|it|nl|br|in|jp|cat|eu"
_UNIT = regex.compile(
    r"(?P<link>https?://[^\s\p{Han}\p{Hiragana}\p{Katakana}]+"
    rf"|(?<![\w@.$#/-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:{_DOMAINS})(?![\w.@-]*\w)(?:/\S*)?)"
    r"|(?P<emoji>\p{Regional_Indicator}{2}"
    r"|[0-9#*]\uFE0F?\u20E3"
    r"|[©®]\uFE0F"
    r"|(?![©®])\p{Extended_Pictographic}[\uFE0F\p{Emoji_Modifier}]?[\U000E0020-\U000E007F]*"
    r"(?:\u200D\p{Extended_Pictographic}[\uFE0F\p{Emoji_Modifier}]?)*)"
    r"|(?P<light>[\u0000-\u10FF\u2000-\u200D\u2010-\u201F\u2032-\u2037])"
    r"|(?P<heavy>[\s\S])",
    regex.IGNORECASE,
)
_WEIGHTS = {"link": LINK_WEIGHT, "emoji": EMOJI_WEIGHT, "light": 1, "heavy": 2}
_HAS_EMOJI = regex.compile(r"[\p{Extended_Pictographic}\p{Regional_Indicator}\u20E3]")
_SENTENCE_END = regex.compile(r"[.!?…]+[\"'”’)\]]*(?=\s)|[。！？]+[」』）]*")
_WORD_END = regex.compile(r"\S(?=\s)")


def x_length(text: str) -> int:
    """The length of a text as X counts it, of the 280 characters that a post may have."""
    return sum(_WEIGHTS[str(unit.lastgroup)] for unit in _UNIT.finditer(unicodedata.normalize("NFC", text)))


def emoji_in(text: str) -> list[str]:
    """The emoji of a text in order, each as readers see it."""
    if not _HAS_EMOJI.search(text):
        return []
    return [unit[0] for unit in _UNIT.finditer(text) if unit.lastgroup == "emoji"]


def shorten(text: str, most: int) -> str:
    """The longest beginning of at most ``most`` characters, as X counts them, that ends well.

    Cut where a sentence ends if that keeps half of what fits, else where a word ends, else (in writing without
    spaces) between two characters that readers see.
    """
    if x_length(text) <= most:
        return text
    fitting = _longest_fitting(text, most)
    # One more character, so that an end just at the limit is seen.
    seen = text[: len(fitting) + 1]
    for pattern, least in ((_SENTENCE_END, len(fitting) / 2), (_WORD_END, 1)):
        ends = [found.end() for found in pattern.finditer(seen) if least <= found.end() <= len(fitting)]
        if ends:
            return text[: ends[-1]]
    return fitting.rstrip()


def _longest_fitting(text: str, most: int) -> str:
    """Whole characters, as readers see them, from the start."""
    ends = [found.end() for found in regex.finditer(r"\X", text)]
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        if x_length(text[: ends[middle - 1]]) <= most:
            low = middle
        else:
            high = middle - 1
    return text[: ends[low - 1]] if low else ""
