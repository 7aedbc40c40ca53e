"""Night after night: does a model that goes on from the last one stay as good as one trained again from the base?

    python benchmarks/days.py --account timeline.jsonl --start-posts 240 --night-posts 40 --nights 5 \
        --variant base:refresh.start=base --variant previous:refresh.start=previous --rows rows.jsonl [--models DIR]
    python benchmarks/days.py --tabulate rows.jsonl [--json]

Cuts a real timeline (a file source) into nights by date: the first ends with the day on which --start-posts are kept,
each later one with the day on which --night-posts more are, as with refresh.min_new_posts. On the first night a model
is made from the base model, which all variants share; on each later one every variant makes its own, by the steps of
the library. A variant is a name and options; one that starts from the base does not depend on its own past, and with
--base-every N it is made on every N-th night only.

Each model is scored in bits per byte on the held-out posts of its night, and on the posts that were newly kept the
next night, which no variant has seen. --models keeps converted base models for the next call.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hugtweets.config import Config, load_config
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.steps.clean import CLEAN, clean
from hugtweets.steps.fetch import fetch
from hugtweets.steps.finetune import WEIGHTS, finetune
from hugtweets.steps.starting import find_start
from hugtweets.steps.tokenise import TOKENS, tokenise
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import VARIABLE, Home

SHARED = "all"  # the variant of the first night
SCORES = ("held_out", "next_posts")


@dataclass
class Row:
    """One model: posts it was trained on, what that took, and its bits per byte; None where nothing could be scored.

    ``before`` is the score on the held-out posts of what the training started from.
    """

    account: str
    night: int
    until: str
    variant: str
    start: str
    kept_posts: int
    trained_posts: int
    cpu_seconds: float
    wall_seconds: float
    before: float
    held_out: float
    next_posts: float | None = None
    base_model_on_next_posts: float | None = None
    next_posts_number: int = 0
    load: float = 0.0


@dataclass(frozen=True)
class Made:
    """A model of a night, and the token file of its posts."""

    row: Row
    model: Reference
    tokens: Path


@dataclass(frozen=True)
class Bench:
    """What all nights share: where the variants' homes are, their options, and the base model."""

    folder: Path
    variants: dict[str, Config]
    base_model: BaseModel
    base_every: int

    def home(self, variant: str) -> Home:
        """Each variant remembers its own models."""
        return Home(self.folder / variant.replace(" ", "-"))

    def wanted(self, night: int) -> dict[str, Config]:
        """The variants that are made this night."""
        return {
            name: config
            for name, config in self.variants.items()
            if config.refresh.start == "previous" or night % self.base_every == 0
        }


def cut(timeline: Path, start_posts: int, night_posts: int, nights: int, config: Config) -> Iterator[str]:
    """The last day of each night, ISO, the first night's first."""
    import pyarrow.parquet as pq

    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            Home(Path(folder)), AccountRequest(handle=timeline.stem, source=f"file:{timeline}", config=config), ""
        )
        table = pq.read_table(clean(job, fetch(job).reference).file(CLEAN), columns=["created_at", "kept"])
    days = [str(moment.date()) for moment in table.filter(table["kept"])["created_at"].to_pylist()]
    gathered, wanted, left = 0, start_posts, nights + 1
    for day, after in zip(days, [*days[1:], None], strict=True):
        gathered += 1
        if gathered >= wanted and after != day and left:
            yield day
            gathered, wanted, left = 0, night_posts, left - 1


def make(bench: Bench, variant: str, config: Config, posts: Path, night: int, until: str) -> Made:
    """One night of one variant."""
    job = Job(bench.home(variant), AccountRequest(handle=posts.stem, source=f"file:{posts}", config=config), "days")
    cleaned = clean(job, fetch(job).reference)
    tokens = tokenise(job, cleaned)
    start = find_start(job, tokens, cleaned)
    cpu, wall = time.process_time(), time.monotonic()
    model = finetune(job, tokens, start)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    counts = model.manifest().counts
    row = Row(
        account=posts.stem,
        night=night,
        until=until,
        variant=variant,
        start="previous" if start.model else "base",
        kept_posts=cleaned.manifest().counts["kept"],
        trained_posts=counts["new_posts"] + counts["replayed_posts"]
        if start.model
        else tokens.manifest().counts["train"],
        cpu_seconds=round(cpu, 1),
        wall_seconds=round(wall, 1),
        before=round(counts["start_bits_per_byte"], 4),
        held_out=round(counts["bits_per_byte"], 4),
        load=round(os.getloadavg()[0], 1),
    )
    return Made(row, model, tokens.file(TOKENS))


def score_on_next(bench: Bench, made: Sequence[Made], tokens: Path, config: Config) -> None:
    """Score the models of a night on the posts that are new in the next night's token file."""
    import pyarrow.parquet as pq

    from hugtweets.devices.selection import choose_device
    from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
    from hugtweets.models.cache import load_tuned

    seen = set(pq.read_table(made[0].tokens, columns=["id"])["id"].to_pylist())
    posts = [post for post in pq.read_table(tokens).to_pylist() if post["id"] not in seen]
    documents, sizes = [post["input_ids"] for post in posts], [post["bytes"] for post in posts]

    def score(weights: Path | None) -> float:
        model, tokenizer = load_tuned(bench.base_model, weights, choose_device(config.train))
        return round(bits_per_byte(post_nats(model, documents, tokenizer.ends), sizes), 4)

    base = score(None)
    for one in made:
        one.row.next_posts, one.row.next_posts_number = score(one.model.file(WEIGHTS)), len(posts)
        one.row.base_model_on_next_posts = base


def simulate(bench: Bench, timeline: Path, options: argparse.Namespace) -> Iterator[Row]:
    """All nights of an account; a row appears once its models were scored on the next night's posts."""
    plain = next(iter(bench.variants.values()))
    with timeline.open(encoding="utf-8") as file:
        lines = [(json.loads(line)["created_at"][:10], line) for line in file]
    posts = bench.folder / timeline.name
    before: list[Made] = []
    days = cut(timeline, options.start_posts, options.night_posts, options.nights, plain)
    for night, until in enumerate(days):
        posts.write_text("".join(line for day, line in lines if day <= until), encoding="utf-8")
        if night == 0:
            before = [make(bench, SHARED, plain, posts, night, until)]
            for variant in bench.variants:
                shutil.copytree(bench.home(SHARED).root, bench.home(variant).root, dirs_exist_ok=True)
            continue
        made = [make(bench, variant, config, posts, night, until) for variant, config in bench.wanted(night).items()]
        score_on_next(bench, before, made[0].tokens, plain)
        yield from (one.row for one in before)
        before = made
    yield from (one.row for one in before)


def tables(rows: list[dict[str, Any]]) -> str:
    """The means of each variant, then every model as a row; the JSON says more."""
    head = ["account", "variant", "nights", "trained posts a night", "CPU s a night", "wall s a night", "held out"]
    head += ["next night's posts", "base model on these"]
    names = ["account", "night", "variant", "kept_posts", "trained_posts", "cpu_seconds", "wall_seconds", *SCORES]
    every = [[_shown(row[name], name) for name in names] for row in rows]
    means = _markdown(head, list(_means(rows)))
    return "\n".join([*means, "", *_markdown([name.replace("_", " ") for name in names], every)])


def _means(rows: list[dict[str, Any]]) -> Iterator[list[str]]:
    """Over the nights after the first that all variants of an account have, and that a next night followed."""
    later = [row for row in rows if row["night"] and row["next_posts"] is not None]
    columns = ("trained_posts", "cpu_seconds", "wall_seconds", *SCORES, "base_model_on_next_posts")
    for account in dict.fromkeys(row["account"] for row in later):
        here = [row for row in later if row["account"] == account]
        variants = dict.fromkeys(row["variant"] for row in here)
        common = set.intersection(*({row["night"] for row in here if row["variant"] == name} for name in variants))
        for variant in variants:
            own = [row for row in here if row["variant"] == variant and row["night"] in common]
            means = [_shown(sum(row[name] for row in own) / len(own), name) for name in columns] if own else []
            yield [account, variant, str(len(own)), *means]


def _markdown(head: list[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _shown(value: Any, column: str) -> str:
    if not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:.0f}" if column.endswith(("seconds", "trained_posts")) else f"{value:.3f}"


def parse_variants(texts: Sequence[str], common: Sequence[str]) -> dict[str, Config]:
    """``NAME:section.key=value,...``, over the options that all variants share."""
    named = [text.partition(":") for text in texts]
    return {name: load_config(None, [*common, *options.split(",")]) for name, _, options in named}


def main() -> None:
    """Simulate, or make tables of rows that were kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", type=Path, action="append", default=[], metavar="FILE.jsonl")
    parser.add_argument("--start-posts", type=int, default=240)
    parser.add_argument("--night-posts", type=int, default=40)
    parser.add_argument("--nights", type=int, default=5)
    parser.add_argument("--variant", action="append", default=[], metavar="NAME:KEY=VALUE,...")
    parser.add_argument("--base-every", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--rows", type=Path, help="append each row to this file as soon as it is complete")
    parser.add_argument("--tabulate", type=Path, metavar="ROWS")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = _read(options.tabulate) if options.tabulate else run(options)
    print(json.dumps(rows, indent=1) if options.json else tables(rows))


def run(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Simulate every account."""
    variants = parse_variants(options.variant, ["tracking.mode=disabled", *options.set])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ[VARIABLE] = folder  # where locks are
        models = Home((options.models or Path(folder) / "converted").resolve())
        base_model = resolve_base_model(next(iter(variants.values())).train.base_model, models)
        for timeline in options.account:
            bench = Bench(Path(folder) / timeline.stem, variants, base_model, options.base_every)
            bench.folder.mkdir()
            for row in simulate(bench, timeline, options):
                rows.append(asdict(row))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
                if options.rows:
                    with options.rows.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    return rows


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
