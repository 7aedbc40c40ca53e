"""The memory that a container leaves, by files as Linux shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hugtweets.devices import hardware
from hugtweets.devices.control_groups import memory_left
from hugtweets.devices.hardware import ask_hardware, with_limit
from tests.fixtures.hardware import GIB, PROCESSOR

# What the first version says where there is none.
NO_LIMIT = 9_223_372_036_854_771_712


def group(folder: Path, names: tuple[str, str], limit: str, used: int, statistics: str) -> None:
    """One control group."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{limit}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(statistics)


def unified(folder: Path, limit: str, used: int, cached: int = 0) -> None:
    """One of version 2."""
    group(folder, ("memory.max", "memory.current"), limit, used, f"anon 7\ninactive_file {cached}\n")


def older(folder: Path, limit: str, used: int, cached: int = 0) -> None:
    """One of version 1, whose own count leaves out the groups within it."""
    statistics = f"inactive_file 1\ntotal_inactive_file {cached}\n"
    group(folder, ("memory.limit_in_bytes", "memory.usage_in_bytes"), limit, used, statistics)


def left(folder: Path, of_process: str) -> int | None:
    """What a process in these groups may take."""
    (folder / "process").write_text(of_process)
    return memory_left(folder, folder / "process")


def test_the_narrowest_limit_around_a_process_holds(tmp_path: Path) -> None:
    unified(tmp_path / "pods", str(4 * GIB), GIB)
    unified(tmp_path / "pods" / "one", "max", GIB)
    assert left(tmp_path, "0::/pods/one\n") == 3 * GIB


def test_a_container_sees_its_own_group_at_the_top(tmp_path: Path) -> None:
    unified(tmp_path, str(2 * GIB), GIB)
    assert left(tmp_path, "0::/\n") == GIB


def test_cached_files_make_room(tmp_path: Path) -> None:
    unified(tmp_path, str(2 * GIB), 2 * GIB, cached=GIB)
    assert left(tmp_path, "0::/\n") == GIB


def test_the_first_version_is_read_even_if_a_container_hides_the_name_of_its_group(tmp_path: Path) -> None:
    older(tmp_path / "memory", str(3 * GIB), 2 * GIB, cached=GIB)
    assert left(tmp_path, "9:pids:/docker/0a1b\n4:memory:/docker/0a1b\n0::/docker/0a1b\n") == 2 * GIB


def test_without_a_limit_nothing_is_said(tmp_path: Path) -> None:
    assert left(tmp_path, "0::/\n") is None
    unified(tmp_path, "max", GIB)
    assert left(tmp_path, "0::/\n") is None
    assert memory_left(tmp_path, tmp_path / "missing") is None


def test_of_two_memories_the_smaller_one_counts_and_is_named() -> None:
    limited = with_limit(PROCESSOR, GIB)
    assert (limited.free, limited.limit) == (GIB, "the memory limit of this container")
    assert with_limit(PROCESSOR, None) == with_limit(PROCESSOR, NO_LIMIT) == PROCESSOR


def test_the_processor_is_asked_for_what_its_container_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "memory_left", lambda: 2**20)
    assert ask_hardware("cpu").free == 2**20
