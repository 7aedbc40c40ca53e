"""Whether W&B's service is done with the file of a run, told from the file."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hugtweets.config import TrackingConfig
from hugtweets.storage.artifacts import Plan, create
from hugtweets.storage.home import Home
from hugtweets.tracking import Content, track
from hugtweets.tracking.transaction_log import BLOCK, records, wait_until_written

LONG = "a sentence that takes part of a block " * 300


def fill(folder: Path) -> dict[str, Any]:
    (folder / "posts.txt").write_text("hello")
    return {}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a run of several blocks, read at the moment at which it is said to be written."""
    home = Home(tmp_path_factory.mktemp("finished"))
    content = Content(summary={f"long {number}": LONG for number in range(8)})
    track(home, create(home, Plan("clean", 1, "alice"), fill), content, TrackingConfig(mode="offline"), "night")
    (path,) = home.wandb.glob("offline-run-*/run-*.wandb")
    return path.read_bytes()


def test_a_run_is_whole_once_it_is_said_to_be_written(finished: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.wandb"
    path.write_bytes(finished)
    assert len(finished) > 2 * BLOCK
    wait_until_written(path, seconds=0)


@given(st.data())
def test_a_file_of_which_any_part_of_the_end_is_missing_is_not_written_yet(
    finished: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "run.wandb"
    path.write_bytes(finished[: data.draw(st.integers(0, len(finished) - 1))])
    with pytest.raises(TimeoutError, match=r"run\.wandb is not complete after 0 s"):
        wait_until_written(path, seconds=0)


def test_what_is_there_of_a_file_that_is_being_written_can_be_read(finished: bytes) -> None:
    whole = list(records(finished))
    part = list(records(finished[: len(finished) // 2]))
    assert 0 < len(part) < len(whole)
    assert part == whole[: len(part)]


def test_the_end_is_waited_for(finished: bytes, tmp_path: Path) -> None:
    path = tmp_path / "run.wandb"
    path.write_bytes(finished[:-9])

    def go_on() -> None:
        with path.open("ab") as file:
            file.write(finished[-9:])

    service = threading.Timer(0.1, go_on)
    service.start()
    wait_until_written(path, seconds=60)
    assert path.read_bytes() == finished
    service.join()
