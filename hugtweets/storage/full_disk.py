"""A full disk, as each library reports it, turned into one error of ours."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from hugtweets.errors import DiskFull
from hugtweets.storage.home import Home

# How std::io::Error ends: libraries written in Rust (safetensors, tokenizers) raise no OSError.
_IN_RUST = f"(os error {errno.ENOSPC})"


@contextmanager
def naming_full_disk(home: Home, handle: str) -> Iterator[None]:
    """Raise ``DiskFull`` for any error in the block that means a full disk, or a quota used up."""
    try:
        yield
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else None
        if number not in (errno.ENOSPC, errno.EDQUOT) and _IN_RUST not in str(error):
            raise
        raise DiskFull(
            f"there is no room left on the disk for {handle} in {home.root}: free some and run the same command "
            "again, it goes on from here"
        ) from error
