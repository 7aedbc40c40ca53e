"""Rows of a CSV file, whatever separates its cells."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from hugtweets.sources.archive.grailbird import with_links
from hugtweets.sources.files.rows import Row, Rows
from hugtweets.sources.files.text import UNDECODED, Encoding, bounded_lines, open_text

_NAMES = {",": "CSV", ";": "CSV with semicolons", "\t": "CSV with tabs", "|": "CSV with bars"}
_LONGEST_HEADER = 20_000  # characters
_SAMPLE = 2**16  # characters
_NULL = r"\N"  # of MySQL and Postgres
_ESCAPED = re.compile(r"""[^"\\]\\"[^"\r\n,;|\t]""")


def read_csv(path: Path, encoding: Encoding) -> Rows:
    """The rows of a CSV file by column."""
    with open_text(path, encoding) as file:
        lines = bounded_lines(file, path)
        first = next(lines, "").lstrip("\ufeff")
        # A spreadsheet tells itself the separator in a line before the header.
        told = next((separator for separator in _NAMES if first.casefold().startswith(f"sep={separator}")), None)
        header = next(lines, "") if told else first
        form = _form(told) if told else _sniff(header)
        form.escapechar = _escape(path, encoding)
        try:
            columns = _names(next(csv.reader(itertools.chain([header], lines), form), []))
        except csv.Error:
            columns = []
    return Rows(_NAMES[form.delimiter], _read(path, encoding, form, skip=told is not None), columns)


def _sniff(header: str) -> csv.Dialect:
    """How cells are separated, judged by the names of the columns only: posts are full of commas and semicolons."""
    try:
        sniffed = csv.Sniffer().sniff(header[:_LONGEST_HEADER], "".join(_NAMES))
    except csv.Error:
        return _form(",")
    return _form(sniffed.delimiter, sniffed.skipinitialspace)


def _escape(path: Path, encoding: Encoding) -> str | None:
    """A backslash, if that and no second quotation mark stands before one in a cell, as Spark and MySQL write it."""
    with open_text(path, encoding) as file:
        sample = file.read(_SAMPLE)
    return "\\" if '""' not in sample and _ESCAPED.search(sample) else None


def _form(separator: str, skips_blank: bool = False) -> csv.Dialect:
    form = csv.excel()
    form.delimiter, form.skipinitialspace, form.strict = separator, bool(skips_blank), True
    return form


def _read(path: Path, encoding: Encoding, form: csv.Dialect, skip: bool) -> Iterator[Row]:
    with open_text(path, encoding) as file:
        lines = bounded_lines(file, path)
        if skip:
            next(lines, None)
        reader = csv.reader(lines, form)
        header: list[str] | None = None
        while True:
            begins = reader.line_num + 1
            place = f"line {begins + skip}"
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Row(place, problem=_why(error), rows=max(1, reader.line_num - begins + 1))
                continue
            if cells is None:
                return
            if header is None:
                header = _names(cells)
            elif any(cells):
                yield _row(header, cells, place, encoding.flaw)


def _names(cells: list[str]) -> list[str]:
    return [name.strip("\ufeff \t") for name in cells]


def _row(header: list[str], cells: list[str], place: str, flaw: str) -> Row:
    cells = with_links(header, cells)
    if len(cells) != len(header) and (len(cells) < len(header) or any(cells[len(header) :])):
        return Row(place, problem=f"has {len(cells)} cells where the header has {len(header)}")
    if any(UNDECODED.search(cell) for cell in cells if not cell.isascii()):
        return Row(place, problem=flaw)
    values: dict[str, object] = {}
    for name, cell in zip(header, cells, strict=False):
        # Of two columns with the same name, the first that says something counts.
        values[name] = values.get(name) or (cell if cell != _NULL else "")
    return Row(place, values, size=sum(map(len, cells)))


def _why(error: csv.Error) -> str:
    if "unexpected end of data" in str(error) or "field limit" in str(error):
        return "opens a quotation mark that is not closed"
    return f"is not CSV ({error})"
