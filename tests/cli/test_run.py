"""``hugtweets run``: its exit code says whether what was asked for by name was had."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.fixtures.flows import rows, write_timeline

OPTIONS = ("--until", "clean", "--set", "tracking.mode=disabled")


def test_an_empty_file_is_skipped_and_no_success(
    program: Program, prefect_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "alice.jsonl"
    path.write_text("")
    assert program("run", "alice", "--source", f"file:{path}", *OPTIONS) == 1
    shown = capsys.readouterr()
    assert "alice skipped" in shown.out
    assert "there is no post of alice in" in shown.out
    write_timeline(path, rows(3))
    assert program("run", "alice", "--source", f"file:{path}", *OPTIONS) == 0
