"""Rows of a CSV file, whatever separates its cells."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from hugtweets.sources.archive.grailbird import with_links
from hugtweets.sources.files.csv_headers import lacks_first, without_prefix
from hugtweets.sources.files.dialects.plain import is_known
from hugtweets.sources.files.rows import Row, Rows
from hugtweets.sources.files.text import UNDECODED, Encoding, bounded_lines, open_text

_NAMES = {",": "CSV", ";": "CSV with semicolons", "\t": "CSV with tabs", "|": "CSV with bars"}
_LONGEST_HEADER = 20_000  # characters
_SAMPLE = 2**16  # characters
_ABOVE = 20  # lines of a report over the names of its columns
_LOOKED_AT = 50  # rows
_NULL = r"\N"  # of MySQL and Postgres
_ESCAPED = re.compile(r"""[^"\\]\\"[^"\r\n,;|\t]""")


@dataclass(frozen=True)
class _Header:
    """How cells are separated, the names of the columns, and how many lines stand ``above`` them.

    ``is_told`` if the line above tells how cells are separated, as spreadsheets write it for themselves.
    """

    form: csv.Dialect
    columns: list[str]
    above: int = 0
    is_told: bool = False


def read_csv(path: Path, encoding: Encoding) -> Rows:
    """The rows of a CSV file by column."""
    with open_text(path, encoding) as file:
        header = _find_header(bounded_lines(file, path))
    header.form.escapechar = _escape(path, encoding)
    notes = []
    if header.above > header.is_told:
        notes.append(f"{path} names its columns in line {header.above + 1}: what stands above was passed over")
    columns = without_prefix(header.columns)
    if columns != header.columns:
        notes.append(f"the names of columns in {path} were read without what all of them begin with")
    if lacks_first(columns, _first_rows(path, encoding, header)):
        columns = ["", *columns]
        notes.append(f"{path} has no name for its first column: the names of its rows, as R writes them, were left out")
    rows = _read(path, encoding, replace(header, columns=columns))
    return Rows(_NAMES[header.form.delimiter], rows, columns, tuple(notes))


def begins_as_table(text: str) -> bool:
    """Whether one of the first lines names columns of posts."""
    return _names_columns(_find_header(iter(text.splitlines(keepends=True))).columns)


def _find_header(lines: Iterator[str]) -> _Header:
    """The first line, unless none of its names is known, but those of a later one: reports begin with a title."""
    first = next(lines, "").lstrip("\ufeff")
    told = next((separator for separator in _NAMES if first.casefold().startswith(f"sep={separator}")), None)
    if told:
        form = _form(told)
        return _Header(form, _cells(next(lines, ""), lines, form)[0], above=1, is_told=True)
    form = _sniff(first)
    columns, read = _cells(first, lines, form)
    found = _Header(form, columns)
    if _names_columns(columns):
        return found
    for above, line in enumerate(itertools.islice(lines, _ABOVE), start=read):
        form = _sniff(line)
        columns, _ = _cells(line, iter(()), form)
        if _names_columns(columns):
            return _Header(form, columns, above)
    return found


def _cells(line: str, lines: Iterator[str], form: csv.Dialect) -> tuple[list[str], int]:
    """The names in a line, none if it is empty or no CSV, and in how many lines they stand, as they may go on."""
    reader = csv.reader(itertools.chain([line], lines), form)
    try:
        names = _names(next(reader, []))
    except csv.Error:
        names = []
    return (names if any(names) else []), max(1, reader.line_num)


def _names_columns(names: Iterable[str]) -> bool:
    return sum(map(is_known, without_prefix(list(names)))) > 1


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


def _first_rows(path: Path, encoding: Encoding, header: _Header) -> list[list[str]]:
    """Some rows below the header, none if they are no CSV."""
    with open_text(path, encoding) as file:
        reader = csv.reader(itertools.islice(bounded_lines(file, path), header.above, None), header.form)
        try:
            return [cells for cells in itertools.islice(reader, 1, _LOOKED_AT) if any(cells)]
        except csv.Error:
            return []


def _form(separator: str, skips_blank: bool = False) -> csv.Dialect:
    form = csv.excel()
    form.delimiter, form.skipinitialspace, form.strict = separator, bool(skips_blank), True
    return form


def _read(path: Path, encoding: Encoding, found: _Header) -> Iterator[Row]:
    with open_text(path, encoding) as file:
        lines = bounded_lines(file, path)
        reader = csv.reader(itertools.islice(lines, found.above, None), found.form)
        header: list[str] | None = None
        while True:
            begins = reader.line_num + 1
            place = f"line {begins + found.above}"
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Row(place, problem=_why(error), rows=max(1, reader.line_num - begins + 1))
                continue
            if cells is None:
                return
            if header is None:
                header = found.columns or _names(cells)
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
