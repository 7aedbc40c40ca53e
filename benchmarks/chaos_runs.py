"""The processes of :mod:`benchmarks.chaos`: nights, and beside them ad hoc runs for the same accounts."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from chaos_world import TOKENS, World, kill

Kind = Literal["nightly", "ad hoc"]
AD_HOC_ACCOUNTS = 3
MOST_ATTEMPTS = 12
_numbers = itertools.count(1)


def caller(kind: Kind) -> str:
    """What the simulator calls the runs of a kind."""
    return hashlib.sha256(f"Bearer {TOKENS[kind]}".encode()).hexdigest()[:8]


@dataclass
class Run:
    """One process: when it lived (seconds since 1970), and how it ended; the exit code of a killed one is None."""

    kind: Kind
    handles: Sequence[str]
    folder: Path
    number: int = field(default_factory=lambda: next(_numbers))
    began: float = field(default_factory=time.time)
    ended: float = float("inf")
    exit_code: int | None = None

    @property
    def name(self) -> str:
        """``nightly 7``."""
        return f"{self.kind} {self.number}"

    @property
    def printed(self) -> Path:
        """Where its stdout goes."""
        return self.folder / f"{self.number:03}-{self.kind.replace(' ', '-')}.json"

    @property
    def log(self) -> Path:
        """Where its stderr goes."""
        return self.printed.with_suffix(".log")

    @property
    def said(self) -> str:
        """What it wrote on stderr."""
        return self.log.read_text(errors="replace")

    @property
    def document(self) -> dict[str, Any]:
        """What it printed; empty if it printed nothing."""
        text = self.printed.read_text() if self.exit_code is not None else ""
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def overlaps(self, began: float, ended: float) -> bool:
        """Whether it lived at some moment of a time."""
        return self.began < ended and began < self.ended


@dataclass
class Sent:
    """How many W&B runs that were kept were sent after the night, in how many attempts, and which are still kept."""

    sent: int
    attempts: int
    left: Sequence[str]


@contextmanager
def running(world: World, run: Run, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process of a run; whatever is left of it at the end of the block is killed."""
    command = [sys.executable, "-m", "hugtweets.cli", "--home", str(world.home), *arguments, "--json"]
    environment = {**world.environment, "X_BEARER_TOKEN": TOKENS[run.kind]}
    with run.printed.open("wb") as printed, run.log.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=printed, stderr=log)
    try:
        yield process
        run.exit_code = process.poll()
    finally:
        kill(process)
        run.ended = time.time()


def send_kept_runs(world: World) -> Sent:
    """`hugtweets sync` until it has nothing to send any more, as often as W&B's failing uploads make it necessary."""
    command = [sys.executable, "-m", "hugtweets.cli", "--home", str(world.home), "sync", "--json"]
    found = Sent(0, 0, [])
    for found.attempts in range(1, 1 + MOST_ATTEMPTS):
        ended = subprocess.run(command, env={**world.environment}, capture_output=True, text=True, check=False)
        answer = json.loads(ended.stdout)
        found.sent += answer["sent"]
        found.left = answer["left"]
        if not found.left:
            break
    return found


class AdHocRuns:
    """`hugtweets run` over a few accounts drawn by chance, again and again, in a thread."""

    def __init__(self, world: World, seed: int) -> None:
        self._world, self._chance = world, random.Random(f"ad hoc {seed}")
        self._process: subprocess.Popen[bytes] | None = None
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self.runs: list[Run] = []

    def __enter__(self) -> AdHocRuns:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the run that goes on, and start none any more."""
        self._enough.set()
        self._thread.join()

    def kill(self) -> bool:
        """Kill the run that goes on, if there is one; the next begins at once."""
        process = self._process
        if process is None or process.poll() is not None:
            return False
        self.runs[-1].exit_code = None
        kill(process)
        return True

    def _go_on(self) -> None:
        # The options of a home are those of the accounts file of its first night.
        while not self._enough.wait(0.5):
            if (self._world.home / "options.yaml").exists():
                self._run()

    def _run(self) -> None:
        run = Run("ad hoc", self._chance.sample(self._world.able, AD_HOC_ACCOUNTS), self._world.runs)
        self.runs.append(run)
        with running(self._world, run, "run", *run.handles) as self._process:
            code = self._process.wait()
        # A process that was killed ends with the negative number of its signal.
        run.exit_code = code if code >= 0 else None
