"""How a file writes posts, as far as its first rows show: the order of its dates, what it lacks, damaged letters."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hugtweets.sources.files.bare_retweets import are_bare, marked
from hugtweets.sources.files.dialects.dialect import Dialect, Sample
from hugtweets.sources.files.dialects.plain import MARKS, NAMES, silent_columns
from hugtweets.sources.files.garbled import Garbling, garbling_of
from hugtweets.sources.files.markup import are_markup, shown
from hugtweets.sources.files.moments import puts_day_first, puts_year_first
from hugtweets.sources.files.partial_rows import RowWithoutId, RowWithoutTime
from hugtweets.sources.files.post_row import Fields, PostRow, has_telling_id, has_time, id_or_none
from hugtweets.sources.files.printed_bytes import are_printed, decoded
from hugtweets.sources.files.rows import Cells

_LOOKED_AT = 1000  # posts; a row may hold hundreds
_NUMBER = re.compile(r"\d[\d.,]*[KM]?")  # 1,204 or 1.2K
_LIKES = ("like", "likes", "favorite", "favorites", "favourites", "fav")


@dataclass(frozen=True)
class Conventions:
    """What a row becomes, whether 3/8/2020 begins with the day, and what has to be undone in texts.

    They may be bytes as Python prints them, their letters garbled by a spreadsheet, retweets without an @, or HTML.
    """

    row_type: type[PostRow]
    day_first: bool | None
    year_first: bool
    prints_bytes: bool
    garbling: Garbling | None
    has_bare_retweets: bool
    is_markup: bool
    silent: frozenset[str]

    def cells(self, row: Mapping[str, object]) -> Cells:
        """The cells of a row, without those that only seem to tell what kind of post it is."""
        return Cells(row).without(self.silent)

    def row(self, fields: Fields) -> PostRow:
        """The checked row of these fields.

        Raises:
            ValidationError: they are no post's.
        """
        fields = decoded(fields) if self.prints_bytes else fields
        fields = self.garbling.undone(fields) if self.garbling else fields
        fields = shown(fields) if self.is_markup else fields
        fields = marked(fields) if self.has_bare_retweets else fields
        return self.row_type.model_validate(
            fields, context={"day_first": self.day_first, "year_first": self.year_first}
        )

    def choices(self, path: Path) -> list[str]:
        """A sentence for each choice that was not a matter of course."""
        said = []
        if self.year_first:
            said.append(f"dates in {path} such as 21/03/28 were read with the year first")
        elif self.day_first is not None:
            said.append(f"dates in {path} such as 3/8/2020 were read with the {self._first_part} first")
        if self.row_type is RowWithoutId:
            said.append(
                f"{path} has no ids of digits: each post was given one, made of its time, its text and its author"
            )
        if self.row_type is RowWithoutTime:
            said.append(
                f"{path} has no times that can be read: they were taken from the ids, as X numbers its posts by time"
            )
        if self.prints_bytes:
            said.append(f"texts in {path} are bytes as Python prints them (b'caf\\xc3\\xa9'): they were read as UTF-8")
        if self.garbling:
            said.append(f"letters in {path} had been read in a wrong encoding before (as â€™ for ’): that was undone")
        if self.is_markup:
            said.append(f"texts in {path} are HTML: what a reader sees of them was read")
        if self.has_bare_retweets:
            said.append(
                f"posts in {path} that begin as RT name: … were read as retweets, since several people are named so, "
                "and none with an @"
            )
        return said

    @property
    def _first_part(self) -> str:
        return "day" if self.day_first else "month"


def conventions_of(sample: Sample, dialect: Dialect) -> Conventions:
    """The conventions of the file whose first rows these are."""
    silent = _counts(sample) | silent_columns(sample)
    posts = itertools.chain.from_iterable(dialect.read(row.without(silent)) for row in sample.rows)
    rows = list(itertools.islice(posts, _LOOKED_AT))
    times = [row.get(*NAMES["created_at"]) for row in sample.rows]
    day_first = puts_day_first(times)
    return Conventions(
        row_type=_row_type(rows, day_first),
        day_first=day_first,
        year_first=puts_year_first(times),
        prints_bytes=are_printed(rows),
        garbling=garbling_of(rows),
        has_bare_retweets=are_bare(rows),
        is_markup=are_markup(rows),
        silent=silent,
    )


def _counts(sample: Sample) -> frozenset[str]:
    """Columns that tell how often others made something of a post: they hold numbers, of which some are no yes or no.

    Where likes are counted, all numbers are.
    """
    written = {
        name: {str(value).strip() for row in sample.rows if (value := row.get(name)) is not None} for name in MARKS
    }
    numbers = {name: values for name, values in written.items() if values and all(map(_NUMBER.fullmatch, values))}
    certain = any(map(sample.spelling, _LIKES)) or any(not values <= {"0", "1"} for values in numbers.values())
    return frozenset(numbers) if certain else frozenset()


def _row_type(rows: list[Fields], day_first: bool | None) -> type[PostRow]:
    if rows and all(id_or_none(fields.get("id")) is None for fields in rows):
        return RowWithoutId
    if any(map(has_telling_id, rows)) and not any(has_time(fields, day_first) for fields in rows):
        return RowWithoutTime
    return PostRow
