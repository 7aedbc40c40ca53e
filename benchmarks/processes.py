"""What a process and all below it use: resident memory and processor time, read from /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


class Peak:
    """Samples the resident memory of a process and all below it until it is stopped."""

    def __init__(self, process: int) -> None:
        self.bytes = 0
        self._process = process
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The peak in bytes."""
        self._stop.set()
        self._thread.join()
        return self.bytes

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            self.bytes = max(self.bytes, sum(resident(process) for process in family(self._process)))


def family(process: int) -> list[int]:
    """A process and all its descendants."""
    found = [process]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found


def resident(process: int) -> int:
    """Resident bytes; shared pages count in each process, so that a sum is an upper bound."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def processor_seconds(process: int) -> float:
    """Seconds that a living process, its descendants and those it has waited for have computed."""
    return sum(_ticks(member) for member in family(process)) / TICKS


def _ticks(process: int) -> int:
    # The name in parentheses may hold anything; user, system and both of ended children are fields 14 to 17.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15]))
