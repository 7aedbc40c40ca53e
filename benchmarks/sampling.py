"""How fast are tokens sampled: in batches, one prompt at a time by ``generate``, and how near the machine's limit?

    OMP_NUM_THREADS=1 python benchmarks/sampling.py [--base packaged] [--tokens 40] [--rows 1 8 32] [--adapters 1 4 16]
        [--format bfloat16] [--models FOLDER] [--json]

Every row of a batch gets the same number of tokens, so that the ways do the same work. Counted are processor seconds,
which are more honest than the clock's on a shared machine: with one thread, and on the processor only.

- ``generate``: transformers, one prompt at a time, from the base model with one adapter.
- ``ours``: :func:`hugtweets.generation.decoding.continue_rows`, from the same model.
- ``ours, N adapters``: as many rows, from N adapters in turn, in one batch.
- ``ours, N adapters stacked``: the same by :class:`hugtweets.models.stacked.StackedModel`, instead of peft's own way.
- ``N batches``: the same rows, one adapter after the other.
- ``bare products``: nothing but the products of all weights of the model with as many rows, in the same number format.

Below the table: what a large product and a large copy reach on this machine, and what a token needs of both.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel, get_peft_model
from torch.nn.functional import linear
from transformers import GenerationConfig

from hugtweets.config import DEFAULT_PROMPTS, TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.generation.decoding import continue_rows
from hugtweets.models.cache import load_base
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.models.stacked import StackedModel
from hugtweets.models.tokens import TextTokenizer
from hugtweets.storage.home import Home
from hugtweets.training.lora import adapter_options, save_adapter

TOP_P = 0.95


@dataclass(frozen=True)
class Speed:
    """How many tokens were sampled in how many processor seconds, in a batch of how many rows."""

    way: str
    rows: int
    tokens: int
    cpu_seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Tokens a second of the processor."""
        return self.tokens / self.cpu_seconds


@dataclass(frozen=True)
class Machine:
    """What the processor reaches in the number format of the model, and what one pass over the weights needs."""

    product_gflops: float
    copy_gigabytes_per_second: float
    weights_gigabytes: float
    gflop_a_token: float

    def limit(self, rows: int) -> tuple[float, float]:
        """Tokens a second if only arithmetic counted, and if only reading the weights did."""
        return self.product_gflops / self.gflop_a_token, rows * self.copy_gigabytes_per_second / self.weights_gigabytes


def cpu_seconds(work: Callable[[], object], repeat: int = 1) -> float:
    """Processor seconds of one repetition, the best of as many."""
    best = float("inf")
    for _ in range(repeat):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def with_adapters(base: Any, number: int) -> PeftModel:
    """The base model with as many fresh adapters, which cost what trained ones cost."""
    options = adapter_options(base, TrainConfig())
    model = get_peft_model(base, options, adapter_name="adapter_0")
    for name in range(1, number):
        model.add_adapter(f"adapter_{name}", options)
    return model.eval()


def prompts_of(tokenizer: TextTokenizer, rows: int) -> list[list[int]]:
    """The default prompts, over and over."""
    texts = [DEFAULT_PROMPTS[row % len(DEFAULT_PROMPTS)] for row in range(rows)]
    return [[tokenizer.start_of_text, *tokenizer.encode(text)] for text in texts]


def ours(model: Any, tokenizer: TextTokenizer, rows: int, tokens: int, adapters: Sequence[str] = ()) -> None:
    """Draw a batch."""
    generators = [np.random.default_rng(row) for row in range(rows)]
    beginnings = prompts_of(tokenizer, rows)
    continue_rows(model, beginnings, 0, 1.0, TOP_P, tokens, lambda row, sampled: False, generators, adapters)


def one_by_one(model: Any, tokenizer: TextTokenizer, posts: int, tokens: int) -> None:
    """Draw with transformers, a prompt at a time."""
    options = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=True,
        top_p=TOP_P,
        top_k=0,
        max_new_tokens=tokens,
        min_new_tokens=tokens,
        pad_token_id=0,
        use_cache=True,
    )
    for row in prompts_of(tokenizer, posts):
        ids = torch.tensor([row])
        model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=options)


def weights_of(base: Any) -> list[torch.Tensor]:
    """What each token is multiplied with; the embeddings of the input are only looked up."""
    return [module.weight for module in base.modules() if isinstance(module, torch.nn.Linear)]


def products(weights: Sequence[torch.Tensor], rows: int) -> None:
    """Every product of one step, and nothing else."""
    inputs = {weight.shape[1]: torch.ones(rows, weight.shape[1], dtype=weight.dtype) for weight in weights}
    for weight in weights:
        linear(inputs[weight.shape[1]], weight)


def measure_machine(weights: Sequence[torch.Tensor]) -> Machine:
    """A large square product and a large copy, both far from the caches' sizes."""
    square = torch.ones(2048, 2048, dtype=weights[0].dtype)
    large = torch.ones(2**27)
    target = torch.empty_like(large)
    numbers = sum(weight.numel() for weight in weights)
    return Machine(
        product_gflops=2 * 2048**3 / 1e9 / cpu_seconds(lambda: linear(square, square), 5),
        # A copy reads and writes.
        copy_gigabytes_per_second=2 * 4 * len(large) / 1e9 / cpu_seconds(lambda: target.copy_(large), 5),
        weights_gigabytes=numbers * weights[0].element_size() / 1e9,
        gflop_a_token=2 * numbers / 1e9,
    )


def measure(
    base: Any, base_model: BaseModel, options: argparse.Namespace, scratch: Path
) -> tuple[list[Speed], Machine]:
    """All ways, and the machine; adapters are written into a folder."""
    tokenizer = TextTokenizer.of(base_model)
    weights, tokens, most = weights_of(base), options.tokens, max(options.rows)
    speeds: list[Speed] = []

    def add(way: str, rows: int, sampled: int, seconds: float) -> None:
        speeds.append(Speed(way, rows, sampled, seconds))

    with torch.inference_mode():
        machine = measure_machine(weights)
        for rows in options.rows:
            add("bare products", rows, rows, cpu_seconds(partial(products, weights, rows), 3))
    adapted = with_adapters(base, max(options.adapters))
    ours(adapted, tokenizer, most, 2)
    add("generate", 1, 3 * tokens, cpu_seconds(partial(one_by_one, adapted, tokenizer, 3, tokens)))
    for rows in options.rows:
        add("ours", rows, rows * tokens, cpu_seconds(partial(ours, adapted, tokenizer, rows, tokens)))
    for number in options.adapters:
        names = [f"adapter_{row * number // most}" for row in range(most)]
        mixed = cpu_seconds(partial(ours, adapted, tokenizer, most, tokens, names))
        add(f"ours, {number} adapters", most, most * tokens, mixed)
        if number > 1:
            apart = number * cpu_seconds(partial(ours, adapted, tokenizer, most // number, tokens))
            add(f"{number} batches", most // number, most * tokens, apart)
    folders = [scratch / f"adapter_{number}" for number in range(max(options.adapters))]
    for folder in folders:
        save_adapter(adapted, base_model, folder, folder.name)
    bare: Any = adapted.unload()
    for number in options.adapters:
        names = [str(folders[row * number // most]) for row in range(most)]
        with StackedModel.of(bare, folders[:number]) as stacked:
            mixed = cpu_seconds(partial(ours, stacked, tokenizer, most, tokens, names))
        add(f"ours, {number} adapters stacked", most, most * tokens, mixed)
    return speeds, machine


def table(speeds: Sequence[Speed], machine: Machine) -> str:
    """The speeds as Markdown, each beside ``generate`` and the limit of its rows."""
    generate = next(speed for speed in speeds if speed.way == "generate")
    lines = ["| way | rows | tokens/s | of generate | of the limit |", "| --- | ---: | ---: | ---: | ---: |"]
    for speed in speeds:
        reached = speed.tokens_per_second
        share = reached / min(machine.limit(speed.rows))
        lines.append(
            f"| {speed.way} | {speed.rows} | {reached:.1f} | {reached / generate.tokens_per_second:.1f} × "
            f"| {100 * share:.0f} % |"
        )
    most = max(speed.rows for speed in speeds)
    arithmetic, memory = machine.limit(most)
    note = (
        f"A large product reaches {machine.product_gflops:.0f} GFLOP/s, a large copy "
        f"{machine.copy_gigabytes_per_second:.1f} GB/s; a token needs {machine.gflop_a_token:.3f} GFLOP, a step reads "
        f"{machine.weights_gigabytes:.2f} GB. With {most} rows arithmetic alone allows {arithmetic:.0f} tokens/s, "
        f"memory alone {memory:.0f}."
    )
    lines += ["", note]
    return "\n".join(lines)


def main() -> None:
    """Measure one base model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="packaged")
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--adapters", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--format", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--models", type=Path, help="where a converted base model is kept")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        if options.models:
            home.models.symlink_to(options.models.resolve())
        base_model = resolve_base_model(options.base, home)
        base = load_base(base_model, replace(choose_device(TrainConfig(device="cpu")), dtype=options.format))
        speeds, machine = measure(base, base_model, options, Path(folder))
    if options.json:
        print(json.dumps({"speeds": [asdict(speed) for speed in speeds], "machine": asdict(machine)}, indent=1))
    else:
        print(table(speeds, machine))


if __name__ == "__main__":
    main()
