"""A disk without room, as each library reports it, told in one sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from hugtweets.errors import DiskFull
from hugtweets.storage.home import Home

# What libraries written in Rust (safetensors, tokenizers) leave of the number: std::io::Error ends so.
_IN_RUST = f"(os error {errno.ENOSPC})"


@contextmanager
def naming_full_disk(home: Home, handle: str) -> Iterator[None]:
    """Let an error that means a full disk, or a quota used up, end the block as one of ours.

    Raises:
        DiskFull: there was no room for what the account needs.
    """
    try:
        yield
    except Exception as error:
        if not _means_full(error):
            raise
        raise DiskFull(
            f"there is no room left on the disk for {handle} in {home.root}: free some and run the same command "
            "again, it goes on from here"
        ) from error


def _means_full(error: Exception) -> bool:
    number = error.errno if isinstance(error, OSError) else None
    return number in (errno.ENOSPC, errno.EDQUOT) or _IN_RUST in str(error)
