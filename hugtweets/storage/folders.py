"""Folders that appear whole or not at all: filled under a temporary name, then renamed."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hugtweets.errors import ConfigurationError
from hugtweets.storage.partials import partial_prefix, remove_abandoned


@contextmanager
def filling(folder: Path, proof: str) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``; when the block ends well it takes that name.

    A folder of that name is whole if it holds the file ``proof``. Such a one, which another process finished first,
    stays, and this one's work is dropped; any other, which a removal left when it was cut short, gives way. What killed
    processes of this machine left half filled is removed.
    """
    with _partial(folder) as partial:
        yield partial
        partial.chmod(0o755)
        _rename(partial, folder, proof)


@contextmanager
def creating(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``, which is a person's; when the block ends well it takes that name.

    Raises:
        ConfigurationError: there is something of that name, and it is not an empty folder; it is left alone.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise _taken(folder)
    with _partial(folder) as partial:
        yield partial
        for path in [partial, *partial.rglob("*")]:
            # Temporary files and folders are their owner's alone.
            path.chmod(0o755 if path.is_dir() else 0o644)
        try:
            partial.rename(folder)
        except OSError as error:
            # Something was put there meanwhile.
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise _taken(folder) from None
            raise


@contextmanager
def _partial(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(folder.parent)
    partial = Path(tempfile.mkdtemp(prefix=partial_prefix(), dir=folder.parent))
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _taken(folder: Path) -> ConfigurationError:
    return ConfigurationError(f"{folder} is there already and not an empty folder: name another, or empty it")


def _rename(partial: Path, folder: Path, proof: str) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if (folder / proof).is_file():
            return
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
