"""How long does each step of a whole run take, and how much memory does the run need?

    python benchmarks/run.py --source file:timeline.jsonl --handle NASA [--set train.max_posts=300] [--json]

Runs `hugtweets run` twice in a temporary home, as a process of its own: first with everything to do, then with
everything cached. Memory is the largest sum of resident memory over the process and its children, sampled from /proc
ten times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from processes import Peak


@dataclass(frozen=True)
class Measured:
    """One run: seconds of each step and of the whole, and the peak of memory in GiB."""

    run: str
    wall_seconds: float
    cpu_seconds: float
    peak_gib: float
    steps: dict[str, float]
    metrics: dict[str, float]
    cached: bool


def measure(name: str, home: Path, arguments: list[str]) -> Measured:
    """Run the command line once."""
    command = [sys.executable, "-m", "hugtweets.cli", "--home", str(home), "run", *arguments, "--json"]
    started, before = time.monotonic(), os.times()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = Peak(process.pid)
    output, _ = process.communicate()
    gib, wall, after = peak.stop() / 2**30, time.monotonic() - started, os.times()
    document: dict[str, Any] = json.loads(output)
    account = document["accounts"][0]
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Measured(
        run=name,
        wall_seconds=round(wall, 1),
        cpu_seconds=round(cpu, 1),
        peak_gib=round(gib, 2),
        steps={step: values["seconds"] for step, values in account["steps"].items()},
        metrics={key: account["metrics"][key] for key in ("base_bits_per_byte", "bits_per_byte")},
        cached=all(values["cached"] for values in account["steps"].values()),
    )


def table(results: list[Measured]) -> str:
    """The results as Markdown."""
    steps = list(results[0].steps)
    head = ["run", "wall s", "CPU s", "peak GiB", *(f"{step} s" for step in steps), "bits per byte"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for result in results:
        score = f"{result.metrics['base_bits_per_byte']:.3f} → {result.metrics['bits_per_byte']:.3f}"
        seconds = [f"{result.steps[step]:.1f}" for step in steps]
        cells = [result.run, f"{result.wall_seconds}", f"{result.cpu_seconds}", f"{result.peak_gib}", *seconds, score]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure a first and a second run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--handle", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    arguments = [options.handle, "--source", options.source, *(f"--set={assignment}" for assignment in options.set)]
    with tempfile.TemporaryDirectory() as home:
        results = [measure(name, Path(home), arguments) for name in ("first", "second, all cached")]
    print(json.dumps([asdict(result) for result in results], indent=1) if options.json else table(results))


if __name__ == "__main__":
    main()
