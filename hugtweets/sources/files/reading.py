"""A file of posts read whole: in which dialect it is, its posts, and which of its rows were passed over."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from hugtweets.errors import UnreadableSource
from hugtweets.sources.fields import explain, storable
from hugtweets.sources.files.authors import author_column, with_authors
from hugtweets.sources.files.conventions import Conventions, conventions_of
from hugtweets.sources.files.dialects import DIALECTS
from hugtweets.sources.files.dialects.dialect import Dialect, Sample
from hugtweets.sources.files.dialects.plain import PLAIN, check_columns
from hugtweets.sources.files.formats import open_rows
from hugtweets.sources.files.identifiers import Placed, join_same, refuse_rounded, refuse_zeros, times_off
from hugtweets.sources.files.post_row import Fields
from hugtweets.sources.files.rows import Cells, Row, Rows, spelled
from hugtweets.sources.files.text import MAX_BYTES, Encoding
from hugtweets.sources.passed_over import PassedOver
from hugtweets.timelines.posts import Post

_SAMPLE_ROWS = 1000
_SAMPLE_SIZE = 2**22  # characters


@dataclass(frozen=True)
class PostsFile:
    """What a file holds, which may be nothing: each post once, and how many rows ``repeated`` one; the ids of authors
    that it does not name; what was chosen in reading it; and which rows were passed over.
    """

    posts: list[Post]
    repeated: int
    author_ids: frozenset[str]
    choices: tuple[str, ...]
    passed_over: PassedOver


def read_posts_file(path: Path, handle: str | None = None) -> PostsFile:
    """Read a file in whichever dialect it is.

    Args:
        path: the file.
        handle: the account that is asked for, by which a column of authors is known that has another name.

    Raises:
        UnreadableSource: there is no such file, it is of another format or damaged, columns are missing, ids were
            rounded, or too many rows cannot be used; the message names the file and the place in it.
    """
    with reading(path):
        rows, encoding = open_rows(path)
        ahead, sample = _look_ahead(rows)
        if not ahead and not sample.columns:
            return PostsFile([], 0, frozenset(), (), PassedOver(path))
        dialect, reason = _dialect_of(sample, path)
        conventions = conventions_of(sample, dialect)
        column = author_column(sample, dialect, handle) if handle else None
        dialect = with_authors(dialect, column) if column else dialect
        reader = _Reader(dialect, conventions, path)
        placed = reader.read(itertools.chain(ahead, rows.rows))
    refuse_zeros(placed, path)
    passed_over = reader.passed_over
    posts = join_same(placed, passed_over)
    passed_over.check()
    repeated = passed_over.rows - passed_over.number - len(posts)
    choices = [*(_encoding_choice(encoding, posts, path) if encoding else ()), *rows.notes]
    if reason:
        choices.append(f"{path} was read as {rows.kind}, {reason}")
    choices += conventions.choices(path)
    if column:
        choices.append(f"{path} names {handle} in the column {column}: that was taken for the author's")
    choices += times_off(placed, path)
    if repeated:
        choices.append(f"{repeated:,} rows of {path} repeat the post of an earlier one")
    return PostsFile(posts, repeated, reader.author_ids, tuple(choices), passed_over)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise ``UnreadableSource`` for a file that is missing or too large, or that cannot be read in the block."""
    try:
        if path.is_dir():
            raise UnreadableSource(
                f"{path} is a folder: name a file in it, or, if X sent it to you, read it with --source archive:PATH"
            )
        if not path.is_file():
            raise UnreadableSource(f"there is no file {path}: check the path")
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableSource(f"{path} is larger than {MAX_BYTES // 2**20} MiB: split it")
        yield
    except UnicodeError:
        raise UnreadableSource(f"{path} is not UTF-8: save it in that encoding") from None
    except (EOFError, zlib.error):
        raise UnreadableSource(f"{path} is damaged: fetch it again") from None
    except OSError as error:
        raise UnreadableSource(f"{path} cannot be read ({error.strerror or error}): check the file") from None


class _Reader:
    """Rows become posts, or are passed over."""

    def __init__(self, dialect: Dialect, conventions: Conventions, path: Path) -> None:
        self.dialect = dialect
        self.conventions = conventions
        self.passed_over = PassedOver(path)
        self.names: dict[str, str] = {}
        self.unnamed: dict[int, str] = {}

    @property
    def author_ids(self) -> frozenset[str]:
        """The numbers of the authors, if no row has a name."""
        return frozenset() if self.names else frozenset(self.unnamed.values())

    def read(self, rows: Iterable[Row]) -> list[Placed]:
        """The posts of the rows, each with its place.

        Where some rows name authors and others only their numbers, these are other people's, unless a row tells whose.
        """
        placed = list(self._posts(rows))
        for index, number in self.unnamed.items() if self.names else ():
            place, post = placed[index]
            placed[index] = place, replace(post, author=self.names.get(number, number))
        return placed

    def _posts(self, rows: Iterable[Row]) -> Iterator[Placed]:
        found = 0
        for row in rows:
            if row.problem is None and isinstance(row.value, dict):
                for fields in self.dialect.read(self.conventions.cells(row.value)):
                    self.passed_over.rows += 1
                    if post := self._post(fields, row.place, found):
                        found += 1
                        yield row.place, post
            else:
                self.passed_over.rows += row.rows
                self.passed_over.add(row.place, row.problem or "is not a JSON object", row.rows)

    def _post(self, fields: Fields, place: str, index: int) -> Post | None:
        refuse_rounded(fields.get("id"), place, self.passed_over.path)
        try:
            row = self.conventions.row(fields)
        except ValidationError as error:
            self.passed_over.add(place, explain(error))
            return None
        if row.author_id is not None and row.author is not None:
            self.names[row.author_id] = row.author
        elif row.author_id is not None:
            self.unnamed[index] = row.author_id
        return row.post()


def _encoding_choice(encoding: Encoding, posts: Iterable[Post], path: Path) -> list[str]:
    """In which encoding a file was read, if nothing in it says so."""
    if not encoding.is_guessed:
        return []
    choice = f"{path} was read as {encoding.name}, since it is not UTF-8"
    if encoding.is_mixed:
        choice = f"{path} was read as UTF-8 and, where it is none, as cp1252"
    if encoding.is_doubtful:
        letters = [not post.text.isascii() for post in posts]
        choice = (
            f"{path} was read as {encoding.name}, the likeliest of encodings that all fit badly: letters beyond ASCII, "
            f"which {sum(letters):,} of {len(letters):,} posts have, may be wrong"
        )
    return [choice]


def _look_ahead(rows: Rows) -> tuple[list[Row], Sample]:
    """The first rows, to be read again, and what they show."""
    ahead: list[Row] = []
    size = 0
    for row in itertools.islice(rows.rows, _SAMPLE_ROWS):
        ahead.append(row)
        if (size := size + row.size) > _SAMPLE_SIZE:
            break
    values = [row.value for row in ahead if isinstance(row.value, dict)]
    names = itertools.chain.from_iterable(values) if rows.columns is None else rows.columns
    columns: dict[str, str] = {}
    for name in names:
        # For people alone, and for logs, which are sent as UTF-8: the header may be damaged.
        columns.setdefault(spelled(name), storable(name))
    return ahead, Sample(rows.columns is not None, [Cells(value) for value in values], columns)


def _dialect_of(sample: Sample, path: Path) -> tuple[Dialect, str | None]:
    """The first dialect whose signs are there, and the reason for it; None for our own columns."""
    dialect, signs = next((dialect, found) for dialect in DIALECTS if (found := dialect.found_by(sample)) is not None)
    if dialect is not PLAIN:
        noun = "columns" if sample.is_table else "keys"
        return dialect, f"{dialect.name}, since it has the {noun} {', '.join(signs)}"
    if sample.rows or sample.is_table:
        renamed = check_columns(sample, path)
        return dialect, f"a table of posts, in which {', '.join(renamed)}" if renamed else None
    return dialect, None
