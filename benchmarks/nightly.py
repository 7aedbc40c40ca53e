"""What does a night cost for N accounts: the first, with everything to do, and the next, in which nobody posted?

    python benchmarks/nightly.py [--accounts 10 100 300] [--posts 90] [--nights 2] [--until clean]
        [--set refresh.parallel=4] [--json]

For each N everything is new: N invented timelines behind the X simulator, a Prefect server on SQLite, and a home, the
two servers as processes of their own. Each night is `hugtweets refresh ACCOUNTS.yaml`, also a process of its own, with
the tiny model of the tests, hardly trained, and W&B offline. Processor time and memory of client, server and simulator
are kept apart; memory is the peak of each with all below it (in the first night the client's holds PyTorch and W&B's
service, and at its end the training of a generic model).

A second table says what each account more costs, night by night: from each N to the next and, as such a step may be
mostly what a night takes once, over all of them (the slope of the line that fits best). With `--until` every night ends
after that step: a first night of a thousand accounts that learns them takes most of an hour. The exit code is 1 if a
night after the first is not as promised: an account that is not unchanged, a post read, a cent spent, or more requests
than accounts and one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import linear_regression
from typing import Any

import yaml
from processes import Peak, processor_seconds
from services import prefect_server, save_tiny_model, simulator, write_timelines

# As little to learn and to write as the steps accept: what is asked here is what a night costs beside that.
SMALL: dict[str, dict[str, Any]] = {
    "train": {"max_posts": 20},
    "sample": {"prompts": ["the"], "per_prompt": 2, "max_characters": 40},
}


@dataclass(frozen=True)
class Night:
    """One night: seconds, peaks of memory in MB, what X was asked, and how the accounts fared."""

    accounts: int
    night: int
    until: str
    wall_seconds: float
    seconds_per_account: float
    client_cpu_seconds: float
    server_cpu_seconds: float
    simulator_cpu_seconds: float
    client_mb: int
    server_mb: int
    requests: int
    posts_read: int
    usd: float
    statuses: dict[str, int]

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all three."""
        return self.client_cpu_seconds + self.server_cpu_seconds + self.simulator_cpu_seconds

    @property
    def kept_promises(self) -> bool:
        """Whether a night without a new post was as cheap as it must be."""
        is_free = self.posts_read == 0 and self.usd == 0 and self.requests <= self.accounts + 1
        return is_free and self.statuses == {"unchanged": self.accounts}


@dataclass(frozen=True)
class Services:
    """Where the servers are, and the processes they run in."""

    simulator: int
    x_url: str
    server: int
    prefect_url: str


def measure(accounts: int, options: argparse.Namespace, folder: Path, model: Path) -> list[Night]:
    """All nights of one list of accounts."""
    handles = [f"account_{number:04}" for number in range(accounts)]
    write_timelines(folder / "x", handles, options.posts)
    defaults = SMALL | {"train": SMALL["train"] | {"base_model": str(model)}}
    (folder / "accounts.yaml").write_text(yaml.safe_dump({"defaults": defaults, "accounts": handles}))
    with simulator(folder / "x", "--priced") as (x, x_url), prefect_server(folder / "prefect") as (server, prefect_url):
        services = Services(x, x_url, server, prefect_url)
        return [spend(number, accounts, folder, services, options) for number in range(1, options.nights + 1)]


def spend(number: int, accounts: int, folder: Path, services: Services, options: argparse.Namespace) -> Night:
    """One night."""
    command = [*options.client, "--home", str(folder / "home"), "refresh", str(folder / "accounts.yaml"), "--json"]
    command += [f"--set={assignment}" for assignment in options.set]
    command += ["--until", options.until] if options.until else []
    servers = services.server, services.simulator
    before, client_before = [processor_seconds(process) for process in servers], _children_seconds()
    server_peak, started = Peak(services.server), time.monotonic()
    with (folder / f"night-{number}.log").open("wb") as log:
        client = subprocess.Popen(command, env=environment(folder, services), stdout=subprocess.PIPE, stderr=log)
        client_peak = Peak(client.pid)
        output, _ = client.communicate()
    wall, client_cpu = time.monotonic() - started, _children_seconds() - client_before
    after = [processor_seconds(process) for process in servers]
    document: dict[str, Any] = json.loads(output)
    return Night(
        accounts=accounts,
        night=number,
        until=options.until or "the end",
        wall_seconds=round(wall, 1),
        seconds_per_account=round(wall / accounts, 3),
        client_cpu_seconds=round(client_cpu, 1),
        server_cpu_seconds=round(after[0] - before[0], 1),
        simulator_cpu_seconds=round(after[1] - before[1], 1),
        client_mb=round(client_peak.stop() / 1e6),
        server_mb=round(server_peak.stop() / 1e6),
        requests=document["api"]["requests"],
        posts_read=document["api"]["posts_read"],
        usd=document["api"]["usd"],
        statuses=dict(Counter(account["status"] for account in document["accounts"])),
    )


def environment(folder: Path, services: Services) -> dict[str, str]:
    """What the client is told; no credential of this machine reaches it."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "WANDB_"))}
    return mine | {
        "PREFECT_API_URL": services.prefect_url,
        "PREFECT_HOME": str(folder / "prefect"),
        "X_API_URL": services.x_url,
        "X_BEARER_TOKEN": "benchmark",
        "NETRC": str(folder / "no netrc"),
        "HF_HUB_OFFLINE": "1",
    }


def _children_seconds() -> float:
    """Processor time of the processes that this one has started and seen end."""
    times = os.times()
    return times.children_user + times.children_system


def table(nights: list[Night]) -> str:
    """The nights as Markdown."""
    head = (
        "accounts | night | until | wall s | s an account | client CPU s | server CPU s | simulator CPU s | "
        "client MB | server MB | requests | posts read | USD | accounts came out"
    )
    lines = [f"| {head} |", "| ---: | ---: | --- |" + " ---: |" * 10 + " --- |"]
    for night in nights:
        statuses = ", ".join(f"{count} {status}" for status, count in night.statuses.items())
        cells = [*list(asdict(night).values())[:-2], f"{night.usd:.2f}", statuses]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def growth_table(nights: list[Night]) -> str:
    """What an account more costs in each night, as Markdown: from each size to the next, and over all sizes."""
    head = "night | from → to accounts | CPU ms an account more | client MB an account more | server MB an account more"
    lines = [f"| {head} |", "|" + " ---: |" * 5]
    for number in sorted({night.night for night in nights}):
        sizes = sorted((night for night in nights if night.night == number), key=lambda night: night.accounts)
        steps = list(itertools.pairwise(sizes))
        for chosen in [*steps, sizes] if len(steps) > 1 else steps:
            cpu = _growth(chosen, [1000 * night.cpu_seconds for night in chosen])
            client = _growth(chosen, [night.client_mb for night in chosen])
            server = _growth(chosen, [night.server_mb for night in chosen])
            span = " → ".join(str(night.accounts) for night in chosen)
            lines.append(f"| {number} | {span} | {cpu:.0f} | {client:.2f} | {server:.2f} |")
    return "\n".join(lines)


def _growth(nights: Sequence[Night], values: Sequence[float]) -> float:
    """By how much a value grows with each account more: the slope of the line that fits best."""
    return linear_regression([night.accounts for night in nights], values).slope


def main() -> int:
    """Measure every N."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, nargs="+", default=[10, 100, 300])
    parser.add_argument(
        "--posts", type=int, default=90, help="posts of an account; X and the simulator send 100 a page"
    )
    parser.add_argument("--nights", type=int, default=2)
    parser.add_argument("--until", metavar="STEP", help="end every night after this step")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--keep", type=Path, help="do all in this folder and leave it")
    parser.add_argument("--client", nargs="+", default=[sys.executable, "-m", "hugtweets.cli"], help="for a profiler")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    nights: list[Night] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        model = save_tiny_model(folder / "model")
        for accounts in options.accounts:
            (folder / str(accounts)).mkdir()
            nights += measure(accounts, options, folder / str(accounts), model)
    report = f"{table(nights)}\n\n{growth_table(nights)}"
    print(json.dumps([asdict(night) for night in nights], indent=1) if options.json else report)
    return 0 if all(night.kept_promises for night in nights if night.night > 1) else 1


if __name__ == "__main__":
    sys.exit(main())
