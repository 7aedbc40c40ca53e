"""What a dialect is: the columns of one tool, and how they become the columns of a post."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells, spelled


@dataclass(frozen=True)
class Sample:
    """The first rows of a file; ``columns`` are its columns as it spells them, by their letters alone."""

    is_table: bool
    rows: Sequence[Cells]
    columns: Mapping[str, str]

    def spelling(self, name: str) -> str | None:
        """How the file spells a column, None if it has none of that name."""
        return self.columns.get(spelled(name))


@dataclass(frozen=True)
class Dialect:
    """The columns of one tool.

    A file is of this dialect if it has all columns of one of the ``signs``, and if its first rows are as ``fits`` says.
    ``read`` gives the fields of a :class:`~hugtweets.sources.files.post_row.PostRow` for each post in a row.
    """

    name: str
    signs: Sequence[Sequence[str]]
    read: Callable[[Cells], Iterable[Fields]]
    fits: Callable[[Sample], bool] = lambda sample: True

    def found_by(self, sample: Sample) -> list[str] | None:
        """The columns that tell a file to be of this dialect, as it spells them; None if it is of another."""
        for sign in self.signs:
            spellings = [spelling for name in sign if (spelling := sample.spelling(name))]
            if len(spellings) == len(sign):
                return spellings if self.fits(sample) else None
        return None
