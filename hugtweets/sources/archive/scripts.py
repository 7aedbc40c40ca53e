"""The scripts of an export: each assigns one list (or object) of JSON to a variable, as in ``window.YTD.x.part0 = []``.

A script is read piece by piece: the one with the posts can be as large as the memory. People take the variable away to
get JSON, and put all parts of their posts into one file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_ASSIGNMENT = re.compile(r"\s*(?:var\s{1,9})?[A-Za-z_][\w.]{0,100}\s{0,9}=\s*")
_NEXT_LIST = re.compile(rf"{_ASSIGNMENT.pattern}\[")
_LONGEST_ASSIGNMENT = 200  # characters
_BLANKS = re.compile(r"\s*")
_BETWEEN = re.compile(r"[\s,]*")
_LARGEST = 8 * 2**20  # characters of one entry; a post has some thousands
_LONGEST_INTEGER = 20  # digits; Python refuses to read thousands


def items(pieces: Iterator[str]) -> Iterator[object]:
    """The entries of the lists that a script assigns, one at a time.

    Raises:
        ValueError: it assigns no list, breaks off, or is no JSON.
    """
    text = next(pieces, "")
    position = _end(_ASSIGNMENT, text, 0) or _end(_BLANKS, text, 0)
    if not text.startswith("[", position):
        raise ValueError("is no list")
    position += 1
    while True:
        position = _end(_BETWEEN, text, position)
        if text.startswith("]", position):
            text = _beginning(text[position + 1 :], pieces)
            position = _end(_NEXT_LIST, text, 0)
            if not position:
                return
            continue
        item, end = _decode(text, position)
        if end < len(text):
            yield item
            position = end
            continue
        # It ends here, goes on in the next piece, or is damaged; the next piece tells.
        piece = next(pieces, "")
        if not piece or len(text) - position > _LARGEST:
            raise ValueError("breaks off")
        text, position = text[position:] + piece, 0


def value(text: str) -> object:
    """What a small script assigns.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return _decoder.raw_decode(text, _after_assignment(text))[0]
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _decode(text: str, position: int) -> tuple[object, int]:
    """The entry at a position and its end; the end of the text if it does not end before."""
    try:
        return _decoder.raw_decode(text, position)
    except ValueError:
        return None, len(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


def _beginning(text: str, pieces: Iterator[str]) -> str:
    """What comes behind a list, as much of it as tells whether another list is assigned."""
    while len(text := text.lstrip(" \t\r\n;")) < _LONGEST_ASSIGNMENT and (piece := next(pieces, "")):
        text += piece
    return text


def _after_assignment(text: str) -> int:
    found = _ASSIGNMENT.match(text)
    if not found:
        raise ValueError("assigns nothing")
    return found.end()


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _LONGEST_INTEGER else digits


# Not strict: a line break inside a string is a blemish, and no reason to lose every post.
_decoder = json.JSONDecoder(parse_int=_integer, strict=False)
