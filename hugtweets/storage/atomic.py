"""Atomic writes: a reader sees a file or folder as it was or as it is, never half of one.

Everything is written under a temporary name in the same folder and renamed when it is complete. Such a name tells the
machine and the process that writes, so that what a killed process left behind is found and removed.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hugtweets.errors import ConfigurationError


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file; when the block ends without an error, it takes the place of ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=partial_prefix(), dir=path.parent)
    os.close(descriptor)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_file(path) as partial:
        partial.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(folder: Path, marker: str) -> Iterator[Path]:
    """Yield a temporary folder; when the block ends without an error, it is renamed to ``folder``.

    A folder that holds the file ``marker`` is complete. If another process has finished one of that name first, it
    stays, and this one's work is dropped; an incomplete one, which an interrupted removal left, is replaced.
    """
    with _partial_folder(folder) as partial:
        yield partial
        partial.chmod(0o755)
        try:
            partial.rename(folder)
        except OSError:
            if not (folder / marker).is_file():
                shutil.rmtree(folder, ignore_errors=True)
                partial.rename(folder)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder; when the block ends without an error, it is renamed to ``folder``, which a user named.

    Raises:
        ConfigurationError: something of that name exists and is not an empty folder; it is left alone.
    """
    taken = ConfigurationError(f"{folder} is there already and not an empty folder: name another, or empty it")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise taken
    with _partial_folder(folder) as partial:
        yield partial
        for path in [partial, *partial.rglob("*")]:
            # Temporary files and folders are readable by their owner only.
            path.chmod(0o755 if path.is_dir() else 0o644)
        try:
            partial.rename(folder)
        except OSError as error:
            # Something was put there meanwhile.
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise taken from None
            raise


@contextmanager
def _partial_folder(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder.parent)
    partial = Path(tempfile.mkdtemp(prefix=partial_prefix(), dir=folder.parent))
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def partial_prefix() -> str:
    """How the temporary names of this process begin."""
    return f"{_machine_prefix()}{os.getpid()}-"


def remove_leftovers(parent: Path) -> None:
    """Remove from a folder what killed processes of this machine left half written."""
    if not Path("/proc/self").exists():
        return
    for partial in parent.glob(f"{_machine_prefix()}*"):
        process = partial.name.removeprefix(_machine_prefix()).split("-")[0]
        if not process.isdigit() or _is_alive(process):
            continue
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def _is_alive(process: str) -> bool:
    """Whether it still runs: one that was killed stays listed until its parent asks for it."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


def _machine_prefix() -> str:
    return f".partial-{socket.gethostname()}-"
