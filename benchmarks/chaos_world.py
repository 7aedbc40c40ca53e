"""What surrounds the night of :mod:`benchmarks.chaos`: X, W&B and Prefect on this machine, and a disk that is full."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml
from processes import family
from services import prefect_server, save_tiny_model, simulator, write_timelines

from tests.fixtures.wandb_server import WandbServer

TOKEN = "AAAAchaosBEARERtokenAAAA"  # noqa: S105  # of the simulator; no file may hold it
WANDB_KEY = "0123456789abcdef" * 3
SUSPENDED, PROTECTED, FEW, FULL = ("suspended_1", "suspended_2"), "protected_1", "few_posts", "full_disk"
FEW_POSTS = 5
TIMEOUT_SECONDS = 5

FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 503, "share": 0.05},
    {"kind": "drop", "share": 0.03},
    {"kind": "cut", "share": 0.02},
    {"kind": "rate_limit", "reset_seconds": 2, "share": 0.02},
    {"kind": "rate_limit", "share": 0.02},
    {"kind": "slow", "seconds": 0.7, "share": 0.05},
    {"kind": "slow", "seconds": 2 * TIMEOUT_SECONDS, "share": 0.01},
)


@dataclass(frozen=True)
class World:
    """Where everything is; ``timelines`` maps each account to its posts, id to text, as X has them."""

    folder: Path
    home: Path
    accounts: Path
    timelines: Mapping[str, Mapping[str, str]]
    x_url: str
    prefect_url: str
    wandb: WandbStandIn
    environment: Mapping[str, str]

    @property
    def log(self) -> Path:
        """What the runs wrote on stderr, all of them."""
        return self.folder / "runs.log"

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


class WandbStandIn:
    """The stand-in for W&B, which can be unreachable for a while and keeps what it knows."""

    def __init__(self) -> None:
        self._server = WandbServer().__enter__()
        self.url = self._server.url

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
        self._server = WandbServer(port=before.server_port)
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
        wandb = WandbStandIn()
        stack.callback(wandb.leave)
        _, x_url = stack.enter_context(simulator(folder / "x", *faults))
        _, prefect_url = stack.enter_context(prefect_server(folder / "prefect"))
        secrets = {"X_BEARER_TOKEN": TOKEN, "WANDB_API_KEY": WANDB_KEY}
        places = {"X_API_URL": x_url, "WANDB_BASE_URL": wandb.url, "PREFECT_API_URL": prefect_url}
        machine = {"HF_HUB_OFFLINE": "1", "NETRC": str(folder / "no-netrc"), "PREFECT_HOME": str(folder / "prefect")}
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "WANDB_"))}
        yield World(folder, home, accounts, timelines, x_url, prefect_url, wandb, plain | secrets | places | machine)


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
