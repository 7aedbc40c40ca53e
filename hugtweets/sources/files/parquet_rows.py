"""Rows of a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.errors import UnreadableSource
from hugtweets.sources.files.rows import Row, Rows
from hugtweets.sources.files.text import MAX_BYTES

_BATCH = 1000  # rows


def read_parquet(path: Path) -> Rows:
    """The rows of a Parquet file by column."""
    with _damage_refused(path), pq.ParquetFile(path) as file:
        columns = file.schema_arrow.names
    return Rows("Parquet", _read(path), columns)


def _read(path: Path) -> Iterator[Row]:
    number = 0
    with _damage_refused(path), pq.ParquetFile(path) as file:
        _check_size(file.metadata, path)
        for batch in file.iter_batches(_BATCH):
            for row in _with_microseconds(pa.Table.from_batches([batch])).to_pylist():
                number += 1
                yield Row(f"row {number}", row)


@contextmanager
def _damage_refused(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, ValueError, OverflowError, OSError) as error:
        # Of what the system says of a file, its caller knows more.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        why = " ".join(str(error).split())
        raise UnreadableSource(f"{path} is not a readable Parquet file ({why}): fetch it again") from None


def _check_size(metadata: pq.FileMetaData, path: Path) -> None:
    """Refuse a file that unpacks to far more than it should."""
    size = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    if size > MAX_BYTES or metadata.num_rows > MAX_BYTES // 100:
        raise UnreadableSource(f"{path} unpacks to more than {MAX_BYTES // 2**20} MiB: split it")


def _with_microseconds(table: pa.Table) -> pa.Table:
    """Times of any unit as the microseconds that Python can hold."""
    for position, column in enumerate(table.columns):
        if pa.types.is_timestamp(column.type):
            moments = pc.cast(column, pa.timestamp("us", tz="UTC"), safe=column.type.unit != "ns")
            table = table.set_column(position, table.column_names[position], moments)
    return table
