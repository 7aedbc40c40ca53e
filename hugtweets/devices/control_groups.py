"""What the control groups of this process leave it of the machine's memory, as in a container; Linux only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")
OF_PROCESS = Path("/proc/self/cgroup")
# How the two versions call a limit, what is used, and cached files, which make room before anything is refused.
NAMES = {
    "unified": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def memory_left(mounted: Path = MOUNTED, of_process: Path = OF_PROCESS) -> int | None:
    """Bytes that this process may still take; None if no control group limits it.

    Args:
        mounted: where the control groups are.
        of_process: the file that says in which of them this process is.
    """
    return min(
        (left for folder, version in _groups(mounted, of_process) for left in _left(folder, version)), default=None
    )


def _groups(mounted: Path, of_process: Path) -> Iterator[tuple[Path, str]]:
    """The group of this process and those around it, each with its version: the narrowest of all limits holds."""
    try:
        lines = of_process.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, name = line.split(":", 2)
        version = "unified" if number == "0" and not controllers else "memory"
        if version == "memory" and "memory" not in controllers.split(","):
            continue
        top = mounted if version == "unified" else mounted / "memory"
        # In a container the name may be the machine's, of a folder that is not to be seen here: its top is the group.
        group = top / name.lstrip("/")
        yield from ((folder, version) for folder in (group, *group.parents) if folder.is_relative_to(top))


def _left(folder: Path, version: str) -> Iterator[int]:
    """What one group leaves, if it has a limit."""
    limit, used, cached = NAMES[version]
    try:
        most = (folder / limit).read_text(encoding="ascii").strip()
        taken = int((folder / used).read_text(encoding="ascii"))
        statistics = (folder / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    if most != "max":
        counts = dict(line.split() for line in statistics)
        yield max(0, int(most) - taken + int(counts.get(cached, 0)))
