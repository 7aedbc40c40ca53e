"""Rules on characters (HTML entities, blanks, invisible characters, composed forms), and how rules are applied."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc

# Noncharacters never occur in ordinary text and are removed from hostile text, so rules may use them as marks.
GONE = "\ufdd0"  # something that was no word was removed here
NAME_START, NAME_END = "\ufdd1", "\ufdd2"  # around a display name, which is no word of the author's own
KEPT_HASH = "\ufdd3"  # a hashtag that belongs to the sentence although it stands at its end

# What joins the grapheme cluster of the character before it (UAX 29, Extend): whoever takes that character takes these.
EXTENDERS = r"\pM\x{200c}\x{200d}\x{1f3fb}-\x{1f3ff}\x{ff9e}\x{ff9f}\x{e0020}-\x{e007f}"

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_LINE_BREAKS = r"\r\n|[\r\x0b\x0c\x{85}\x{2028}\x{2029}]"
_BLANKS = (
    r"[\t\x{a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{2800}\x{3000}"
    r"\x{115f}\x{1160}\x{3164}\x{ffa0}]"  # fillers, which look like blanks
)
_INVISIBLE = (
    r"[\x00-\x08\x0e-\x1f\x7f-\x{84}\x{86}-\x{9f}"  # controls
    r"\x{ad}\x{200b}\x{2060}-\x{2064}\x{feff}\x{fff9}-\x{fffc}"  # soft hyphen, zero width, annotation
    r"\x{61c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{206f}"  # direction
    r"\x{fdd0}-\x{fdef}\x{fffe}\x{ffff}]"  # noncharacters
    rf"|\x{{fffd}}[{EXTENDERS}]*"  # damage
)
_TAGS = r"(\x{1f3f4}[\x{e0020}-\x{e007e}]+\x{e007f})|[\x{e0000}-\x{e007f}]"
# Joiners mean something after marks, emoji and letters of scripts that join; elsewhere they only hide.
_JOINED = r"\pM\p{So}\p{Sk}\p{Arabic}\p{Syriac}\p{Mongolian}\p{Devanagari}\p{Bengali}\p{Gurmukhi}\p{Gujarati}\p{Oriya}"
_JOINED += r"\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Khmer}\p{Myanmar}\x{1f000}-\x{1faff}"
_STRAY_JOINERS = rf"(^|[^{_JOINED}\x{{200c}}\x{{200d}}])[\x{{200c}}\x{{200d}}]+"


def rewrite_where(
    texts: pa.StringArray, where: pa.BooleanArray, rule: Callable[[pa.StringArray], pa.StringArray]
) -> pa.StringArray:
    """The texts with a rule applied to the marked rows; the others are not looked at."""
    if not pc.any(where).as_py():
        return texts
    return pc.replace_with_mask(texts, where, rule(texts.filter(where)))


def rewrite_matching(
    texts: pa.StringArray, pattern: str, rule: Callable[[pa.StringArray], pa.StringArray]
) -> pa.StringArray:
    """The texts with a rule applied to those that match an RE2 pattern somewhere."""
    return rewrite_where(texts, pc.match_substring_regex(texts, pattern), rule)


def substitute(texts: pa.StringArray, pattern: str, replacement: str) -> pa.StringArray:
    r"""Every match of an RE2 pattern replaced; groups are ``\1`` and so on."""
    return pc.replace_substring_regex(texts, pattern, replacement)


def substitute_matching(texts: pa.StringArray, pattern: str, replacement: str) -> pa.StringArray:
    """As :func:`substitute`, but faster where few texts match."""
    return rewrite_matching(texts, pattern, lambda rows: substitute(rows, pattern, replacement))


def rewrite_each(texts: pa.StringArray, pattern: str, rule: Callable[[str], str]) -> pa.StringArray:
    """The texts with a Python function applied to each one that matches an RE2 pattern somewhere."""
    return rewrite_matching(
        texts, pattern, lambda rows: pa.array([rule(text) for text in rows.to_pylist()], pa.string())
    )


def unescape(texts: pa.StringArray) -> pa.StringArray:
    """HTML entities as characters, also those escaped twice; an entity needs its semicolon (``R&Data`` is none)."""
    return rewrite_each(texts, "&", lambda text: _unescape_once(_unescape_once(text)))


def normalise(texts: pa.StringArray) -> pa.StringArray:
    """NFC, plain blanks and line breaks, no invisible characters but the joiners that scripts and emoji need.

    U+FFFD goes too: it is what a broken encoding left of a character, not something anyone wrote.
    """

    def normalised(rows: pa.StringArray) -> pa.StringArray:
        rows = substitute(rows, _LINE_BREAKS, "\n")
        rows = substitute(rows, _BLANKS, " ")
        rows = substitute_matching(rows, _INVISIBLE, "")
        rows = substitute_matching(rows, _TAGS, r"\1")
        return pc.utf8_normalize(drop_stray_joiners(rows), form="NFC")

    return rewrite_matching(texts, r"[^\x20-\x7e]", normalised)


def drop_stray_joiners(texts: pa.StringArray) -> pa.StringArray:
    """Zero-width joiners and non-joiners only where they join."""
    return rewrite_matching(texts, r"[\x{200c}\x{200d}]", lambda rows: substitute(rows, _STRAY_JOINERS, r"\1"))


def squeeze(texts: pa.StringArray, keep_line_breaks: bool) -> pa.StringArray:
    """Runs of blanks as one, none at the ends; line breaks become blanks, or stay (two in a row at most)."""
    if keep_line_breaks:
        texts = substitute(substitute(texts, r" *\n *", "\n"), r"\n{3,}", "\n\n")
    else:
        texts = pc.replace_substring(texts, "\n", " ")
    return pc.utf8_trim(substitute(texts, r"  +", " "), characters=" \n")


def _unescape_once(text: str) -> str:
    return _ENTITY.sub(lambda entity: html.unescape(entity[0]), text)
