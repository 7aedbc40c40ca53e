"""What does it cost to keep a device to one process, and how long does a killed holder keep others waiting?

    prefect server start &
    PREFECT_API_URL=http://127.0.0.1:4200/api python benchmarks/device_slots.py [--json]

Takes and frees a device a few times by the lock file of `hugtweets.devices.queue` and by a concurrency limit of Prefect
(with the shortest lease that it allows), then kills a process that holds it and waits for the device.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency

from hugtweets.devices.queue import on_device
from hugtweets.storage.home import VARIABLE

LIMIT = "hugtweets-benchmark"
LEASE_SECONDS = 60


def by_lock(work: Callable[..., None], *arguments: object) -> None:
    """As hugtweets does."""
    on_device(work, *arguments)


def by_limit(work: Callable[..., None], *arguments: object) -> None:
    """As Prefect offers."""
    with concurrency(LIMIT, strict=True, lease_duration=LEASE_SECONDS, raise_on_lease_renewal_failure=False):
        work(*arguments)


WAYS = {"lock file": by_lock, "concurrency limit of Prefect": by_limit}


def nothing() -> None:
    """What a turn costs is what is around it."""


def hold() -> None:
    """Tell that the device is taken, and keep it."""
    print("taken", flush=True)
    time.sleep(3600)


def seconds_after_kill(way: str) -> float:
    """From the death of a holder until its device is ours."""
    command = [sys.executable, __file__, "--hold", way]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        if holder.stdout:
            holder.stdout.readline()
        # Long enough that a lease is no longer new, as in a training.
        time.sleep(10)
        holder.kill()
        killed = time.monotonic()
        WAYS[way](nothing)
        return time.monotonic() - killed


def measure(way: str, turns: int) -> dict[str, Any]:
    """One row."""
    WAYS[way](nothing)  # imports and connections
    started, cpu = time.monotonic(), time.process_time()
    for _ in range(turns):
        WAYS[way](nothing)
    wall, cpu = (time.monotonic() - started) / turns, (time.process_time() - cpu) / turns
    return {"kept by": way, "wall_ms": 1000 * wall, "cpu_ms": 1000 * cpu, "after_kill_s": seconds_after_kill(way)}


def main() -> None:
    """Measure both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--hold", choices=WAYS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hold:
        WAYS[options.hold](hold)
    with tempfile.TemporaryDirectory() as home:
        os.environ[VARIABLE] = home
        with get_client(sync_client=True) as client:
            client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=LIMIT, limit=1))
            try:
                rows = [measure(way, options.turns) for way in WAYS]
            finally:
                client.delete_global_concurrency_limit_by_name(LIMIT)
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    print("| kept by | wall ms a turn | CPU ms a turn | s until a killed holder's device is free |")
    print("| --- | --- | --- | --- |")
    for row in rows:
        print(f"| {row['kept by']} | {row['wall_ms']:.1f} | {row['cpu_ms']:.1f} | {row['after_kill_s']:.1f} |")


if __name__ == "__main__":
    main()
