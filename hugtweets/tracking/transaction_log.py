"""The file ``run-<id>.wandb`` of a run, and when wandb is done with it.

The file is a header (``:W&B``, a magic number of 2 bytes, a version of 1), then blocks of 32 KiB as in the logs of
LevelDB: each record is cut into fragments with checksum (4 bytes), length (2) and kind (1). A record is a protobuf
message of :mod:`wandb.proto.wandb_internal_pb2`; the last one of a finished run tells how it exited. W&B's service
writes the file, and closes it at some time after ``run.finish()`` has returned.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from pathlib import Path

from hugtweets.tracking.internals import parse_record

HEADER = struct.Struct("<4sHB")
FRAGMENT = struct.Struct("<IHB")
BLOCK = 32_768
FULL, FIRST, LAST = 1, 2, 4
POLL_SECONDS = 0.005


def records(data: bytes) -> Iterator[bytes]:
    """The records of a file, as far as they are complete: one that is being written ends where nobody can foresee."""
    position, parts = HEADER.size, b""
    while position + FRAGMENT.size <= len(data):
        left = BLOCK - position % BLOCK
        if left < FRAGMENT.size:
            position += left
            continue
        _, length, kind = FRAGMENT.unpack_from(data, position)
        position += FRAGMENT.size
        if position + length > len(data):
            return
        parts = (b"" if kind in (FULL, FIRST) else parts) + data[position : position + length]
        position += length
        if kind in (FULL, LAST):
            yield parts


def wait_until_written(path: Path, seconds: float) -> None:
    """Wait for the end of a finished run to be on disk, so that a crash from here on, or a removal, finds all of it.

    Raises:
        TimeoutError: wandb has not written it within so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not is_finished(path):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{path.name} is not complete after {seconds:g} s")
        time.sleep(POLL_SECONDS)


def is_finished(path: Path) -> bool:
    """Whether all of a run is in its file: it is not being written any more, and nothing broke it off."""
    last = b""
    for data in records(path.read_bytes() if path.exists() else b""):
        last = data
    return bool(parse_record(last).HasField("exit"))
