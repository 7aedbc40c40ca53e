"""How the models of ``voice.py`` are trained: the original's recipe, transformers' own script, and our own training.

Each is judged by the validation posts while it learns, and keeps the weights that predict them best.
"""

from __future__ import annotations

import json
import math
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voice_material import Material

BLOCK = 1024
ORIGINAL_EPOCHS = 4
ORIGINAL_LR = 1.372e-4


@dataclass(frozen=True)
class Trained:
    """What came of a training; ``curve`` has (training seconds, bits per byte of the validation posts).

    ``seconds`` are those of steps alone by the clock. ``cpu_seconds`` are the processor's: beside other work they
    compare where the clock does not. Our own training counts its evaluations and its loading as well. Without
    ``weights`` nothing was trained.
    """

    weights: Path | None
    curve: list[tuple[float, float]]
    seconds: float
    cpu_seconds: float
    tokens_per_second: float


def train_nothing() -> Trained:
    """The base model as it is."""
    return Trained(None, [], 0.0, 0.0, 0.0)


def train_ours(given: Material, options: Mapping[str, Any], seed: int) -> Trained:
    """Our own training, with options put over the defaults."""
    from hugtweets.config import Config
    from hugtweets.training.trainer import finetune

    config = Config().override({"train": {"seed": seed}}).override(options)
    weights = given.folder / "weights"
    tokens, started = given.tokens, time.process_time()
    result = finetune(given.base, tokens, weights, config.train)
    spent = time.process_time() - started
    curve = [
        (row["train/seconds"], row["held_out/bits_per_byte"])
        for row in result.history
        if "held_out/bits_per_byte" in row
    ]
    return Trained(weights, curve, curve[-1][0], spent, result.tokens_per_second)


def train_original(given: Material, seed: int) -> Trained:
    """The recipe of huggingtweets on the same base model; at best, as the weights that predict best are kept."""
    import torch

    from hugtweets.config import TrainConfig
    from hugtweets.devices.selection import choose_device
    from hugtweets.models.cache import CACHE, load_tuned

    model, tokenizer = load_tuned(given.base, None, choose_device(TrainConfig()))
    model.requires_grad_(True).float()
    blocks = _stream(given, tokenizer.encode, tokenizer.end_of_text, seed)
    optimiser = torch.optim.AdamW(model.parameters(), lr=ORIGINAL_LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, len(blocks))
    evaluate, weights = _evaluator(given, model, tokenizer), given.folder / "weights"
    curve, seconds, spent = [(0.0, evaluate())], 0.0, 0.0
    each = max(1, len(blocks) // (2 * ORIGINAL_EPOCHS))
    for number, block in enumerate(blocks, 1):
        started, before = time.monotonic(), time.process_time()
        model.train()
        ids = torch.tensor([block], device=model.device)
        model(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
        seconds += time.monotonic() - started
        spent += time.process_time() - before
        if number % each == 0 or number == len(blocks):
            curve.append((round(seconds, 1), evaluate()))
            if curve[-1][1] == min(score for _, score in curve[1:]):
                model.save_pretrained(weights)
    # Its own weights learned: it is no base model any more.
    CACHE.clear()
    return Trained(weights, curve, round(seconds, 1), round(spent, 1), BLOCK * len(blocks) / seconds)


def train_run_clm(given: Material, script: Path, options: str, seed: int) -> Trained:
    """The script of transformers as a process of its own, whose curve nobody sees.

    Its blocks are as long as the base model's context by default, and only whole ones are trained on.
    """
    for name, texts in (("train", given.train), ("validation", given.validation)):
        (given.folder / f"{name}.txt").write_text("\n".join(texts), encoding="utf-8")
    weights = given.folder / "weights"
    command = [sys.executable, str(script), "--model_name_or_path", given.base.path, "--do_train", f"--seed={seed}"]
    command += ["--train_file", str(given.folder / "train.txt"), "--validation_file"]
    command += [str(given.folder / "validation.txt"), "--output_dir", str(weights), "--report_to", "none"]
    command += ["--include_num_input_tokens_seen", *(f"--{option}" for option in filter(None, options.split(",")))]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=sys.stderr)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    state = json.loads((weights / "trainer_state.json").read_text(encoding="utf-8"))
    seconds = state["log_history"][-1]["train_runtime"]
    return Trained(weights, [(seconds, math.nan)], seconds, spent, state["num_input_tokens_seen"] / seconds)


def _stream(given: Material, encode: Callable[[str], list[int]], end_of_text: int, seed: int) -> list[list[int]]:
    """Four shuffled epochs as one stream of tokens, cut into blocks; what does not fill the last one is left out."""
    order, stream = random.Random(seed), list[int]()
    for _ in range(ORIGINAL_EPOCHS):
        for text in order.sample(list(given.train), len(given.train)):
            stream += [*encode(text), end_of_text]
    return [stream[start : start + BLOCK] for start in range(0, len(stream) - BLOCK + 1, BLOCK)]


def _evaluator(given: Material, model: Any, tokenizer: Any) -> Callable[[], float]:
    from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats

    documents = [tokenizer.encode(text) for text in given.validation]
    sizes = [len(text.encode()) for text in given.validation]
    return lambda: round(bits_per_byte(post_nats(model, documents, tokenizer.ends), sizes), 4)
