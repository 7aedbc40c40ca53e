"""Do a Ray cluster and a work pool make the same artifacts as one process, also when a machine is lost half-way?

    python benchmarks/dispatch.py [--accounts 6] [--trials threads ray "ray, machine killed" pool ...] [--json]

Each trial refreshes the same accounts from the X simulator, with the tiny model of the tests, into an empty part of a
bucket on an S3 server (moto's) of this computer. Three "machines" are three homes: that of the flow, and those of two
Ray nodes or two `prefect worker` processes; they share nothing but the bucket. The Prefect server is on PostgreSQL. In
a trial with a loss, the processes of one machine are killed with SIGKILL as soon as an account is being learned there.

Needs the extras `dev` and `ray` (without the latter leave its trials out), and PostgreSQL's `initdb` and `postgres`.
The exit code is 1 if a digest differs from that of the first trial, or an account is not completed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from processes import family
from services import free_port, postgres, prefect_server, s3, save_tiny_model, simulator, write_timelines

TRIALS = ("threads", "ray", "ray, machine killed", "pool", "pool, machine killed", "pool, flow killed")
BUCKET = "hugtweets"
Machines = dict[str, int]


@dataclass(frozen=True)
class Trial:
    """How one way of learning went; ``digests`` are those of every account and step."""

    name: str
    wall_seconds: float
    completed: int
    posts_read: int
    machines: int
    digests: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Bench:
    """Where everything is."""

    folder: Path
    x_url: str
    environment: Mapping[str, str]

    def machine(self, trial: str, name: str) -> dict[str, str]:
        """The environment of one machine in one trial: a home of its own, and the store of all."""
        place = trial.replace(", ", "-").replace(" ", "-")
        return {
            **self.environment,
            "HUGTWEETS_HOME": str(self.folder / place / name),
            "HUGTWEETS_STORE": f"s3://{BUCKET}/{place}",
            "PREFECT_HOME": str(self.folder / place / f"{name}-prefect"),
        }

    def made(self, trial: str, machine: str, step: str) -> int:
        """How many artifacts of a step a machine has."""
        home = Path(self.machine(trial, machine)["HUGTWEETS_HOME"])
        return len(list(home.glob(f"artifacts/{step}/*/*/manifest.json")))

    def run(self, trial: str, command: Sequence[str], machine: str) -> subprocess.Popen[bytes]:
        """Start a program on a machine; what it prints goes to the machine's log, or to us with ``--json``."""
        with (self.folder / f"{trial}-{machine}.log").open("ab") as log:
            output = subprocess.PIPE if "--json" in command else log
            return subprocess.Popen(command, env=self.machine(trial, machine), stdout=output, stderr=log)

    def refresh(self, trial: str, options: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start the flow."""
        accounts = str(self.folder / "accounts.yaml")
        return self.run(trial, [sys.executable, "-m", "hugtweets.cli", "refresh", accounts, "--json", *options], "flow")

    def posts_read(self) -> int:
        """Posts that the simulator has sent so far."""
        with urllib.request.urlopen(f"{self.x_url}/usage") as answer:  # noqa: S310  # a loopback address of ours
            return int(json.load(answer)["posts"])


def attempt(bench: Bench, name: str) -> Trial:
    """One trial."""
    way, _, loss = name.partition(", ")
    read, started = bench.posts_read(), time.monotonic()
    with WAYS[way](bench, name) as (machines, options):
        flow = bench.refresh(name, options)
        if loss:
            lost = flow.pid if loss == "flow killed" else machines[wait_for_learning(bench, name, machines)]
            kill(family(lost))
        if loss == "flow killed":
            flow.communicate()
            flow = bench.refresh(name, options)
        document: dict[str, Any] = json.loads(flow.communicate()[0])
        wall = time.monotonic() - started
    accounts = document["accounts"]
    return Trial(
        name=name,
        wall_seconds=round(wall, 1),
        completed=sum(account["status"] in ("completed", "unchanged") for account in accounts),
        posts_read=bench.posts_read() - read,
        machines=sum(bench.made(name, machine, "finetune") > 0 for machine in machines),
        digests={
            # The digest of a page follows from when a model was promoted, too.
            found["handle"]: {step: made["digest"] for step, made in found["steps"].items() if step != "report"}
            for found in accounts
        },
    )


def wait_for_learning(bench: Bench, trial: str, machines: Machines) -> str:
    """The first machine with an account that is tokenised and has no model yet."""
    while True:
        for name in machines:
            if bench.made(trial, name, "tokenise") > bench.made(trial, name, "finetune"):
                return name
        time.sleep(0.02)


def kill(processes: Sequence[int]) -> None:
    """End processes as a power cut would."""
    for member in processes:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


@contextmanager
def threads(bench: Bench, trial: str) -> Iterator[tuple[Machines, list[str]]]:
    """The flow's own process."""
    yield {"flow": 0}, []


@contextmanager
def pool(bench: Bench, trial: str) -> Iterator[tuple[Machines, list[str]]]:
    """Two workers of a work pool, one account at a time each."""
    prefect = [sys.executable, "-m", "prefect"]
    bench.run(trial, [*prefect, "work-pool", "create", "hugtweets", "--type", "process", "--overwrite"], "flow").wait()
    # Automations find a run that is lost with its worker, and start it again.
    bench.run(trial, [sys.executable, "-m", "hugtweets.cli", "setup"], "flow").wait()
    worker = [*prefect, "worker", "start", "--pool", "hugtweets", "--limit", "1", "--name"]
    workers = {name: bench.run(trial, [*worker, f"{trial} {name}"], name) for name in ("one", "two")}
    try:
        yield {name: process.pid for name, process in workers.items()}, ["--dispatch", "pool"]
    finally:
        for process in workers.values():
            kill(family(process.pid))
            process.wait()


@contextmanager
def ray(bench: Bench, trial: str) -> Iterator[tuple[Machines, list[str]]]:
    """Two nodes of a Ray cluster with one core each, and a head that computes nothing."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    start = ["ray", "start", "--block", "--node-ip-address=127.0.0.1", "--object-store-memory=100000000"]
    head = [*start, "--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false"]
    head.append(f"--temp-dir=/tmp/ray-{port}")
    processes = {"flow": bench.run(trial, head, "flow")}
    try:
        wait_for_ray(bench.folder / f"{trial}-flow.log")
        for name in ("one", "two"):
            processes[name] = bench.run(trial, [*start, f"--address={address}", "--num-cpus=1"], name)
            # Two that start at once on one computer take each other's ports.
            wait_for_ray(bench.folder / f"{trial}-{name}.log")
        nodes = {name: processes[name].pid for name in ("one", "two")}
        yield nodes, ["--dispatch", "ray", f"--set=refresh.ray_address={address}"]
    finally:
        for process in reversed(processes.values()):
            kill(family(process.pid))
            process.wait()


def wait_for_ray(log: Path) -> None:
    """Return when `ray start` says that it is up."""
    while "will now block forever" not in log.read_text():
        time.sleep(0.2)


WAYS: dict[str, Callable[[Bench, str], AbstractContextManager[tuple[Machines, list[str]]]]] = {
    "threads": threads,
    "pool": pool,
    "ray": ray,
}


@contextmanager
def benches(folder: Path, accounts: int) -> Iterator[Bench]:
    """Everything that the trials stand on."""
    handles = [f"account_{number:04}" for number in range(accounts)]
    write_timelines(folder / "x", handles, 90)
    model = save_tiny_model(folder / "model")
    defaults = {
        "train": {"base_model": str(model), "device": "cpu"},
        "sample": {"prompts": ["the"], "per_prompt": 2, "max_characters": 40},
        "tracking": {"mode": "offline"},
    }
    (folder / "accounts.yaml").write_text(yaml.safe_dump({"defaults": defaults, "accounts": handles}))
    with (
        simulator(folder / "x") as (_, x_url),
        s3(folder) as s3_url,
        postgres(folder / "postgres") as database,
        prefect_server(folder / "prefect", database) as (_, prefect_url),
    ):
        mine = {
            name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "WANDB_", "RAY_"))
        }
        aws = {"AWS_ENDPOINT_URL": s3_url, "AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}
        told = {"PREFECT_API_URL": prefect_url, "X_API_URL": x_url, "X_BEARER_TOKEN": "benchmark"}
        quiet = {"NETRC": str(folder / "no netrc"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        patient = {"RAY_raylet_start_wait_time_s": "180"}
        os.environ.update(aws)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket=BUCKET)
        yield Bench(folder, x_url, {**mine, **aws, **told, **quiet, **patient, "AWS_DEFAULT_REGION": "us-east-1"})


def table(trials: Sequence[Trial]) -> str:
    """The trials as Markdown."""
    head = "trial | wall s | accounts completed | posts read | machines that learned | digests"
    lines = [f"| {head} |", "| --- |" + " ---: |" * 4 + " --- |"]
    for trial in trials:
        number = sum(map(len, trial.digests.values()))
        same = f"{number} of {number} as in the first" if trial.digests == trials[0].digests else "DIFFER"
        cells = [trial.name, trial.wall_seconds, trial.completed, trial.posts_read, trial.machines, same]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> int:
    """Make every trial."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=6)
    parser.add_argument("--trials", nargs="+", default=TRIALS, choices=TRIALS, metavar="TRIAL")
    parser.add_argument("--keep", type=Path, help="do all in this new folder and leave it")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        with benches(folder, options.accounts) as bench:
            trials = []
            for name in options.trials:
                trials.append(attempt(bench, name))
                print(table(trials), file=sys.stderr, flush=True)
    print(json.dumps([asdict(trial) for trial in trials], indent=1) if options.json else table(trials))
    well = all(trial.digests == trials[0].digests and trial.completed == options.accounts for trial in trials)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
