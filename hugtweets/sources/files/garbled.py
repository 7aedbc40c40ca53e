"""Texts whose letters were read in a wrong encoding before they were saved: ``itâ€™s`` for ``it’s``.

Spreadsheets do that to files of UTF-8: on Windows they take each byte for a letter of cp1252, on a Mac for one of
Mac Roman, and what the first has done the other may do once more. It is undone letter by letter, where the bytes are
still there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from hugtweets.sources.files.post_row import Fields

_FIRST, _FOLLOWING = range(0xC2, 0xF5), range(0x80, 0xC0)  # the bytes of a letter in UTF-8
_LOST = "_"  # for what the encoding of a Mac does not have
# Letters in a row may look garbled by chance: “l’été” does. In a garbled file most of what is no ASCII looks so.
_SHARE = 0.5
_LEAST = 10
_BEYOND = re.compile(r"[^\x00-\x7f]+")
_COLUMNS = ("text", "name")


@dataclass(frozen=True)
class Garbling:
    """One way in which letters were garbled: by the character that is shown, the byte that it was."""

    first: Mapping[str, int]
    following: Mapping[str, int]
    pattern: re.Pattern[str]

    def undone(self, fields: Fields) -> Fields:
        """The fields with the letters that were meant."""
        texts = {name: fields[name] for name in _COLUMNS if isinstance(fields.get(name), str)}
        return fields | {name: self.pattern.sub(self._letter, text) for name, text in texts.items()}

    def count(self, text: str) -> int:
        """How many letters of a text were garbled so."""
        return sum(self._letter(match) != match[0] for match in self.pattern.finditer(text))

    def _letter(self, match: re.Match[str]) -> str:
        shown = match[0]
        if shown.endswith(_LOST):
            return "…"
        content = bytes([self.first[shown[0]], *(self.following[character] for character in shown[1:])])
        try:
            return content.decode()
        except UnicodeDecodeError:
            return shown


def garbling_of(rows: Iterable[Fields]) -> Garbling | None:
    """How the texts of a file were garbled, if they were."""
    texts = [text for fields in rows if isinstance(text := fields.get("text"), str) and not text.isascii()]
    counts = [sum(map(garbling.count, texts)) for garbling in _GARBLINGS]
    most = max(counts)
    beyond = sum(len(_BEYOND.findall(text)) for text in texts)
    return _GARBLINGS[counts.index(most)] if most > max(_LEAST, _SHARE * beyond) else None


def _windows(byte: int) -> str:
    """The letter of Windows; what it has none for stays the byte that it is."""
    return bytes([byte]).decode("cp1252", "ignore") or chr(byte)


def _mac(byte: int) -> str:
    return bytes([byte]).decode("mac_roman")


def _windows_in_mac(byte: int) -> int:
    """The byte by which a Mac saves a letter of Windows."""
    letter = _windows(byte)
    return byte if ord(letter) == byte < 0xA0 else letter.encode("mac_roman", "replace").replace(b"?", b"_")[0]


def _garbling(shown: Callable[[int], str]) -> Garbling:
    first, following = ({shown(byte): byte for byte in part} for part in (_FIRST, _FOLLOWING))
    both = [{char: byte for char, byte in part.items() if char != _LOST} for part in (first, following)]
    two, three, four = (_class(shown, part) for part in (range(0xC2, 0xE0), range(0xE0, 0xF0), range(0xF0, 0xF5)))
    more = _class(shown, _FOLLOWING)
    patterns = [f"{four}{more}{{3}}", f"{three}{more}{{2}}", f"{two}{more}"]
    if _LOST in {*first, *following}:
        # A Mac has no byte for the first of an emoji, nor for the last of an ellipsis.
        both[0][_LOST] = 0xF0
        patterns += [f"{_LOST}{more}{{3}}", re.escape(shown(0xE2) + shown(0x80)) + _LOST]
    return Garbling(both[0], both[1], re.compile("|".join(patterns)))


def _class(shown: Callable[[int], str], part: range) -> str:
    return "[" + "".join(re.escape(char) for char in map(shown, part) if char != _LOST) + "]"


_GARBLINGS = (
    _garbling(_windows),
    _garbling(_mac),
    _garbling(lambda byte: _windows(_windows_in_mac(byte))),
    _garbling(lambda byte: _mac(_windows_in_mac(byte))),
    _garbling(lambda byte: _mac(_windows_in_mac(_windows_in_mac(byte)))),
)
