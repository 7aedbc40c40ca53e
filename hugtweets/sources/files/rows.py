"""A row of a file before anybody knows what its columns mean, and the cells in it, found whatever their spelling."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hugtweets.sources.files.literals import structured

# What spreadsheets write for yes and no in the language of whoever uses them.
YES = frozenset(("true", "wahr", "vrai", "verdadero", "verdadeiro", "t", "y", "yes", "x", "✓", "✔", "1", "1.0"))
NO = frozenset(("false", "falsch", "faux", "falso", "f", "n", "no", "0", "0.0"))
# What pandas, R, Java and others write where there is nothing.
_NOTHING = NO | {"", "nan", "none", "null", "nat", "<na>", "na", "n/a", "-", "-1", "[]", "{}"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``place`` is such as ``line 7``, ``size`` its characters, ``problem`` why it cannot be read at all.

    A row that could not be told from those after it, as a quotation mark was never closed, stands for ``rows`` rows.
    """

    place: str
    value: object = None
    problem: str | None = None
    size: int = 0
    rows: int = 1


@dataclass(frozen=True)
class Rows:
    """The rows of a file, read as they are asked for; ``kind`` is the format, ``columns`` those of a table.

    ``notes`` say what was chosen to find them.
    """

    kind: str
    rows: Iterator[Row]
    columns: Sequence[str] | None = None
    notes: tuple[str, ...] = ()


class Cells:
    """The cells of one row by name: case, blanks, dots, underscores and what is in brackets after it do not matter."""

    def __init__(self, row: Mapping[str, object]) -> None:
        self._cells: dict[str, object] = {}
        self._inside: dict[str, Cells | None] = {}
        # Of two columns with the same name, that which says something counts; MongoDB's own `_id` is no post's.
        for name, value in sorted(row.items(), key=_is_private):
            if self._cells.get(key := spelled(name)) in (None, ""):
                self._cells[key] = value

    def __contains__(self, name: str) -> bool:
        return spelled(name) in self._cells

    def values(self) -> Sequence[object]:
        """What all cells hold."""
        return list(self._cells.values())

    def get(self, *names: str) -> object:
        """The first cell of these names that holds something, as it is; None if none does."""
        for name in names:
            value = self._cells.get(spelled(name))
            # A number that is not equal to itself is pandas' way to say nothing.
            if value not in (None, "") and value == value:
                return value
        return None

    def is_blank(self, *names: str) -> bool:
        """Whether one of these cells is there and holds no character."""
        return any(self._cells.get(spelled(name)) == "" for name in names)

    def at(self, *path: str) -> object:
        """A cell inside a cell (``user``, ``screen_name``), also where the table has a column ``user.screen_name``."""
        if len(path) == 1:
            return self.get(path[0])
        if path[0] not in self._inside:
            # Kept, as what Python has printed takes long to read.
            inner = structured(self.get(path[0]))
            self._inside[path[0]] = Cells(inner) if isinstance(inner, dict) else None
        # Where there is one, no column is asked: `username` would be spelled as the name of a `user`.
        cells = self._inside[path[0]]
        return cells.at(*path[1:]) if cells else self.get(".".join(path))

    def listed(self, *path: str) -> list[object]:
        """A cell that holds a list, written as JSON or as Python; empty for anything else."""
        value = structured(self.at(*path))
        return value if isinstance(value, list) else []

    def says(self, *names: str) -> bool | None:
        """Whether one of these cells holds something; None if the row has no such cell."""
        return self.says_one_of(frozenset(map(spelled, names)))

    def says_one_of(self, names: frozenset[str]) -> bool | None:
        """The same of names as :func:`spelled` gives them, of which there may be many."""
        there = self._cells.keys() & names
        return any(is_something(self.get(name)) for name in there) if there else None

    def without(self, names: frozenset[str]) -> Cells:
        """The same cells, but for those of these names, as :func:`spelled` gives them."""
        return Cells({name: value for name, value in self._cells.items() if name not in names}) if names else self


def _is_private(cell: tuple[str, object]) -> bool:
    return cell[0].startswith("_")


def is_something(value: object) -> bool:
    """Whether a cell says more than that there is nothing, as ``nan``, ``[]`` and ``False`` do."""
    if isinstance(value, str) and value.startswith('{"'):
        value = structured(value)
    if isinstance(value, dict):
        # Some tools write an object with all its keys for nothing.
        return any(inner is not None for inner in value.values())
    if isinstance(value, str):
        return value.strip().casefold() not in _NOTHING
    return bool(value)


@functools.lru_cache(maxsize=4096)
def spelled(name: str) -> str:
    """The letters and digits of a name: ``Created At``, ``created_at``, ``createdAt``, ``Created At (UTC)`` are one."""
    bare = name.partition("(")[0]
    return "".join(character for character in ((bare.strip() and bare) or name).casefold() if character.isalnum())
