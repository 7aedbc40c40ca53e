"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hugtweets.storage.atomic import atomic_folder, write_text

WRITING_FOR_EVER = """
import sys, time
from pathlib import Path
from hugtweets.storage.atomic import atomic_file

with atomic_file(Path(sys.argv[1])) as partial:
    partial.write_text("half of a sen")
    print("ready", flush=True)
    time.sleep(600)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_half_written_goes_with_the_next_write(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITING_FOR_EVER, str(tmp_path / "kept.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        half = names(tmp_path)
        write_text(tmp_path / "other.txt", "whole")
        assert names(tmp_path) == [*half, "other.txt"]
        process.send_signal(signal.SIGKILL)
    write_text(tmp_path / "kept.txt", "whole")

    assert names(tmp_path) == ["kept.txt", "other.txt"]


def test_that_goes_also_while_the_parent_of_the_killed_process_has_not_noticed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITING_FOR_EVER, str(tmp_path / "kept.txt")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        write_text(tmp_path / "other.txt", "whole")
        assert names(tmp_path) == ["other.txt"]


@pytest.mark.parametrize("complete", [True, False])
def test_only_a_whole_folder_stands_against_a_new_one(tmp_path: Path, complete: bool) -> None:
    folder = tmp_path / "model"
    with atomic_folder(folder, marker="source.json") as partial:
        folder.mkdir()
        (folder / ("source.json" if complete else "left.json")).write_text("of another process")
        (partial / "source.json").write_text("of this one")

    assert names(tmp_path) == ["model"]
    assert (folder / "source.json").read_text() == ("of another process" if complete else "of this one")
