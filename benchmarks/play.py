"""How long does somebody who plays wait for the first word, the first post, and all of them?

    python benchmarks/play.py [--home DIR | --models FOLDER] [--rounds 5] [--json]

Starts `hugtweets play` as anybody would, on a free port, and asks it as the page does. Without `--home` two of the demo
accounts are learned first, from 40 posts each with the packaged model: how well is of no matter here. `--models` is
where a converted base model is kept. With `--home` it plays with the accounts of that home, two at least.

Seconds are the clock's, medians of the rounds; beside them processor seconds of the server up to that moment, which are
more honest on a shared machine. The page is ready when the program prints its address: the models are warm then.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import requests
from processes import processor_seconds

from hugtweets.config import load_config
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.simulator.demo import HANDLES, TIMELINES
from hugtweets.steps.clean import clean
from hugtweets.steps.fetch import fetch
from hugtweets.steps.finetune import Start, finetune
from hugtweets.steps.tokenise import tokenise
from hugtweets.storage.home import Home

OPTIONS = ("tracking.mode=disabled", "train.base_model=packaged", "train.max_posts=40")
MOMENTS = ("writing", "post", "done")


@dataclass(frozen=True)
class Wait:
    """How long it took to a moment of a request, by the clock and by the server's processor time, in seconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class Answer:
    """One kind of request: medians over all rounds of the first word, the first post and the last.

    ``cpu_ms_a_token`` is of all rounds together: how long the posts are is chance.
    """

    request: str
    first_word: Wait
    first_post: Wait
    all_posts: Wait
    cpu_ms_a_token: float


def learn(home: Home) -> None:
    """Models of two demo accounts."""
    for handle in HANDLES[:2]:
        config = load_config(None, [*OPTIONS, "train.base_model=packaged"])
        request = AccountRequest(handle=handle, source=f"file:{TIMELINES / handle}.jsonl", config=config)
        job = Job(home, request, "benchmark")
        tokens = tokenise(job, clean(job, fetch(job).reference))
        finetune(job, tokens, Start(None, "as the benchmark asks"))


@contextmanager
def playing(home: Path) -> Iterator[tuple[int, str, Wait]]:
    """The process, the address, and how long it took until the page was ready."""
    began = time.monotonic()
    command = [sys.executable, "-m", "hugtweets.cli", "--home", str(home), "play", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            printed = next(iter(server.stdout or []), "")
            found = re.search(r"http://\S+", printed)
            if found is None:
                raise SystemExit("the server did not start")
            yield server.pid, found[0], Wait(time.monotonic() - began, processor_seconds(server.pid))
        finally:
            server.terminate()


def ask(server: int, url: str, accounts: Sequence[str], number: int) -> tuple[list[Wait], int]:
    """The first word, the first post, and all of them; and how many tokens were drawn."""
    began, cpu = time.monotonic(), processor_seconds(server)
    moments: dict[str, Wait] = {}
    tokens = 0
    wanted = {"accounts": accounts, "prompt": "I think that", "number": number}
    with requests.post(f"{url}api/posts", json=wanted, stream=True, timeout=600) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines(chunk_size=1):
            event = json.loads(line)["event"]
            # Every token is told, the last one as a post.
            tokens += event in ("writing", "post")
            moments.setdefault(event, Wait(time.monotonic() - began, processor_seconds(server) - cpu))
    return [moments[moment] for moment in MOMENTS], tokens


def median(waits: Sequence[Wait]) -> Wait:
    """Each kind of seconds by itself."""
    return Wait(statistics.median(wait.wall for wait in waits), statistics.median(wait.cpu for wait in waits))


def measure(home: Path, rounds: int) -> tuple[Wait, list[Answer]]:
    """How long until the page is ready, and then each kind of request."""
    answers = []
    with playing(home) as (server, url, ready):
        known = [account["handle"] for account in requests.get(f"{url}api/accounts", timeout=60).json()["accounts"]]
        for accounts, number in ((known[:1], 1), (known[:1], 3), (known[:2], 3)):
            asked = [ask(server, url, accounts, number) for _ in range(rounds)]
            name = f"{len(accounts)} account{'s' * (len(accounts) > 1)}, {number} post{'s' * (number > 1)} each"
            word, post, last = zip(*(waits for waits, _ in asked), strict=True)
            cpu = sum(wait.cpu for wait in last) / sum(tokens for _, tokens in asked)
            answers.append(Answer(name, median(word), median(post), median(last), 1000 * cpu))
    return ready, answers


def table(ready: Wait, answers: Sequence[Answer]) -> str:
    """Seconds of the clock, and of the server's processor in parentheses."""
    lines = [
        f"The page was ready after {ready.wall:.1f} s ({ready.cpu:.1f} CPU s).",
        "",
        "| request | first word s | first post s | all posts s | CPU ms a token |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for answer in answers:
        waits = (answer.first_word, answer.first_post, answer.all_posts)
        cells = " | ".join(f"{wait.wall:.2f} ({wait.cpu:.2f} CPU)" for wait in waits)
        lines.append(f"| {answer.request} | {cells} | {answer.cpu_ms_a_token:.0f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure one home."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with two accounts that were learned")
    parser.add_argument("--models", type=Path, help="where a converted base model is kept")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = options.home or Path(folder)
        if not options.home:
            os.environ["HUGTWEETS_HOME"] = folder
            if options.models:
                (home / "models").symlink_to(options.models.resolve())
            learn(Home(home))
        ready, answers = measure(home, options.rounds)
    if options.json:
        print(json.dumps({"ready": asdict(ready), "answers": [asdict(answer) for answer in answers]}, indent=1))
    else:
        print(table(ready, answers))


if __name__ == "__main__":
    main()
