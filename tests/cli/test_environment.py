"""Broken environments: what a person meets there is one sentence that names the variable or the folder."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from pathlib import Path

import pytest

from hugtweets.cli.output import describe
from tests.cli.conftest import Program

RUN = ("run", "alice", "--source", "file:posts.jsonl", "--set", "tracking.mode=disabled")
NONSENSE = {
    "X_API_URL": "http://x.example:port",
    "PREFECT_API_URL": "nonsense",
    "WANDB_BASE_URL": "nonsense",
    "HF_ENDPOINT": "http://[",
    "HTTP_PROXY": "nonsense",
    "https_proxy": "proxy:3128",
    "ALL_PROXY": "gopher://proxy",
    "WANDB_API_KEY": "s3cret\nkey",
    "HF_TOKEN": "s3cret\ntoken",
    "PREFECT_API_KEY": "s3cret key",
    "HUGTWEETS_HOME": "~nobody-of-this-name/home",
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_variable_that_makes_no_sense_is_named_and_not_repeated(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, NONSENSE[name])
    assert program(*RUN) == 2
    printed = capsys.readouterr().err
    assert name in printed
    assert len(printed.strip().splitlines()) == 1
    assert "s3cret" not in printed


@pytest.mark.parametrize("root", ["file", "file/home", "long" * 100, "locked"])
@pytest.mark.parametrize("command", [RUN, ("show", "alice"), ("report",)])
def test_a_home_that_cannot_be_used_is_named(
    program: Program, capsys: pytest.CaptureFixture[str], tmp_path: Path, root: str, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "locked").symlink_to("/proc/self/nothing")
    assert program("--home", str(tmp_path / root), *command) in (1, 2)
    printed = capsys.readouterr().err
    assert "unforeseen" not in printed
    assert str((tmp_path / root).resolve()) in printed
    assert len(printed.strip().splitlines()) == 1


def test_doctor_looks_at_everything_although_everything_is_broken(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    named = ("HOME", "HUGTWEETS_HOME", "PREFECT_HOME", "HF_HOME", "WANDB_DIR")
    for name, value in {
        **NONSENSE,
        **dict.fromkeys(named, str(tmp_path / "file" / "home")),
        # Where W&B is given other folders, they are written here.
        **dict.fromkeys(("WANDB_CACHE_DIR", "WANDB_DATA_DIR"), ""),
        "X_BEARER_TOKEN": "s3cret\n",
        "TMPDIR": "/none",
        "TZ": "No/Zone",
    }.items():
        monkeypatch.setenv(name, value)
    assert program("doctor", "--json") == 1
    printed = capsys.readouterr().out
    broken = {found["subject"] for found in json.loads(printed)["findings"] if found["verdict"] == "missing"}
    assert broken >= {"environment", "home", "X API", "Prefect", "model hub"}
    assert "s3cret" not in printed


def test_doctor_says_that_the_server_of_a_run_cannot_keep_its_database(
    program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file" / "prefect"))
    assert program("doctor", "--json") == 1
    (found,) = [f for f in json.loads(capsys.readouterr().out)["findings"] if f["subject"] == "Prefect"]
    assert "PREFECT_HOME" in found["advice"]


def test_a_folder_that_another_person_served_from_first_is_told_with_the_variable_that_moves_it() -> None:
    there = Path(tempfile.gettempdir()) / "runner_storage" / "0b0c"
    said = describe(PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there)))
    assert said.endswith("choose another folder with TMPDIR")
