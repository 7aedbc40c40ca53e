"""Rows of a small file, one JSON line each, which is replaced as a whole with every change, under a lock.

Two processes of one home lose nothing of each other's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from filelock import FileLock
from pydantic import BaseModel, TypeAdapter

from hugtweets.storage.atomic import write_text

Row = TypeVar("Row", bound=BaseModel)


class JsonLines(Generic[Row]):
    """A file of rows, oldest first; ``row`` reads one of them."""

    def __init__(self, path: Path, lock: Path, row: TypeAdapter[Row]) -> None:
        self._path, self._lock, self._row = path, lock, row

    def all(self) -> list[Row]:
        """Every one of them."""
        if not self._path.exists():
            return []
        # Not splitlines(): a text may hold other characters that end a line.
        lines = self._path.read_text(encoding="utf-8").split("\n")
        return [self._row.validate_json(line) for line in lines if line]

    def change(self, change: Callable[[Sequence[Row]], Sequence[Row]]) -> Sequence[Row]:
        """Replace all rows by what is made of them, and return that."""
        with FileLock(self._lock):
            rows = change(self.all())
            write_text(self._path, "".join(f"{row.model_dump_json()}\n" for row in rows))
        return rows

    def remove(self, unwanted: Sequence[Row]) -> None:
        """Remove some rows; nothing is written if there are none."""
        if unwanted:
            self.change(lambda rows: [row for row in rows if row not in unwanted])
