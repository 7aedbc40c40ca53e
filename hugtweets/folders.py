"""Folders that appear whole or not at all: filled under a temporary name, then renamed."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def filling(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``; when the block ends well it takes that name.

    If another process finished the same folder first, its work stays and this one's is dropped. What killed processes
    of this machine left half filled is removed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder.parent)
    partial = Path(tempfile.mkdtemp(prefix=f"{_machine_prefix()}{os.getpid()}-", dir=folder.parent))
    try:
        yield partial
        partial.chmod(0o755)
        _rename(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _rename(partial: Path, folder: Path) -> None:
    try:
        partial.rename(folder)
    except OSError:
        if not folder.is_dir():
            raise


def _machine_prefix() -> str:
    return f".partial-{socket.gethostname()}-"


def _remove_abandoned(parent: Path) -> None:
    if not Path("/proc/self").exists():
        return
    for partial in parent.glob(f"{_machine_prefix()}*"):
        process = partial.name.removeprefix(_machine_prefix()).split("-")[0]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(partial, ignore_errors=True)
