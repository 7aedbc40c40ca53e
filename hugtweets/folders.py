"""Folders that appear whole or not at all: filled under a temporary name, then renamed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hugtweets.partials import partial_prefix, remove_abandoned


@contextmanager
def filling(folder: Path, proof: str) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``; when the block ends well it takes that name.

    A folder of that name is whole if it holds the file ``proof``. Such a one, which another process finished first,
    stays, and this one's work is dropped; any other, which a removal left when it was cut short, gives way. What killed
    processes of this machine left half filled is removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder.parent)
    partial = Path(tempfile.mkdtemp(prefix=partial_prefix(), dir=folder.parent))
    try:
        yield partial
        partial.chmod(0o755)
        _rename(partial, folder, proof)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename(partial: Path, folder: Path, proof: str) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if (folder / proof).is_file():
            return
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
