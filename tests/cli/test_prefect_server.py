"""The Prefect server that a run starts for itself: others start theirs at the same moment, and it says a lot."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from hugtweets.cli.prefect_server import served
from hugtweets.errors import ConfigurationError, ServerUnavailable

# As many as start at once on the same new machine, and over how many accounts each goes.
RUNS = {"one": 2, "two": 100}


def refreshing(folder: Path, name: str, accounts: int) -> subprocess.Popen[str]:
    """A run over accounts without posts in a home of its own; Prefect's folder is new, and the same for all runs."""
    handles = "".join(f"- {{handle: {name}{number}, source: 'file:posts.jsonl'}}\n" for number in range(accounts))
    (folder / f"{name}.yaml").write_text(f"accounts:\n{handles}", encoding="utf-8")
    command = [sys.executable, "-m", "hugtweets.cli", "--home", name, "refresh", f"{name}.yaml", "--until", "fetch"]
    environment = os.environ | {"PREFECT_HOME": str(folder / "prefect"), "PYTHONPATH": str(Path.cwd())}
    return subprocess.Popen(
        command, cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def test_runs_that_start_at_once_say_nothing_but_what_became_of_their_accounts(tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").touch()
    runs = {name: refreshing(tmp_path, name, accounts) for name, accounts in RUNS.items()}
    said = {name: run.communicate()[1].splitlines() for name, run in runs.items()}
    of_accounts = re.compile(r"[\d:]{8} (one|two)\d+: skipped: there is no post of ")
    assert {name: sum(bool(of_accounts.match(line)) for line in lines) for name, lines in said.items()} == RUNS
    of_runs = re.compile(
        r"[\d:]{8} (starting Prefect$|waiting until the Prefect server of another run|the options of )"
    )
    others = [line for lines in said.values() for line in lines if not of_accounts.match(line)]
    assert [line for line in others if not of_runs.match(line)] == []
    assert [run.returncode for run in runs.values()] == [0, 0]
    assert (tmp_path / "prefect" / "hugtweets-server.log").exists()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Prefect's folder, and no server set."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    with temporary_settings({PREFECT_HOME: tmp_path / "prefect"}, restore_defaults={PREFECT_API_URL}):
        yield tmp_path / "prefect"


def test_a_server_that_cannot_start_ends_the_run_and_names_its_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No Python starts under this.
    monkeypatch.setenv("PYTHONHOME", str(folder))
    with pytest.raises(ServerUnavailable, match=r"hugtweets-server\.log"), served():
        pass
    assert "PYTHONHOME" in (folder / "hugtweets-server.log").read_text(encoding="utf-8")


def test_a_server_ends_with_its_run_however_that_ends(tmp_path: Path) -> None:
    code = "from hugtweets.cli.prefect_server import served\nwith served(): pass"
    environment = os.environ | {"PREFECT_HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    run = psutil.Popen([sys.executable, "-c", code], env=environment)
    # It is making its tables: whoever runs the same command again must not meet it there.
    while not (tmp_path / "prefect.db").exists():
        assert run.is_running()
        time.sleep(0.05)
    [server] = run.children()
    # What is sent to all processes of the terminal is not sent to it.
    assert os.getpgid(server.pid) != os.getpgid(run.pid)
    run.kill()
    run.wait()
    server.wait(60)


def test_a_folder_of_prefect_that_cannot_be_written_is_named(folder: Path) -> None:
    folder.touch()
    with pytest.raises(ConfigurationError, match=rf"{folder}.*PREFECT_HOME"), served():
        pass


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/api", "nonsense", "http://127.0.0.1:port/api"])
def test_a_server_that_is_away_is_a_sentence_with_its_variable(folder: Path, address: str) -> None:
    with (
        temporary_settings({PREFECT_API_URL: address}),
        pytest.raises(ConfigurationError, match="PREFECT_API_URL"),
        served(),
    ):
        pass


def test_a_server_that_is_gone_before_the_end_is_one_sentence(folder: Path) -> None:
    (folder / "api").mkdir(parents=True)
    (folder / "api" / "health").touch()
    server = HTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder))
    threading.Thread(target=server.serve_forever).start()
    url = f"http://127.0.0.1:{server.server_port}/api"
    with (
        temporary_settings({PREFECT_API_URL: url}),
        pytest.raises(ServerUnavailable, match=f"{url} no longer answers"),
        served(),
    ):
        server.shutdown()
        server.server_close()
        httpx.get(url)


def test_settings_of_prefect_that_make_no_sense_are_named(tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text("active = [", encoding="utf-8")
    code = "from hugtweets.cli.prefect_server import read_settings; read_settings()"
    environment = os.environ | {"PYTHONPATH": str(Path.cwd()), "PREFECT_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    last = ended.stderr.splitlines()[-1]
    assert "ConfigurationError" in last
    assert str(tmp_path / "profiles.toml") in last
