"""Rows of JSON: one a line, or values one after another, also in an array and over several lines."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.json_nests import find_nest
from hugtweets.sources.files.json_tables import rows_within
from hugtweets.sources.files.json_wrappers import unwrapped, without_actions
from hugtweets.sources.files.rows import Row, Rows
from hugtweets.sources.files.text import BLOCK, MAX_LINE, UNDECODED, Encoding, bounded_lines, open_text

_BETWEEN = re.compile(r"[\s,\ufeff]*")
_PEEKED = 2**12  # characters
# Written over several lines, an object begins with its bracket alone.
_WHOLE = re.compile(r"\[|\{[ \t]*(?:[\r\n]|$)")
_LONGEST = 200  # characters
_NO_JSON = "is not JSON"


def read_json(path: Path, encoding: Encoding) -> Rows:
    """The rows of a file of JSON; an object that spells a table by columns, as pandas does, gives its rows."""
    with open_text(path, encoding) as file:
        whole = _WHOLE.match(_start(file)) is not None
    rows = _read_values(path, encoding) if whole else without_actions(_read_lines(path, encoding))
    ahead = list(itertools.islice(rows, 1))
    notes = tuple(_where(row.value, path) for row in ahead)
    return Rows(
        "JSON" if whole else "JSON lines", _unfolded(itertools.chain(ahead, rows)), notes=tuple(filter(None, notes))
    )


def _where(value: object, path: Path) -> str | None:
    """Where the posts are that the first object of a file holds, if it took looking for them."""
    nest = find_nest(value) if rows_within(value) is None else None
    if nest is None:
        return None
    return (
        f"posts of {path} were found in it under {'.'.join(nest.names)[:_LONGEST]}: what else is there was passed over"
    )


def _start(file: TextIO) -> str:
    """How a file begins, blanks aside; an array may be all in one line, of any length."""
    start = ""
    while not start and (block := file.read(_PEEKED)):
        start = block.lstrip("\ufeff \t\r\n")
    return start


def _read_lines(path: Path, encoding: Encoding) -> Iterator[Row]:
    with open_text(path, encoding) as file:
        for number, line in enumerate(bounded_lines(file, path), start=1):
            if not line.isspace():
                yield _parse_line(line, f"line {number}", encoding.flaw)


def _parse_line(line: str, place: str, flaw: str) -> Row:
    if UNDECODED.search(line):
        return Row(place, problem=flaw)
    try:
        return Row(place, json.loads(line.lstrip("\ufeff")), size=len(line))
    except (ValueError, RecursionError):
        return Row(place, problem=_NO_JSON)


def _read_values(path: Path, encoding: Encoding) -> Iterator[Row]:
    """Values between commas or blanks, the brackets of an array around them left out.

    Raises:
        UnreadableSource: what is no JSON is followed by more, so that nobody could say how many rows are lost.
    """
    with open_text(path, encoding) as file, closing(_Buffer(file)) as buffer:
        while buffer.skip():
            place = f"line {buffer.line}"
            value, size = buffer.value(path, place)
            if size == 0:
                yield Row(place, problem="breaks off")
                return
            yield Row(place, value, size=size)


class _Buffer:
    """The part of a file in which the next value is looked for; it grows only as far as that value needs."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        self.text = file.read(BLOCK)
        self.position = 0
        self.line = 1
        self.depth = 0
        self.decoder = json.JSONDecoder()

    def skip(self) -> bool:
        """Go to the next value; False if there is none."""
        while True:
            between = _BETWEEN.match(self.text, self.position)
            end = between.end() if between else self.position
            self._go(end)
            if end < len(self.text):
                if self.text[end] != "]" and (self.text[end] != "[" or self.depth):
                    return True
                self.depth += 1 if self.text[end] == "[" else -1
                self._go(end + 1)
            elif not self._more():
                return False

    def value(self, path: Path, place: str) -> tuple[object, int]:
        """The value that begins here and its size, which is 0 if the file breaks off in it."""
        while True:
            try:
                value, end = self.decoder.raw_decode(self.text, self.position)
            except (ValueError, RecursionError) as error:
                if isinstance(error, json.JSONDecodeError) and self._more(path):
                    continue
                if isinstance(error, json.JSONDecodeError) and self._is_cut(error):
                    return None, 0
                raise UnreadableSource(
                    f"{path} {_NO_JSON} from {place} on: correct it or fetch the file again"
                ) from None
            # A number at the end of what was read may go on.
            if end < len(self.text) or not self._more(path):
                size = end - self.position
                self._go(end)
                return value, size

    def close(self) -> None:
        """Let go of what was read."""
        self.text = ""

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        return error.pos >= len(self.text.rstrip()) or error.msg.startswith("Unterminated string")

    def _go(self, position: int) -> None:
        self.line += self.text.count("\n", self.position, position)
        self.position = position

    def _more(self, path: Path | None = None) -> bool:
        """Read more of the file; False at its end."""
        rest = self.text[self.position :]
        if path is not None and len(rest) > MAX_LINE:
            raise UnreadableSource(f"{path} has a value of over {MAX_LINE} characters: write one post a line")
        block = self.file.read(max(BLOCK, len(rest)))
        self.text, self.position = rest + block, 0
        return bool(block)


def _unfolded(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, those of a list in one line and of an object that holds a whole table one by one."""
    for row in rows:
        if (whole := unwrapped(row.value)) is not None:
            yield replace(row, value=whole)
            continue
        values = row.value if isinstance(row.value, list) else rows_within(row.value)
        if values is None and (nest := find_nest(row.value)):
            values = nest.posts
        if values is None:
            yield row
            continue
        for value in values:
            yield from _unfolded(iter([Row(row.place, value, size=row.size // len(values))]))
