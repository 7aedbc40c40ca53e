"""Are the adapters of several small accounts trained, and evaluated, faster in one batch than one after the other?

    OMP_NUM_THREADS=1 python benchmarks/multi_adapter.py --timeline timeline.jsonl [--accounts 1 4] [--posts 60]
        [--base packaged] [--models FOLDER] [--json]

Each account is a slice of the timeline file, nothing is held out, and the base model is loaded. Counted are processor
seconds of the whole training, the making of the adapters included, and of an evaluation: what the base model and each
adapter say of the posts that it learned. `--models` is where a converted base model is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.config import TrainConfig
from hugtweets.devices.gathering import Group
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.models.tokens import TOKENS_SCHEMA, TextTokenizer
from hugtweets.steps.predicting import Asked, predict, predict_all
from hugtweets.storage.home import Home
from hugtweets.training.adapter_task import AdapterTask
from hugtweets.training.multi_adapter import finetune_together
from hugtweets.training.trainer import finetune


@dataclass(frozen=True)
class Cost:
    """What the training or the evaluation of some accounts took, in one way."""

    way: str
    accounts: int
    tokens: int
    cpu_seconds: float


def tasks(timeline: Path, base: BaseModel, folder: Path, accounts: int, posts: int) -> list[AdapterTask]:
    """As many accounts, each with its slice of the posts."""
    tokenizer = TextTokenizer.of(base)
    lines = timeline.read_text(encoding="utf-8").splitlines()[: accounts * posts]
    texts = [json.loads(line)["text"] for line in lines]
    made = []
    for number in range(accounts):
        theirs = texts[number * posts : (number + 1) * posts]
        columns = {
            "id": list(map(str, range(len(theirs)))),
            "split": ["train"] * len(theirs),
            "input_ids": [tokenizer.encode(text) for text in theirs],
            "bytes": [len(text.encode()) for text in theirs],
        }
        path = folder / f"{number}.parquet"
        pq.write_table(pa.table(columns, schema=TOKENS_SCHEMA), path)
        made.append(AdapterTask(str(number), path, folder / str(number), TrainConfig(device="cpu")))
    return made


def cost(way: str, given: Sequence[AdapterTask], work: Callable[[], object]) -> Cost:
    """Do the work and count."""
    tokens = sum(len(ids) + 2 for task in given for ids in pq.read_table(task.tokens)["input_ids"].to_pylist())
    began = time.process_time()
    work()
    return Cost(way, len(given), tokens, round(time.process_time() - began, 1))


def measure(timeline: Path, base: BaseModel, folder: Path, numbers: Sequence[int], posts: int) -> list[Cost]:
    """Both ways, after a first training that warms everything up."""

    def one_by_one(given: Sequence[AdapterTask]) -> None:
        for task in given:
            finetune(base, task.tokens, task.output, task.config)

    one_by_one(tasks(timeline, base, folder, 1, 4))
    costs = []
    for number in numbers:
        given = tasks(timeline, base, folder, number, posts)
        costs.append(cost("one after the other", given, partial(one_by_one, given)))
        costs.append(cost("in one batch", given, partial(finetune_together, base, Group(given))))
        asked = [pair for task in given for pair in asked_of(task)]
        costs.append(cost("evaluated one after the other", given, partial(predict_one_by_one, base, asked)))
        costs.append(cost("evaluated in one batch", given, partial(predict_all, base, asked, given[0].config)))
    return costs


def asked_of(task: AdapterTask) -> list[Asked]:
    """The base model and the adapter, each with all posts of an account."""
    documents = pq.read_table(task.tokens)["input_ids"].to_pylist()
    return [(None, documents), (task.output, documents)]


def predict_one_by_one(base: BaseModel, asked: Sequence[Asked]) -> None:
    """As accounts are evaluated that do not wait for others."""
    for weights, documents in asked:
        predict(base, weights, documents, TrainConfig(device="cpu"))


def table(costs: Sequence[Cost]) -> str:
    """The costs as Markdown."""
    lines = ["| way | accounts | tokens | CPU s | tokens a CPU second |", "| --- |" + " ---: |" * 4]
    lines += [
        f"| {each.way} | {each.accounts} | {each.tokens:,} | {each.cpu_seconds} "
        f"| {each.tokens / each.cpu_seconds:.0f} |"
        for each in costs
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timeline", type=Path, required=True)
    parser.add_argument("--accounts", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--posts", type=int, default=60)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--models", type=Path, help="where a converted base model is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.root.mkdir()
        if options.models:
            home.models.symlink_to(options.models.resolve())
        base = resolve_base_model(options.base, home)
        costs = measure(options.timeline, base, Path(folder), options.accounts, options.posts)
    print(json.dumps([asdict(each) for each in costs], indent=1) if options.json else table(costs))


if __name__ == "__main__":
    main()
