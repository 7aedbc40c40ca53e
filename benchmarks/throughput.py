"""How many small accounts an hour, from their posts to their scores: in one process, or in a process for each?

    OMP_NUM_THREADS=1 python benchmarks/throughput.py --timeline timeline.jsonl [--accounts 1 4 16] [--posts 60]
        [--base packaged] [--set evaluate.generated=0] [--models FOLDER] [--json]

Each account is a slice of the timeline file, and each way starts with an empty home. ``one process`` is one `hugtweets
refresh`, which keeps the base model warm from account to account; ``a process each`` is one `hugtweets run` after the
other. An hour of processor time is what one core gives in an hour; on a shared machine it says more than the clock's.
`--models` is where a converted base model is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Throughput:
    """How long some accounts took, in one way."""

    way: str
    accounts: int
    wall_seconds: float
    cpu_seconds: float

    def per_hour(self, seconds: float) -> float:
        """Accounts in an hour of such seconds."""
        return 3600 * self.accounts / seconds


def slices(timeline: Path, folder: Path, accounts: int, posts: int) -> dict[str, Path]:
    """A file for each account, by handle."""
    lines = timeline.read_text(encoding="utf-8").splitlines(keepends=True)
    if len(lines) < accounts * posts:
        raise SystemExit(f"{timeline} has {len(lines)} posts, and {accounts * posts} are needed: name a longer one")
    files = {f"account_{number}": folder / f"account_{number}.jsonl" for number in range(accounts)}
    for number, path in enumerate(files.values()):
        path.write_text("".join(lines[number * posts : (number + 1) * posts]), encoding="utf-8")
    return files


def run(home: Path, *arguments: str) -> None:
    """The command line once, in a process of its own."""
    command = [sys.executable, "-m", "hugtweets.cli", "--home", str(home), *arguments, "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    states = [account["status"] for account in json.loads(done.stdout)["accounts"]]
    if set(states) != {"completed"}:
        raise SystemExit(f"not every account was completed: {states}")


def measure(way: str, accounts: int, options: argparse.Namespace) -> Throughput:
    """All accounts in one way, in a home of their own."""
    assignments = [f"--set={each}" for each in (*options.set, f"train.base_model={options.base}")]
    assignments += ["--set=clean.min_characters=0", "--set=tracking.mode=disabled"]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        if options.models:
            (home / "models").symlink_to(options.models.resolve())
        files = slices(options.timeline, Path(folder), accounts, options.posts)
        listed = [{"handle": handle, "source": f"file:{path}"} for handle, path in files.items()]
        (home / "accounts.yaml").write_text(yaml.safe_dump({"accounts": listed}), encoding="utf-8")
        wall, before = time.monotonic(), os.times()
        if way == "one process":
            run(home, "refresh", str(home / "accounts.yaml"), *assignments)
        else:
            for handle, path in files.items():
                run(home, "run", handle, "--source", f"file:{path}", *assignments)
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Throughput(way, accounts, round(time.monotonic() - wall, 1), round(cpu, 1))


def table(rows: Sequence[Throughput]) -> str:
    """The rows as Markdown."""
    lines = [
        "| way | accounts | wall s | CPU s | accounts an hour | accounts an hour of CPU |",
        "| --- |" + " ---: |" * 5,
    ]
    lines += [
        f"| {row.way} | {row.accounts} | {row.wall_seconds:.0f} | {row.cpu_seconds:.0f} "
        f"| {row.per_hour(row.wall_seconds):.0f} | {row.per_hour(row.cpu_seconds):.0f} |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeline", type=Path, required=True)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--posts", type=int, default=60)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--models", type=Path, help="where a converted base model is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    ways = ("one process", "a process each")
    rows = [measure(way, accounts, options) for accounts in options.accounts for way in ways]
    print(json.dumps([asdict(row) for row in rows], indent=1) if options.json else table(rows))


if __name__ == "__main__":
    main()
