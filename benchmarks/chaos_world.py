"""What surrounds the night of :mod:`benchmarks.chaos`: X, W&B and Prefect on this machine, and a disk that is full."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from processes import family
from services import free_port, prefect_server, save_tiny_model, simulator, write_timelines

from tests.fixtures.wandb_server import WandbServer

# Of the simulator, for the nights and for the ad hoc runs; no file may hold them.
TOKENS = {"nightly": "AAAAchaosBEARERtokenAAAA", "ad hoc": "BBBBchaosBEARERtokenBBBB"}
WANDB_KEY = "0123456789abcdef" * 3
SUSPENDED, PROTECTED, FEW, FULL = ("suspended_1", "suspended_2"), "protected_1", "few_posts", "full_disk"
FEW_POSTS = 5
TIMEOUT_SECONDS = 5
# Between the end of a server and the start of its successor, as when its machine is started anew.
AWAY_SECONDS = 5
# What an upload that fails meets: W&B has the files and does not take the artifact.
COMMIT, FAILING_SHARE = "CommitArtifact", 0.2

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 503, "share": 0.05},
    {"kind": "drop", "share": 0.03},
    {"kind": "cut", "share": 0.02},
    {"kind": "rate_limit", "reset_seconds": 2, "share": 0.02},
    {"kind": "rate_limit", "share": 0.02},
    {"kind": "slow", "seconds": 0.7, "share": 0.05},
    {"kind": "slow", "seconds": 2 * TIMEOUT_SECONDS, "share": 0.01},
)
REVOKED: tuple[dict[str, Any], ...] = ({"kind": "status", "status": 401, "share": 1.0},)


@dataclass(frozen=True)
class World:
    """Where everything is; ``timelines`` maps each account to its posts, id to text, as X has them."""

    folder: Path
    home: Path
    accounts: Path
    timelines: Mapping[str, Mapping[str, str]]
    x_url: str
    prefect: PrefectServer
    wandb: WandbStandIn
    environment: Mapping[str, str]

    @property
    def runs(self) -> Path:
        """The folder of what the runs printed (JSON) and said (log), two files a run."""
        return self.folder / "runs"

    @property
    def readable(self) -> list[str]:
        """The accounts that X sends posts of."""
        return [handle for handle in self.timelines if handle not in (*SUSPENDED, PROTECTED)]

    @property
    def able(self) -> list[str]:
        """The accounts that can complete."""
        return [handle for handle in self.readable if handle != FEW]

    def asked(self) -> list[dict[str, Any]]:
        """Every request that X was asked."""
        seen: list[dict[str, Any]] = requests.get(f"{self.x_url}/requests", timeout=30).json()
        return seen

    def plan_faults(self, faults: tuple[dict[str, Any], ...]) -> None:
        """Let X do nothing but these from now on."""
        requests.delete(f"{self.x_url}/faults", timeout=30).raise_for_status()
        requests.post(f"{self.x_url}/faults", json=faults, timeout=30).raise_for_status()


class PrefectServer:
    """A Prefect server that can go and come back, at the same address and with the same database."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port, self._up = folder, free_port(), ExitStack()
        self._restarting: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._port}/api"
        # When it was away, in seconds since 1970.
        self.restarts: list[tuple[float, float]] = []
        self._start()

    def restart(self, how: signal.Signals) -> None:
        """Begin to end it by a signal and start it again, while everything else goes on."""
        self._restarting.append(threading.Thread(target=self._restart, args=(how,)))
        self._restarting[-1].start()

    def wait(self) -> None:
        """Return when it answers again."""
        for restarting in self._restarting:
            restarting.join()

    def stop(self) -> None:
        """End it."""
        self.wait()
        self._up.close()

    def _start(self) -> None:
        self._process, _ = self._up.enter_context(prefect_server(self._folder, port=self._port))

    def _restart(self, how: signal.Signals) -> None:
        gone = time.time()
        self.restarts.append((gone, float("inf")))
        os.kill(self._process, how)
        self._up.close()
        time.sleep(AWAY_SECONDS)
        self._start()
        self.restarts[-1] = (gone, time.time())


class Sometimes(frozenset[str]):
    """Operations of which a share is refused, each time by chance; ``refused`` counts them."""

    share, refused = FAILING_SHARE, 0
    chance = random.Random(0)

    def __contains__(self, operation: object) -> bool:
        is_met = super().__contains__(operation) and self.chance.random() < self.share
        self.refused += is_met
        return is_met


class WandbStandIn:
    """The stand-in for W&B: it fails one upload in five, can be unreachable for a while, and keeps what it knows."""

    def __init__(self, seed: int) -> None:
        self._failing = Sometimes({COMMIT})
        self._failing.chance = random.Random(seed)
        self._server = WandbServer(refused=self._failing).__enter__()
        self.url = self._server.url

    @property
    def failed_uploads(self) -> int:
        """How many artifacts were uploaded and not taken."""
        return self._failing.refused

    @property
    def digests(self) -> set[str]:
        """Every alias of every artifact that was committed; our digests are among them."""
        committed = [known for known in self._server.artifacts.values() if known["state"] == "COMMITTED"]
        return {alias for known in committed for alias in known["aliases"]}

    def leave(self) -> None:
        """Accept no connection any more, and fail those that are open."""
        self._server.status = 503
        self._server.__exit__()

    def come_back(self) -> None:
        """Listen at the same address again."""
        before = self._server
        self._server = WandbServer(refused=self._failing, port=before.server_port)
        for name in ("runs", "artifacts", "used", "uploaded"):
            setattr(self._server, name, getattr(before, name))
        self._server.__enter__()


class FullDisk:
    """A file system of 64 KiB in the place of one account's tokens, until it is taken away."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.mounted = False

    def mount(self) -> None:
        """Raises CalledProcessError where this is not allowed."""
        self._folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(self._folder)], check=True)
        self.mounted = True
        (self._folder / "filler").write_bytes(b"\0" * 60 * 1024)

    def unmount(self) -> None:
        """Give the account its disk back."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self._folder)], check=True)
            self.mounted = False


@contextmanager
def world(folder: Path, number: int, seed: int) -> Iterator[World]:
    """Write the accounts and start the servers, each a process of its own that the kills do not touch."""
    home = folder / "home"
    home.mkdir()
    timelines = invent_timelines(folder / "x", number, random.Random(seed))
    (folder / "faults.json").write_text(json.dumps(FAULTS))
    accounts = write_accounts(folder / "accounts.yaml", list(timelines), save_tiny_model(folder / "tiny"))
    faults = ("--faults", str(folder / "faults.json"), "--seed", str(seed))
    with ExitStack() as stack:
        wandb = WandbStandIn(seed)
        stack.callback(wandb.leave)
        _, x_url = stack.enter_context(simulator(folder / "x", *faults))
        prefect = PrefectServer(folder / "prefect")
        stack.callback(prefect.stop)
        places = {"X_API_URL": x_url, "WANDB_BASE_URL": wandb.url, "PREFECT_API_URL": prefect.url}
        places |= {"WANDB_API_KEY": WANDB_KEY}
        machine = {"HF_HUB_OFFLINE": "1", "NETRC": str(folder / "no-netrc"), "PREFECT_HOME": str(folder / "prefect")}
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "WANDB_"))}
        (folder / "runs").mkdir()
        yield World(folder, home, accounts, timelines, x_url, prefect, wandb, plain | places | machine)


def invent_timelines(folder: Path, number: int, chance: random.Random) -> dict[str, dict[str, str]]:
    """150 to 450 posts an account; one account has five, two are suspended, one is protected. Id to text of each."""
    special = [*SUSPENDED, PROTECTED, FEW, FULL]
    handles = [*special, *(f"account_{index:02}" for index in range(number - len(special)))]
    timelines = {}
    for handle in handles:
        write_timelines(folder, [handle], FEW_POSTS if handle == FEW else chance.randint(150, 450))
        posts = map(json.loads, (folder / f"{handle}.jsonl").read_text().splitlines())
        timelines[handle] = {post["id"]: post["text"] for post in posts}
    states = {PROTECTED: {"state": "protected"}} | {handle: {"state": "suspended"} for handle in SUSPENDED}
    (folder / "accounts.json").write_text(json.dumps(states))
    return timelines


def write_accounts(path: Path, handles: list[str], model: Path) -> Path:
    """An accounts file whose models are learned in a second."""
    defaults = {
        "fetch": {"timeout_seconds": TIMEOUT_SECONDS, "retry_delay_seconds": 0.2, "max_wait_seconds": 10},
        "train": {"base_model": str(model), "max_posts": 40, "device": "cpu"},
        "sample": {"prompts": ["the", "a wet"], "per_prompt": 1, "max_characters": 60},
    }
    path.write_text(yaml.safe_dump({"defaults": defaults, "accounts": handles}))
    return path


def kill(process: subprocess.Popen[Any]) -> None:
    """End a process and all that it started with SIGKILL, as if the machine had gone."""
    for member in family(process.pid):
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()
