"""What does the scorecard cost beside the training that it judges, and what does comparing authors cost a night?

    OMP_NUM_THREADS=1 python benchmarks/scorecard.py --source file:timeline.jsonl --handle NASA
        [--set train.max_posts=300] [--models FOLDER] [--authors 300] [--json]

Takes the account through the steps of the library in a temporary home and counts processor seconds: on a shared machine
they are more honest than the clock's. The model is compared with itself, which costs what any previous model costs.
Then `--authors` accounts of 200 posts, slices of the same timeline, are learned, to see what a night with that many
accounts adds. `--models` is where a converted base model is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from hugtweets.config import load_config
from hugtweets.evaluation.attribution import AuthorshipClassifier
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.steps.authorship import base_posts
from hugtweets.steps.clean import clean, texts_of
from hugtweets.steps.evaluate import evaluate
from hugtweets.steps.fetch import fetch
from hugtweets.steps.finetune import finetune
from hugtweets.steps.sample import sample
from hugtweets.steps.starting import find_start
from hugtweets.steps.tokenise import tokenise
from hugtweets.storage.home import Home

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cost:
    """One part of the work: what it is done once for, processor seconds, and seconds of the clock."""

    part: str
    once_for: str
    cpu_seconds: float
    wall_seconds: float


class Bill:
    """What each part cost."""

    def __init__(self) -> None:
        self.costs: list[Cost] = []

    def pay(self, part: str, once_for: str, work: Callable[[], Result]) -> Result:
        """Do the work and write its cost down."""
        wall, cpu = time.monotonic(), time.process_time()
        done = work()
        self.costs.append(Cost(part, once_for, round(time.process_time() - cpu, 1), round(time.monotonic() - wall, 1)))
        return done


def measure(job: Job, base: BaseModel, authors: int) -> list[Cost]:
    """All parts, in the order of a run."""
    bill = Bill()
    cleaned = clean(job, fetch(job).reference)
    tokens = tokenise(job, cleaned)
    start = find_start(job, tokens, cleaned)
    model = bill.pay("finetune", "a model", lambda: finetune(job, tokens, start))
    people = with_options(job, {"evaluate": {"generated": 0}})
    bill.pay("posts for people", "a model", lambda: sample(people, model, cleaned))
    # One post with a prompt is among them: the step draws both kinds.
    card = with_options(job, {"sample": {"prompts": ["I"], "per_prompt": 1}})
    samples = bill.pay("posts for the scorecard", "a model", lambda: sample(card, model, cleaned))
    bill.pay("evaluate", "a model", lambda: evaluate(job, model, samples, tokens, cleaned))
    bill.pay("posts by the base model", "a base model", lambda: base_posts(job.home, base, job.config, None))
    posts = texts_of(cleaned, "train")
    several = [
        (str(number), [posts[(7 * number + place) % len(posts)] for place in range(200)]) for number in range(authors)
    ]
    classifier = bill.pay(f"learn {authors} authors", "a night", lambda: AuthorshipClassifier(several))
    bill.pay("tell whose posts they are", "a model", lambda: classifier.attribute(posts[:40], "0"))
    return bill.costs


def with_options(job: Job, options: Mapping[str, Any]) -> Job:
    """The same job under other options."""
    return replace(job, request=job.request.model_copy(update={"config": job.config.override(options)}))


def table(costs: Sequence[Cost]) -> str:
    """The costs as Markdown, each beside that of the training."""
    lines = ["| part | once for | CPU s | wall s | of the training |", "| --- | --- | ---: | ---: | ---: |"]
    for cost in costs:
        share = f"{100 * cost.cpu_seconds / costs[0].cpu_seconds:.0f} %"
        lines.append(f"| {cost.part} | {cost.once_for} | {cost.cpu_seconds} | {cost.wall_seconds} | {share} |")
    return "\n".join(lines)


def main() -> None:
    """Measure one account."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--handle", required=True)
    parser.add_argument("--source", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--authors", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    config = load_config(None, ["tracking.mode=disabled", *options.set])
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.models.mkdir()
        for kept in options.models.resolve().iterdir() if options.models else ():
            (home.models / kept.name).symlink_to(kept)
        request = AccountRequest(handle=options.handle, source=options.source, config=config)
        base = resolve_base_model(config.train.base_model, home)
        costs = measure(Job(home, request, "benchmark"), base, options.authors)
    print(json.dumps([asdict(cost) for cost in costs], indent=1) if options.json else table(costs))


if __name__ == "__main__":
    main()
