"""Does it pay to compile a training step, with the tokens of a step rounded up so that there are few shapes?

    python benchmarks/compiled.py --models FOLDER [--base packaged] [--layers 30] [--steps 20] [--multiple 128]

Steps as `finetune` takes them, of four posts of 10 to 60 random tokens in one row, with the default adapters: as they
come, padded to a multiple of so many tokens, and so compiled; on a GPU by `reduce-overhead`, which records CUDA graphs.
Counted are the first step of each shape and the mean of the steps after it: processor seconds, those of the compiler
included, or on a GPU those of the clock. Needs a C++ compiler, or Triton on a GPU. `--layers` cuts the model off above
so many, since compiling takes as long for each; `--models` is where a converted base model is kept.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model
from torch._inductor import config as inductor

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.models.cache import load_base
from hugtweets.models.registry import resolve_base_model
from hugtweets.storage.home import Home
from hugtweets.training.collators import IGNORED, PackedPosts
from hugtweets.training.lora import adapter_options

TOKENS, POSTS = (10, 60), 4
# What stands at the end of a padded row: see hugtweets.training.shared_rows.
PADDING = {"input_ids": 0, "labels": IGNORED, "position_ids": 0}

Pack = dict[str, torch.Tensor]


def packs(vocabulary: int, number: int, multiple: int, device: str) -> list[Pack]:
    """Random posts, a row for each step, as long as a multiple of so many tokens."""
    rng, collate, made = random.Random(0), PackedPosts((0, 0)), []
    for _ in range(number):
        posts = [
            {"input_ids": [rng.randrange(5, vocabulary) for _ in range(rng.randint(*TOKENS))]} for _ in range(POSTS)
        ]
        pack = {name: tensor for name, tensor in collate(posts).items() if name in PADDING}
        more = -pack["input_ids"].shape[1] % multiple
        padded = {name: torch.nn.functional.pad(row, (0, more), value=PADDING[name]) for name, row in pack.items()}
        made.append({name: row.to(device) for name, row in padded.items()})
    return made


def measure(forward: Callable[..., Any], factors: list[Any], rows: list[Pack], device: str) -> tuple[float, float, int]:
    """Seconds of the first steps of all shapes together, those of a later step, and how many shapes there were."""
    optimizer, first, later = torch.optim.AdamW(factors, 2e-3), dict[int, float](), list[float]()
    for row in rows:
        began = _clock(device)
        with torch.autocast(device, torch.bfloat16):
            forward(**row, use_cache=False).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        took, length = _clock(device) - began, row["input_ids"].shape[1]
        if length in first:
            later.append(took)
        else:
            first[length] = took
    return sum(first.values()), sum(later) / max(1, len(later)), len(first)


def _clock(device: str) -> float:
    if device != "cuda":
        # All but the last are processor seconds.
        return sum(os.times()[:4])
    torch.cuda.synchronize()
    return time.monotonic()


def main() -> None:
    """Measure all three ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--layers", type=int, default=30)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--multiple", type=int, default=128)
    options = parser.parse_args()
    # In this process, for seconds of others are known only when they have ended.
    inductor.compile_threads = 1
    choice = choose_device(TrainConfig())
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        home.root.mkdir()
        home.models.symlink_to(options.models.resolve())
        base: Any = load_base(resolve_base_model(options.base, home), choice)
    base.model.layers = base.model.layers[: options.layers]
    model: Any = get_peft_model(base, adapter_options(base, TrainConfig())).train()
    factors = [weights for weights in model.parameters() if weights.requires_grad]
    compiled = torch.compile(model, dynamic=False, mode="reduce-overhead" if choice.device == "cuda" else None)
    print("| way | shapes | first steps, s | a later step, s |\n| --- | ---: | ---: | ---: |", flush=True)
    ways = [
        ("as they come", model, 1),
        ("padded", model, options.multiple),
        ("padded, compiled", compiled, options.multiple),
    ]
    for way, forward, multiple in ways:
        rows = packs(base.config.vocab_size, options.steps, multiple, choice.device)
        first, later, shapes = measure(forward, factors, rows, choice.device)
        print(f"| {way} | {shapes} | {first:.1f} | {later:.3f} |", flush=True)


if __name__ == "__main__":
    main()
