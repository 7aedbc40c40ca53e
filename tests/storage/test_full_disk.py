"""A full disk is one account's failure, said in one sentence, whichever library met it."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from flows.account import account
from hugtweets.errors import DiskFull
from hugtweets.storage.full_disk import naming_full_disk
from hugtweets.storage.home import Home
from tests.fixtures.flows import outcome_of, request, rows, tiny_config, write_timeline

Write = Callable[[Path], object]


@pytest.fixture
def small_disk(home: Home) -> Iterator[Path]:
    """A file system of 16 KiB where alice's clean posts would go."""
    folder = home.artifacts / "clean" / "alice"
    folder.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("mounting a file system is not allowed here")
    (folder / "filler").write_bytes(b"\0" * 16 * 1024)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


WRITES: dict[str, Write] = {
    "text": lambda path: path.write_text("to be continued"),
    "table": lambda path: pq.write_table(pa.table({"text": ["to be continued"]}), path),
    "weights": lambda path: save_file({"weight": torch.zeros(1000)}, path),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_no_room_is_told_with_account_and_place(home: Home, small_disk: Path, write: Write) -> None:
    with pytest.raises(DiskFull, match=f"for alice in {home.root}"), naming_full_disk(home, "alice"):
        write(small_disk / "posts")


def test_other_errors_are_not_taken_for_a_full_disk(home: Home) -> None:
    with pytest.raises(PermissionError), naming_full_disk(home, "alice"):
        raise PermissionError(errno.EACCES, "not allowed")


@pytest.mark.usefixtures("prefect_server")
def test_an_account_without_room_fails_with_the_reason_and_completes_later(
    home: Home, tmp_path: Path, small_disk: Path
) -> None:
    alice = request("alice", write_timeline(tmp_path / "alice.jsonl", rows(30)), tiny_config())
    full = outcome_of(account(alice, "clean", return_state=True)).accounts[0]
    assert (full.status, list(full.steps)) == ("failed", ["fetch"])
    assert "no room left on the disk for alice" in (full.reason or "")
    assert [path.name for path in small_disk.iterdir()] == ["filler"]

    (small_disk / "filler").unlink()
    again = outcome_of(account(alice, "clean", return_state=True)).accounts[0]
    assert (again.status, again.counts["kept"]) == ("completed", 30)
