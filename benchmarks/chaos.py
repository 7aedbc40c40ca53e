"""Does a night survive what can happen to it?

    PYTHONPATH=. python benchmarks/chaos.py --seed 1 [--accounts 30] [--kills 10] [--keep DIR] [--json]

`hugtweets refresh` works through synthetic accounts of 150 to 450 posts with a tiny model, as a process of its own,
against an X simulator, a Prefect server and a stand-in for W&B. Beside it `hugtweets run` learns three of the same
accounts, drawn by chance, in the same home, again and again, all night.

Of the requests to X 5 % are answered by 503, 5 % lose their connection (2 % in the middle of an answer), 4 % meet a
rate limit, half of them without a reset time, and 6 % are slow, one in six of those beyond the time-out. Two accounts
are suspended, one is protected, one has five posts, and one finds its disk full when it tokenises (a tmpfs of 64 KiB;
mounting it needs root). W&B fails one upload in five, and is unreachable from 30 to 60 % of the way. X refuses the
token for half a minute, which is an hour of a night of eight. Prefect's server is ended twice, once by SIGKILL, and
started again five seconds later.

The night and all its children are killed with SIGKILL at random moments spread over the way, three times in ten the
ad hoc run as well, and the same command is started again after each kill, and after each end that X or Prefect
caused; the last start is left alone. `hugtweets sync` then sends what W&B did not take. Then the promises are
counted; exit code 1 if one is broken.

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
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from chaos_events import Events
from chaos_night import Kill, Night, cause
from chaos_promise import Promise
from chaos_promises import keep_promises
from chaos_runs import AdHocRuns, Run, caller, running, send_kept_runs
from chaos_world import FULL, FullDisk, World, world
from chaos_x import count_posts

from hugtweets.storage.artifacts import MANIFEST

# The share of kills that take the ad hoc run as well.
AD_HOC_KILLED = 0.3
MOST_UNEXPLAINED, MOST_OTHERS = 5, 12


class Moment:
    """When a run is to be killed: a moment after so many artifacts are finished; if they are, soon after its start."""

    def __init__(self, world: World, artifacts: int, chance: random.Random) -> None:
        self._artifacts, self._chance = artifacts, chance
        early = len(finished(world)) >= artifacts
        self._at = time.monotonic() + chance.uniform(1, 15) if early else None

    def has_come(self, made: int) -> bool:
        """Whether it has, now that so many are made."""
        if self._at is None and made >= self._artifacts:
            self._at = time.monotonic() + self._chance.uniform(0, 1.5)
        return self._at is not None and time.monotonic() >= self._at


def finished(world: World) -> set[str]:
    """The folders of all finished artifacts."""
    return {str(path.parent) for path in world.home.glob(f"artifacts/*/*/[!.]*/{MANIFEST}")}


def spend(world: World, night: Night, events: Events, moment: Moment | None = None) -> Run:
    """Start the night and watch it, until it ends or the moment has come to kill it."""
    run = Run("nightly", list(world.timelines), world.runs)
    night.runs.append(run)
    with running(world, run, "refresh", str(world.accounts)) as process:
        while process.poll() is None:
            made = len(finished(world))
            events.go_on(made)
            # A night that X refuses is left alone: how it ends is to be seen.
            if moment and moment.has_come(made) and "(401)" not in run.said:
                break
            time.sleep(0.05)
    events.was_refused |= run.exit_code is not None and "(401)" in run.said
    return run


def spend_until_killed(world: World, night: Night, events: Events, artifacts: int, chance: random.Random) -> None:
    """Start the night again, if X or Prefect end it, until a kill does; some kills take the ad hoc run too."""
    moment = Moment(world, artifacts, chance)
    while spend(world, night, events, moment).exit_code is not None:
        if sum(cause(run, night) is None for run in night.runs) > MOST_UNEXPLAINED:
            raise RuntimeError(f"runs end before they are killed: see {world.runs}")
        # As whoever looks after services waits before it starts one again.
        time.sleep(2)
    killed = [caller("nightly")]
    if chance.random() < AD_HOC_KILLED and night.ad_hoc.kill():
        killed.append(caller("ad hoc"))
    time.sleep(0.3)  # until the simulator has noticed that nobody listens
    night.kills.append(Kill(time.time(), killed, len(finished(world))))


def live_through(world: World, seed: int, kills: int) -> Night:
    """The whole night."""
    chance, began = random.Random(seed), time.monotonic()
    disk = FullDisk(world.home / "artifacts" / "tokenise" / FULL)
    events = Events(world, disk)
    night = Night(kills, events, AdHocRuns(world, seed))
    with ExitStack() as stack:
        stack.callback(disk.unmount)
        disk.mount()
        stack.enter_context(night.ad_hoc)
        # The last kill comes after all events.
        last = chance.randrange(int(0.6 * events.whole), int(0.95 * events.whole))
        for artifacts in sorted([*(chance.randrange(last) for _ in range(kills - 1)), last]):
            spend_until_killed(world, night, events, artifacts, chance)
        while not events.are_over and len(night.runs) < kills + MOST_OTHERS:
            spend(world, night, events)
        night.full_disk_met = events.full_disk_was_met()
        events.end()
        night.finished_before_last = finished(world)
        night.posts_before_last = count_posts(world)
        spend(world, night, events)
    night.seconds = time.monotonic() - began
    night.sent = send_kept_runs(world)
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
        print(f"artifacts finished at the kills: {', '.join(str(kill.artifacts) for kill in night.kills)}\n")
        print(table(promises))
    sys.exit(any(promise.kept is False for promise in promises))


if __name__ == "__main__":
    main()
