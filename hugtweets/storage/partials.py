"""Files and folders under way: the temporary names they have, and what becomes of those that killed processes left."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path


def partial_prefix() -> str:
    """How the temporary names of this process begin: they name its machine and its number."""
    return f"{_machine_prefix()}{os.getpid()}-"


def remove_abandoned(parent: Path) -> None:
    """Remove from a folder what killed processes of this machine left half made."""
    if not Path("/proc/self").exists():
        return
    for partial in parent.glob(f"{_machine_prefix()}*"):
        process = partial.name.removeprefix(_machine_prefix()).split("-")[0]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            _remove(partial)


def _remove(partial: Path) -> None:
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    else:
        partial.unlink(missing_ok=True)


def _machine_prefix() -> str:
    return f".partial-{socket.gethostname()}-"
