"""Does a night survive what can happen to it?

    PYTHONPATH=. python benchmarks/chaos.py --seed 1 [--accounts 30] [--kills 10] [--keep DIR] [--json]

`hugtweets refresh` works through synthetic accounts of 150 to 450 posts with a tiny model, as a process of its own,
against an X simulator, a Prefect server and a stand-in for W&B. Of the requests to X 5 % are answered by 503, 5 % lose
their connection (2 % in the middle of an answer), 4 % meet a rate limit, half of them without a reset time, and 6 % are
slow, one in six of those beyond the time-out. Two accounts are suspended, one is protected, one has five posts, and one
finds its disk full when it tokenises (a tmpfs of 64 KiB; mounting it needs root). W&B is unreachable from 30 to 60 % of
the way. The process and all its children are killed with SIGKILL at random moments spread over the way, and the same
command is started again after each; the last start is left alone. Then the promises are counted; exit code 1 if one is
broken.

What "paid twice" means: X bills a post once per UTC day, however often it is sent on that day. An answer that was under
way when its connection broke or its reader was killed is lost, and no client can tell whether X has counted it; asking
again on the same day is free. So three things are counted. Posts billed twice: those sent on two UTC days. Posts sent
again though an answer with them had arrived: no such post may be. Posts sent again because an answer was lost: at most
the last page of an account before a kill, and the pages that were cut; these are told, with what they would cost if X
did bill them. The ledger counts every answer that arrived, so that it may count such a page twice and is then above
the bill, or, if the kill came before the line, below what was sent by that page.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chaos_promises import Promise, count_posts, keep_promises
from chaos_world import FULL, FullDisk, World, kill, world

from hugtweets.storage.artifacts import MANIFEST

WANDB_LEAVES, WANDB_RETURNS, DISK_RETURNS = 0.3, 0.6, 0.5
ARTIFACTS_PER_ACCOUNT = 6
FULL_DISK_SEEN = f"{FULL}: failed: there is no room left on the disk"


@dataclass
class Night:
    """What happened: when the kills came (seconds since 1970), and what the last run printed."""

    planned_kills: int
    kills: list[float] = field(default_factory=list)
    artifacts_at_kills: list[int] = field(default_factory=list)
    finished_before_last: set[str] = field(default_factory=set)
    posts_before_last: dict[str, int] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    seconds: float = 0.0
    full_disk_met: bool = False


class Events:
    """The outage of W&B and the full disk, which come and go with the progress of the night."""

    def __init__(self, world: World, disk: FullDisk) -> None:
        self._world = world
        self._disk = disk
        self._whole = len(world.able) * ARTIFACTS_PER_ACCOUNT
        self._wandb = "before"

    def go_on(self, artifacts: int) -> None:
        """Let come what is due."""
        share = artifacts / self._whole
        if self._wandb == "before" and share >= WANDB_LEAVES:
            self._world.wandb.leave()
            self._wandb = "away"
        if self._wandb == "away" and share >= WANDB_RETURNS:
            self._world.wandb.come_back()
            self._wandb = "back"
        if self._disk.mounted and share >= DISK_RETURNS and self.full_disk_was_met():
            self._disk.unmount()

    def full_disk_was_met(self) -> bool:
        """Whether a run has said so."""
        return self._world.log.exists() and FULL_DISK_SEEN in self._world.log.read_text(errors="replace")

    def end(self) -> None:
        """Whatever is still broken is repaired before the last run."""
        self.go_on(self._whole)
        self._disk.unmount()


def finished(world: World) -> set[str]:
    """The folders of all finished artifacts."""
    return {str(path.parent) for path in world.home.glob(f"artifacts/*/*/[!.]*/{MANIFEST}")}


@contextmanager
def running(world: World) -> Iterator[subprocess.Popen[str]]:
    """A run that ends with the block: what it prints goes through a pipe, what it says into the log of all runs."""
    command = [
        sys.executable,
        "-m",
        "hugtweets.cli",
        "--home",
        str(world.home),
        "refresh",
        str(world.accounts),
        "--json",
    ]
    with world.log.open("a") as log:
        process = subprocess.Popen(command, env=world.environment, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        yield process
    finally:
        kill(process)


def run_until_killed(world: World, night: Night, events: Events, artifacts: int, chance: random.Random) -> None:
    """Start a run and kill it a moment after so many artifacts are finished; if they are, soon after its start."""
    early = len(finished(world)) >= artifacts
    moment = time.monotonic() + chance.uniform(1, 15) if early else None
    with running(world) as process:
        while moment is None or time.monotonic() < moment:
            made = len(finished(world))
            events.go_on(made)
            if moment is None and made >= artifacts:
                moment = time.monotonic() + chance.uniform(0, 1.5)
            if process.poll() is not None:
                raise RuntimeError(f"a run ended before it was killed: see {world.log}")
            time.sleep(0.05)
    time.sleep(0.3)  # until the simulator has noticed that nobody listens
    night.kills.append(time.time())
    night.artifacts_at_kills.append(len(finished(world)))


def live_through(world: World, seed: int, kills: int) -> Night:
    """The whole night."""
    night, chance = Night(kills), random.Random(seed)
    disk = FullDisk(world.home / "artifacts" / "tokenise" / FULL)
    events = Events(world, disk)
    began = time.monotonic()
    with ExitStack() as stack:
        stack.callback(disk.unmount)
        disk.mount()
        whole = len(world.able) * ARTIFACTS_PER_ACCOUNT
        for artifacts in sorted(chance.randrange(int(0.95 * whole)) for _ in range(kills)):
            run_until_killed(world, night, events, artifacts, chance)
        night.full_disk_met = events.full_disk_was_met()
        events.end()
    night.finished_before_last = finished(world)
    night.posts_before_last = count_posts(world)
    with running(world) as last:
        printed, _ = last.communicate()
        night.exit_code, night.seconds = last.returncode, time.monotonic() - began
    night.document = json.loads(printed)
    return night


def table(promises: list[Promise]) -> str:
    """The promises as Markdown."""
    lines = ["| promise | wanted | found | kept |", "| --- | ---: | ---: | --- |"]
    for promise in promises:
        kept = {True: "yes", False: "**no**", None: ""}[promise.kept]
        lines.append(f"| {promise.text} | {promise.wanted} | {promise.found} | {kept} |")
    return "\n".join(lines)


def main() -> None:
    """Live through one night and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--accounts", type=int, default=30)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--keep", type=Path, help="an empty folder that stays, with homes and logs")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        surroundings = stack.enter_context(world(folder.resolve(), options.accounts, options.seed))
        night = live_through(surroundings, options.seed, options.kills)
        promises = keep_promises(surroundings, night)
    if options.json:
        print(json.dumps([asdict(promise) for promise in promises], indent=1))
    else:
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        print(f"seed {options.seed}, {options.accounts} accounts, {night.seconds:.0f} s, {day}")
        print(f"artifacts finished at the kills: {', '.join(map(str, night.artifacts_at_kills))}\n")
        print(table(promises))
    sys.exit(any(promise.kept is False for promise in promises))


if __name__ == "__main__":
    main()
