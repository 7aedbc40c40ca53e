"""What does a training step cost in bfloat16: under autocast alone, and as hugtweets/training/precision.py has it?

    OMP_NUM_THREADS=1 python benchmarks/steps.py --account timeline.jsonl [--account ...] [--steps 24] [--home HOME]
        [--json]

Forward and backward passes of the default's adapters over rows of four posts. Each row is computed in every way, and
every time another way comes first, so that all ways see the same load of the machine; time is the processor's.
`--home` keeps the converted base model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model
from voice_material import material

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.models.cache import CACHE, load_base
from hugtweets.models.tokens import TextTokenizer, load_split
from hugtweets.training.collators import PackedPosts
from hugtweets.training.lora import adapter_options
from hugtweets.training.precision import Bfloat16Steps, attention_in_float32

WARM_UP = 2


@dataclass(frozen=True)
class Row:
    """One way on one account: processor milliseconds of a step, tokens of a row, and the loss of the last one."""

    account: str
    way: str
    median_ms: float
    mean_ms: float
    tokens: float
    loss: float


@contextmanager
def autocast_and_attention() -> Any:
    """Weights are converted in every step, attention is computed in float32."""
    with torch.autocast("cpu", torch.bfloat16), attention_in_float32():
        yield


def ways(model: Any) -> dict[str, Callable[[], AbstractContextManager[Any]]]:
    """What a forward pass is computed in."""
    return {
        "float32": ExitStack,
        "autocast alone": lambda: torch.autocast("cpu", torch.bfloat16),
        "and attention in float32": autocast_and_attention,
        "and weights converted once (ours)": Bfloat16Steps(model, "cpu").step,
    }


def measure(account: Path, options: argparse.Namespace) -> list[Row]:
    """All ways on the newest posts of an account."""
    config = TrainConfig(device="cpu")
    number = (options.steps + WARM_UP) * config.posts_per_step
    with material(account, number, 1, options.base, options.home) as given:
        base = load_base(given.base, choose_device(config))
        model: Any = get_peft_model(base, adapter_options(base, config))
        CACHE.attach(model)
        posts = load_split(given.tokens, "train").to_list()
        collator = PackedPosts(TextTokenizer.of(given.base).ends)
        size = config.posts_per_step
        rows = [collator(posts[start : start + size]) for start in range(0, len(posts), size)]
    found = ways(model.train())
    seconds: dict[str, list[float]] = {way: [] for way in found}
    losses = dict.fromkeys(found, 0.0)
    for place, row in enumerate(rows):
        for turn in range(len(found)):
            way = list(found)[(place + turn) % len(found)]
            began = time.process_time()
            with found[way]():
                loss = model(**row, use_cache=False).loss
            loss.backward()
            seconds[way].append(time.process_time() - began)
            losses[way] = float(loss)
    tokens = statistics.mean(row["input_ids"].shape[1] for row in rows[WARM_UP:])
    return [
        Row(
            given.account,
            way,
            round(1000 * statistics.median(seconds[way][WARM_UP:])),
            round(1000 * statistics.mean(seconds[way][WARM_UP:])),
            round(tokens),
            round(losses[way], 4),
        )
        for way in found
    ]


def table(rows: list[Row]) -> str:
    """The rows as Markdown; the saving is against autocast alone, by the mean."""
    alone = {row.account: row.mean_ms for row in rows if row.way == "autocast alone"}
    lines = ["| account | way | tokens a row | median ms | mean ms | saved | loss |", "| --- | --- |" + " ---: |" * 5]
    for row in rows:
        saved = f"{100 * (1 - row.mean_ms / alone[row.account]):.0f} %"
        numbers = f"{row.tokens:.0f} | {row.median_ms:.0f} | {row.mean_ms:.0f} | {saved} | {row.loss:.4f}"
        lines.append(f"| {row.account} | {row.way} | {numbers} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", type=Path, action="append", required=True, metavar="FILE.jsonl")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--home", type=Path, help="where the converted base model is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        options.home = options.home or Path(temporary)
        rows = [row for account in options.account for row in measure(account, options)]
    print(json.dumps([asdict(row) for row in rows]) if options.json else table(rows))


if __name__ == "__main__":
    main()
