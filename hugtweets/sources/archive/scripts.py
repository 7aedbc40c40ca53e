"""The scripts of an export: each assigns one list (or object) of JSON to a variable, as in ``window.YTD.x.part0 = []``.

A script is read piece by piece: the one with the posts can be as large as the memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

_ASSIGNMENT = re.compile(r"\s*(?:var\s+)?[A-Za-z_][\w.]{0,100}\s*=\s*")
_BETWEEN = re.compile(r"[\s,]*")
_LARGEST = 8 * 2**20  # characters of one entry; a post has some thousands
_LONGEST_INTEGER = 20  # digits; Python refuses to read thousands


def items(pieces: Iterator[str]) -> Iterator[object]:
    """The entries of the list that a script assigns, one at a time.

    Raises:
        ValueError: it assigns no list, breaks off, or is no JSON.
    """
    text = next(pieces, "")
    position = _after_assignment(text)
    if not text.startswith("[", position):
        raise ValueError("is no list")
    position += 1
    while True:
        position = _end(_BETWEEN, text, position)
        if text.startswith("]", position):
            return
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
