"""How many words of its own a text has, in any script."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from hugtweets.cleaning.hashtags import HASHTAG
from hugtweets.cleaning.links import LINK
from hugtweets.cleaning.mentions import MENTION

# Scripts without blanks between words: a word of running Chinese or Japanese takes about two characters, one of Thai,
# Lao, Khmer or Burmese about four (vowel signs and tone marks are characters of their own).
_TWO_A_WORD = r"\p{Han}\p{Hiragana}\p{Katakana}\x{30fc}"
_FOUR_A_WORD = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_OTHER = rf"\pP\pS\pZ\pC{_TWO_A_WORD}{_FOUR_A_WORD}\x{{1f000}}-\x{{1faff}}"
_WORD = (
    rf"[{_TWO_A_WORD}]{{1,2}}|[{_FOUR_A_WORD}]{{1,4}}|[^\pM{_OTHER}][^{_OTHER}]*(?:['’\-·][^\pM{_OTHER}][^{_OTHER}]*)*"
)
_MOST_REPETITIONS = 1000  # that RE2 takes
_POINTER = rf"(?:{LINK}|{MENTION}|{HASHTAG})"


def count_words(texts: pa.StringArray) -> pa.Int32Array:
    """Words a text has; characters are converted to words where the script has no blanks."""
    return pc.count_substring_regex(texts, _WORD)


def has_words(texts: pa.StringArray, number: int) -> pa.BooleanArray:
    """Texts of at least that many words."""
    if number > _MOST_REPETITIONS:
        return pc.greater_equal(count_words(texts), number)
    # No word holds a blank, so these have enough by any count; counting, which is slow, is left for the few others.
    enough = pc.match_substring_regex(texts, rf"(?:[A-Za-z]+ +){{{number}}}")
    unsure = pc.invert(enough)
    return pc.replace_with_mask(enough, unsure, pc.greater_equal(count_words(texts.filter(unsure)), number))


def only_points_elsewhere(texts: pa.StringArray) -> pa.BooleanArray:
    """Texts of links, mentions, hashtags and punctuation, and nothing else."""
    nothing_else = pc.match_substring_regex(texts, rf"^(?:{_POINTER}|[\s\pP])*$")
    return pc.and_(nothing_else, pc.match_substring_regex(texts, _POINTER))
