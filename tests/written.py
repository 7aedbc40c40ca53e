"""Whether a file was written since: when it was last *read* changes by itself, so a plain ``stat`` would not do."""

from __future__ import annotations

from pathlib import Path


def written(path: Path) -> tuple[int, int]:
    """Changes with every write to the file, and with every file put in its place."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns
