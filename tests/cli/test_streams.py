"""A terminal with few characters, a reader who leaves, a full disk behind stdout."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hugtweets.storage.home import Home
from hugtweets.timelines.posts import Post
from hugtweets.timelines.timeline import Timeline, save
from tests.cli.conftest import Program

PROGRAM = [sys.executable, "-m", "hugtweets.cli"]


def shown(program: Program, monkeypatch: pytest.MonkeyPatch, encoding: str, *command: str) -> str:
    """What a command that succeeds writes to a terminal of that encoding."""
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    # Not in a fixture: between set-up and test pytest puts its own stdout in place.
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", terminal)
        assert program(*command) == 0
    terminal.seek(0)
    return terminal.read()


def remember(home: Home, name: str) -> None:
    home.timelines.mkdir(parents=True)
    post = Post("1", datetime(2024, 1, 1, tzinfo=UTC), "hi", source="x")
    save(home.timeline(name), Timeline().merged([post]))


@pytest.mark.parametrize(("encoding", "command"), [("ascii", "doctor"), ("cp1252", "show"), ("ascii", "show")])
def test_what_a_terminal_cannot_show_is_replaced(
    program: Program, monkeypatch: pytest.MonkeyPatch, home: Home, encoding: str, command: str
) -> None:
    place = Home(home.root / "\N{BLACK STAR}")
    remember(place, "alice")
    arguments = [command, "alice"] if command == "show" else [command]
    assert "?" in shown(program, monkeypatch, encoding, "--home", str(place.root), *arguments)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_loses_nothing_whatever_the_encoding(
    program: Program, monkeypatch: pytest.MonkeyPatch, home: Home, encoding: str
) -> None:
    place = Home(home.root / "\N{BLACK STAR}")
    remember(place, "alice")
    document = shown(program, monkeypatch, encoding, "--home", str(place.root), "show", "alice", "--json")
    assert json.loads(document)["timeline"] == str(place.timeline("alice"))


def ended(stdout: int, command: str) -> tuple[int, str]:
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [*PROGRAM, command], stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, check=False
    )
    return done.returncode, done.stderr


def test_a_reader_who_leaves_early_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    assert ended(writer, "--version") == (1, "")
    os.close(writer)


def test_a_full_disk_behind_stdout_is_one_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        code, said = ended(full.fileno(), "--version")
    assert (code, len(said.splitlines())) == (1, 1)
    assert os.strerror(28) in said
