"""What stayed on this machine is sent once W&B is there again, to a stand-in for its server on loopback."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from hugtweets.config import TrackingConfig
from hugtweets.errors import ConfigurationError
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home
from hugtweets.tracking import MARKER, Content, track
from hugtweets.tracking.markers import SENT
from hugtweets.tracking.sending import kept_runs
from hugtweets.tracking.settings import check_sending
from tests.fixtures.tracked import KEY, SCRIPT, make_chain, run_command, run_script
from tests.fixtures.wandb_server import WandbServer

STEPS: dict[str, tuple[str, ...]] = {"fetch": (), "clean": ("fetch",)}
LINEAGE: dict[str, tuple[set[str], set[str]]] = {
    "fetch-Ana": (set(), {"timeline-Ana"}),
    "clean-Ana": ({"timeline-Ana"}, {"clean-Ana"}),
}

# What the end of a run does.
SEND = """
import logging, sys
from pathlib import Path
from hugtweets.config import TrackingConfig
from hugtweets.storage.home import Home
from hugtweets.tracking.sending import send_waiting
logging.basicConfig(format="%(message)s", level=logging.INFO)
send_waiting(Home(Path(sys.argv[1])), TrackingConfig())
"""

# A table with a row too short, then a run in which all is well.
FAULTY = """
import sys
from pathlib import Path
from hugtweets.config import TrackingConfig
from hugtweets.storage.artifacts import references
from hugtweets.storage.home import Home
from hugtweets.tracking import Content, track
home = Home(Path(sys.argv[1]))
first, second = references(home, "Ana")
try:
    track(home, first, Content(table=("t", ["a", "b"], [["a"]])), TrackingConfig(), "nightly")
except ValueError:
    print("raised")
track(home, second, Content(), TrackingConfig(), "nightly")
"""


@pytest.fixture(autouse=True)
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_MODE", "WANDB_DISABLED", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def marker_of(reference: Reference) -> dict[str, str]:
    marker: dict[str, str] = json.loads(reference.file(MARKER).read_text())
    return marker


def sync(home: Home, server: WandbServer) -> tuple[int, str]:
    command = [sys.executable, "-m", "hugtweets.cli", "sync", "--home", str(home.root)]
    done = run_command(command, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
    return done.returncode, done.stdout.strip()


def test_what_an_outage_kept_is_sent_once_by_the_next_run_that_gets_through(home: Home) -> None:
    made = make_chain(home, STEPS)
    with WandbServer(401) as server:
        run_script(SCRIPT, home, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
        assert len(kept_runs(home, waiting=True)) == 2
        server.status = 200
        first, second = (run_script(SEND, home, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url) for _ in range(2))
    assert first.stderr.splitlines() == ["2 runs that were kept are sent to W&B now"]
    assert (second.returncode, second.stderr) == (0, "")
    assert server.lineage() == LINEAGE
    marker = marker_of(made["clean"])
    assert (marker["mode"], marker["url"]) == ("online", f"{server.url}/team/hugtweets/runs/{marker['run_id']}")
    assert json.loads((Path(marker["folder"]) / SENT).read_text())["url"] == marker["url"]
    assert KEY not in "".join(path.read_text() for path in home.root.rglob("hugtweets-*.json"))


def test_what_was_to_stay_here_is_sent_only_by_hugtweets_sync(home: Home) -> None:
    made = make_chain(home, {"fetch": ()})
    track(home, made["fetch"], Content(), TrackingConfig(mode="offline"), "nightly")
    assert kept_runs(home, waiting=True) == []
    with WandbServer(refused=frozenset({"CreateArtifact"})) as server:
        assert sync(home, server)[0] == 1
        assert marker_of(made["fetch"])["mode"] == "offline"
        server.refused = frozenset()
        assert sync(home, server) == (0, "1 runs sent, 0 left")
    assert server.lineage() == {"fetch-Ana": LINEAGE["fetch-Ana"]}


def test_what_a_kill_broke_off_is_not_sent_and_holds_nothing_up(home: Home) -> None:
    broken = home.wandb / "offline-run-20260101_000000-0badcafe"
    broken.mkdir(parents=True)
    (broken / "run-0badcafe.wandb").write_bytes(b":W&B\xe7\xb6\x00")
    made = make_chain(home, {"fetch": ()})
    track(home, made["fetch"], Content(), TrackingConfig(mode="offline"), "nightly")
    with WandbServer() as server:
        assert sync(home, server) == (0, "1 runs sent, 0 left")


def test_nothing_is_sent_where_tracking_is_disabled() -> None:
    with pytest.raises(ConfigurationError, match="tracking is disabled, so nothing is sent"):
        check_sending(TrackingConfig(mode="disabled"))


def test_an_error_of_a_programmer_is_raised_and_the_next_run_goes_online(home: Home) -> None:
    made = make_chain(home, STEPS)
    with WandbServer() as server:
        done = run_script(FAULTY, home, WANDB_API_KEY=KEY, WANDB_BASE_URL=server.url)
    assert (done.stdout, done.returncode) == ("raised\n", 0)
    assert not made["fetch"].file(MARKER).exists()
    assert marker_of(made["clean"])["mode"] == "online"
