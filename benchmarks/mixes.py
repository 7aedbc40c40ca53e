"""Does one model of two accounts predict both better than each one's own model predicts the other?

    OMP_NUM_THREADS=1 python benchmarks/mixes.py --timelines FOLDER --accounts juliasilge realDonaldTrump
        [--posts 160] [--held-out 0.25] [--models FOLDER] [--json]

FOLDER holds `<account>.jsonl`. The newest posts of each account are learned alone and together, with equal weight; then
the base model, each account's model, the mix, and a blend of both models (half of each adapter, no training) predict
the held-out posts of each. Seconds are those of the processor. `--models` is where a converted base model is kept.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hugtweets.config import Config, load_config
from hugtweets.devices.queue import on_device
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.models.tokens import load_split
from hugtweets.steps.clean import clean
from hugtweets.steps.fetch import fetch
from hugtweets.steps.finetune import WEIGHTS, Start, finetune
from hugtweets.steps.mix import mix
from hugtweets.steps.tokenise import TOKENS, tokenise
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.handles import name_mix
from hugtweets.storage.home import Home


@dataclass(frozen=True)
class Row:
    """A model: bits per byte on the held-out posts of each account, and processor seconds of its training."""

    model: str
    bits_per_byte: dict[str, float]
    cpu_seconds: float


def measure(home: Home, accounts: Sequence[str], timelines: Path, config: Config, base: BaseModel) -> list[Row]:
    """All models, each on the posts of each account."""
    requests = [
        AccountRequest(handle=name, source=f"file:{timelines / name}.jsonl", config=config) for name in accounts
    ]
    jobs = [Job(home, request, "benchmark") for request in requests]
    cleaned = [clean(job, fetch(job).reference) for job in jobs]
    both = Job(home, AccountRequest(handle=name_mix(accounts), config=config), "benchmark")
    posts = [*cleaned, mix(both, cleaned)]
    tokens = [tokenise(job, found) for job, found in zip([*jobs, both], posts, strict=True)]
    held_out = dict(zip(accounts, tokens[:-1], strict=True))
    rows = [Row("base", on_device(score, base, [], held_out, config), 0.0)]
    models: list[Reference] = []
    for job, found in zip([*jobs, both], tokens, strict=True):
        started = time.process_time()
        models.append(finetune(job, found, Start(None, "as the benchmark asks")))
        seconds = round(time.process_time() - started, 1)
        weights = [(models[-1].file(WEIGHTS), 1.0)]
        rows.append(Row(job.handle, on_device(score, base, weights, held_out, config), seconds))
    halves = [(model.file(WEIGHTS), 1 / len(accounts)) for model in models[:-1]]
    rows.append(Row("blend, equal shares", on_device(score, base, halves, held_out, config), 0.0))
    return rows


def score(
    base: BaseModel, adapters: Sequence[tuple[Path, float]], held_out: dict[str, Reference], config: Config
) -> dict[str, float]:
    """Bits per byte of a sum of adapters on the held-out posts of each account."""
    from hugtweets.devices.selection import choose_device
    from hugtweets.models.cache import load_blend, load_tuned

    load: Callable[..., Any] = load_blend if len(adapters) > 1 else load_tuned
    what = adapters if len(adapters) > 1 else adapters[0][0] if adapters else None
    model, tokenizer = load(base, what, choose_device(config.train))
    scores = {}
    for name, tokens in held_out.items():
        posts = load_split(tokens.file(TOKENS), "test")
        nats = post_nats(model, list(posts["input_ids"]), tokenizer.ends)
        scores[name] = round(bits_per_byte(nats, list(posts["bytes"])), 4)
    return scores


def table(rows: Sequence[Row]) -> str:
    """The models as Markdown."""
    names = list(rows[0].bits_per_byte)
    lines = [
        f"| model of | {' | '.join(f'on posts of {name}' for name in names)} | mean | training, CPU s |",
        f"| --- | {' | '.join('---:' for _ in names)} | ---: | ---: |",
    ]
    for row in rows:
        scores = [row.bits_per_byte[name] for name in names]
        cells = " | ".join(f"{score:.3f}" for score in scores)
        lines.append(f"| {row.model} | {cells} | {sum(scores) / len(scores):.3f} | {row.cpu_seconds or '–'} |")
    return "\n".join(lines)


def main() -> None:
    """Measure the accounts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--timelines", type=Path, required=True)
    parser.add_argument("--accounts", nargs="+", required=True)
    parser.add_argument("--posts", type=int, default=160)
    parser.add_argument("--held-out", type=float, default=0.25)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    settings = [f"train.max_posts={options.posts}", f"clean.held_out_share={options.held_out}"]
    config = load_config(None, ["tracking.mode=disabled", *settings])
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        home.models.mkdir()
        for kept in options.models.resolve().iterdir() if options.models else ():
            (home.models / kept.name).symlink_to(kept)
        base = resolve_base_model(config.train.base_model, home)
        rows = measure(home, options.accounts, options.timelines.resolve(), config, base)
    print(json.dumps([asdict(row) for row in rows], indent=1) if options.json else table(rows))


if __name__ == "__main__":
    main()
