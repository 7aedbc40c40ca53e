"""Posts from a file: JSON lines (``.jsonl``, ``.ndjson``), ``.csv`` with a header, or ``.parquet``.

Required of every post are ``id``, ``created_at`` and ``text``. Known besides: ``is_retweet``, ``is_reply``,
``is_quote``, ``truncated``, ``lang``, ``author``, ``name`` and ``mentions`` (a list of ``{"username", "name"}``; in a
CSV cell, as JSON). Empty is unknown; every other key is ignored. An ``id`` is digits: a float has lost some of them
and is refused. ``created_at`` is ISO 8601, in UTC where it names no zone.

An id that occurs twice is one post: the first, with its unknown fields filled in from the second.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, TextIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, BeforeValidator, ValidationError

from hugtweets.errors import UnreadableSource
from hugtweets.sources.fields import Identifier, Text, Words, explain, unknown_if_empty, utc
from hugtweets.timelines.posts import Mention, Post
from hugtweets.timelines.timeline import Timeline, add_posts

REQUIRED = ("id", "created_at", "text")
MAX_BYTES = 2**30  # the busiest accounts have a million posts, of less than a kilobyte each
MAX_LINE = 2**20  # characters; the longest post X allows has 25,000


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise ValueError("is not a time such as 2024-05-31T18:30:00Z")
    return utc(moment)


def _parsed_if_text(value: object) -> object:
    try:
        return json.loads(value) if isinstance(value, str) and value else unknown_if_empty(value)
    except RecursionError:
        raise ValueError("is nested too deeply") from None


Flag = Annotated[bool | None, BeforeValidator(unknown_if_empty)]


class MentionRow(BaseModel):
    """A mentioned account, as a file writes it."""

    username: Text
    name: Words = None


class PostRow(BaseModel):
    """A post, as a file writes it."""

    id: Identifier
    created_at: Annotated[datetime, BeforeValidator(_moment)]
    text: Text
    author: Words = None
    name: Words = None
    lang: Words = None
    is_retweet: Flag = None
    is_reply: Flag = None
    is_quote: Flag = None
    truncated: Flag = None
    mentions: Annotated[list[MentionRow] | None, BeforeValidator(_parsed_if_text)] = None

    def post(self) -> Post:
        """The same as a :class:`Post`."""
        mentions = None if self.mentions is None else tuple(Mention(m.username, m.name) for m in self.mentions)
        values = {name: getattr(self, name) for name in PostRow.model_fields if name != "mentions"}
        return Post(**values, mentions=mentions, source="file")


@dataclass(frozen=True)
class FileSource:
    """The posts of one account, kept in one file."""

    path: Path
    handle: str

    def update(self, timeline: Path) -> str | None:
        """Add the file's posts to the stored timeline; raises what :func:`read_posts` does."""
        add_posts(timeline, (self._with_own_handle(post) for post in read_posts(self.path)))
        return None

    def _with_own_handle(self, post: Post) -> Post:
        own = post.author is not None and post.author.removeprefix("@").casefold() == self.handle.casefold()
        return replace(post, author=self.handle) if own else post


def read_posts(path: Path) -> list[Post]:
    """The posts of a file, each id once, ascending by id.

    Raises:
        UnreadableSource: there is no such file, it is of another format or damaged, a column is missing, or a post
            has no usable id, time or text; the message names the file and the place in it.
    """
    readers = {".jsonl": _read_lines, ".ndjson": _read_lines, ".csv": _read_csv, ".parquet": _read_parquet}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UnreadableSource(f"{path} has no known format: give a file that ends in {', '.join(readers)}")
    with reading(path):
        posts = [_post(row, where, path) for where, row in reader(path)]
    return list(Timeline().merged(posts).posts)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise ``UnreadableSource`` for a file that is missing or too large, or that cannot be read in the block."""
    try:
        if not path.is_file():
            raise UnreadableSource(f"there is no file {path}: check the path")
        if path.stat().st_size > MAX_BYTES:
            raise UnreadableSource(f"{path} is larger than {MAX_BYTES // 2**20} MiB: split it")
        yield
    except UnicodeDecodeError:
        raise UnreadableSource(f"{path} is not UTF-8: save it in that encoding") from None
    except OSError as error:
        raise UnreadableSource(f"{path} cannot be read ({error.strerror or error}): check the file") from None


def _post(row: object, where: str, path: Path) -> Post:
    try:
        return PostRow.model_validate(row).post()
    except ValidationError as error:
        raise UnreadableSource(f"{where} of {path} cannot be used ({explain(error)}): correct or remove it") from None


def _read_lines(path: Path) -> Iterator[tuple[str, object]]:
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(_bounded(file, path), start=1):
            if line.isspace():
                continue
            try:
                yield f"line {number}", json.loads(line)
            except (ValueError, RecursionError):
                raise UnreadableSource(
                    f"line {number} of {path} is not a JSON object: correct it or fetch the file again"
                ) from None


def _read_csv(path: Path) -> Iterator[tuple[str, object]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(_bounded(file, path), strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check_columns(header, path)
            for cells in reader:
                if cells and len(cells) != len(header):
                    raise UnreadableSource(
                        f"line {reader.line_num} of {path} has {len(cells)} cells where the header has {len(header)}: "
                        "quote the cells that hold commas"
                    )
                if cells:
                    yield f"line {reader.line_num}", dict(zip(header, cells, strict=True))
        except csv.Error as error:
            raise UnreadableSource(f"line {reader.line_num} of {path} is not CSV ({error}): correct it") from None


def _bounded(file: TextIO, path: Path) -> Iterator[str]:
    """The lines of a file; one that would fill the memory is refused."""
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise UnreadableSource(f"{path} has a line of over {MAX_LINE} characters: write one post a line")
        yield line


def _read_parquet(path: Path) -> Iterator[tuple[str, object]]:
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            _check_columns(names, path)
            _check_size(file.metadata, path)
            table = file.read(columns=[name for name in names if name in PostRow.model_fields])
        rows = _with_microseconds(table).to_pylist()
    except (pa.ArrowException, ValueError, OverflowError) as error:
        why = " ".join(str(error).split())
        raise UnreadableSource(f"{path} is not a readable Parquet file ({why}): fetch it again") from None
    for number, row in enumerate(rows, start=1):
        yield f"row {number}", row


def _check_size(metadata: pq.FileMetaData, path: Path) -> None:
    """Refuse a file that unpacks to far more than it should."""
    size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    if size > MAX_BYTES or metadata.num_rows > MAX_BYTES // 100:
        raise UnreadableSource(f"{path} unpacks to more than {MAX_BYTES // 2**20} MiB: split it")


def _with_microseconds(table: pa.Table) -> pa.Table:
    """Times of any unit as the microseconds that Python can hold."""
    position = table.schema.get_field_index("created_at")
    column = table.column(position)
    if not pa.types.is_timestamp(column.type):
        return table
    moments = pc.cast(column, pa.timestamp("us", tz="UTC"), safe=column.type.unit != "ns")
    return table.set_column(position, "created_at", moments)


def _check_columns(names: Sequence[str], path: Path) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        there = ", ".join(ascii(name) for name in names[:20]) or "none"
        raise UnreadableSource(f"{path} has no column {', '.join(missing)} (found {there}): rename or add it")
