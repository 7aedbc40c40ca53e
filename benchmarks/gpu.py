"""How much of a device is used, alone and with several accounts in one batch, by models of which size?

    python benchmarks/gpu.py [--shapes 124M 135M 360M 1.7B 7B] [--accounts 8 32 64] [--posts 320] [--whole 3200]
        [--folder FOLDER] [--output gpu.json] [--json]

Weights are random, made in `--folder` (a temporary one; the largest takes 14 GB), and so are the tokens of the posts,
10 to 60 each: what is learned does not count here. Measured, for each shape:

- training: tokens a second, and the share of what the device multiplies in its number format at best (MFU). A token
  takes four operations for each weight that multiplies: two forward, two for the gradients of what is below; those of
  frozen weights are not computed. The best is the data sheet's for the cards in PEAKS, else a large product measured.
- accounts an hour, of `--posts` posts each, trained and nothing else.
- sampling: tokens a second, with as many rows for each account as its samples and scorecard want.
- one account of `--whole` posts end to end: trained, samples written, validation posts predicted by base and model.
- the peak of memory: of the GPU, or of the whole process on a processor, where it only grows; and what was planned.

What does not fit is passed over, and the reason is told. The shape `tiny` is for trying this out on a processor.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from tokenizers import AddedToken, Tokenizer, models
from torch.nn import Linear
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, PreTrainedConfig
from transformers.pytorch_utils import Conv1D

from hugtweets.config import TrainConfig
from hugtweets.devices.gathering import Group
from hugtweets.devices.memory import free_memory, is_out_of_memory
from hugtweets.devices.selection import DeviceChoice, best_hardware, choose_device, unscaled
from hugtweets.errors import OutOfMemory
from hugtweets.evaluation.bits_per_byte import post_nats
from hugtweets.generation.decoding import continue_rows
from hugtweets.models.cache import CACHE, load_base, load_tuned
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.models.shape import Shape
from hugtweets.models.stacked import StackedModel
from hugtweets.models.tokens import TOKENS_SCHEMA, load_split
from hugtweets.storage.home import Home
from hugtweets.training.adapter_task import AdapterTask
from hugtweets.training.multi_adapter import finetune_together
from hugtweets.training.places import plan_places
from hugtweets.training.plan import PostLengths, hardware_to_plan_with, plan_memory
from hugtweets.training.trainer import finetune

# Operations a second in bfloat16 without sparsity, by NVIDIA's data sheets.
PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}
OPERATIONS = 4
# What an account's samples and scorecard want, and about how long a post is.
ROWS, SAMPLED = 50, 40
TOKENS = (10, 60)
HELD_OUT = 0.1


def _llama(
    width: int, inner: int, layers: int, heads: int, key_heads: int, tied: bool = True, vocabulary: int = 49_152
) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        tie_word_embeddings=tied,
    )


SHAPES: dict[str, Callable[[], PreTrainedConfig]] = {
    "tiny": lambda: _llama(32, 64, 2, 4, 2, vocabulary=400),
    "124M": lambda: GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0),
    "135M": lambda: _llama(576, 1536, 30, 9, 3),
    "360M": lambda: _llama(960, 2560, 32, 15, 5),
    "1.7B": lambda: _llama(2048, 8192, 24, 32, 32),
    "7B": lambda: _llama(4096, 11_008, 32, 32, 32, tied=False, vocabulary=32_000),
}


@dataclass(frozen=True)
class Figure:
    """One measurement; where it could not be made ``skipped`` says why, and the numbers are None."""

    shape: str
    what: str
    accounts: int
    seconds: float | None = None
    tokens_per_second: float | None = None
    mfu: float | None = None
    accounts_per_hour: float | None = None
    peak_gib: float | None = None
    planned_gib: float | None = None
    skipped: str | None = None


@dataclass(frozen=True)
class Device:
    """What computes, and what it multiplies at best."""

    choice: DeviceChoice
    name: str
    peak: float
    peak_source: str

    @classmethod
    def find(cls) -> Device:
        """The one that trainings would choose."""
        choice = choose_device(TrainConfig())
        name = torch.cuda.get_device_name() if choice.device == "cuda" else choice.reason
        known = next((peak for card, peak in PEAKS.items() if choice.device == "cuda" and card in name), None)
        if known:
            return cls(choice, name, known, "data sheet")
        return cls(choice, name, _large_product(choice), "a large product, measured")

    def peak_gib(self) -> float:
        """Of memory, since the last :meth:`reset`."""
        if self.choice.device == "cuda":
            return torch.cuda.max_memory_reserved() / 2**30
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20

    def lack_of_memory(self, config: PreTrainedConfig) -> str | None:
        """Why a model of this shape cannot be tried, if so: its weights may take half of what is free."""
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
        needed = model.num_parameters() * (2 if self.choice.dtype == "bfloat16" else 4) / 2**30
        free = best_hardware(self.choice.device).free / 2**30
        return f"the weights take {needed:.1f} GiB, {free:.1f} are free" if 2 * needed > free else None

    def reset(self) -> None:
        """Give memory back and start to count anew."""
        free_memory()
        if self.choice.device == "cuda":
            torch.cuda.reset_peak_memory_stats()

    def wait(self) -> float:
        """The clock, when all is computed that was asked for."""
        if self.choice.device == "cuda":
            torch.cuda.synchronize()
        return time.monotonic()


def _large_product(choice: DeviceChoice, size: int = 1024) -> float:
    """Operations a second."""
    number = torch.bfloat16 if choice.autocast or choice.dtype == "bfloat16" else torch.float32
    factor = torch.randn(size, size, device=choice.device).to(number)
    factor @ factor
    began, rounds = time.monotonic(), 5
    for _ in range(rounds):
        factor @ factor
    return rounds * 2 * size**3 / (time.monotonic() - began)


class Bench:
    """The measurements of one shape."""

    def __init__(self, shape: str, device: Device, folder: Path, posts: int) -> None:
        self._shape, self._device, self._folder, self._posts = shape, device, folder / shape, posts
        self._folder.mkdir(parents=True)
        home = Home(self._folder / "home")
        home.root.mkdir()
        self._config = SHAPES[shape]()
        self._base = self._make_base(home)

    def _make_base(self, home: Home) -> BaseModel:
        """A model with random weights, in 16 bits as they are published."""
        folder = self._folder / "base"
        with torch.device(self._device.choice.device):
            model: Any = AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
                self._config, dtype=torch.bfloat16
            )
        self.multiplying = sum(
            module.weight.numel() for module in model.modules() if isinstance(module, Linear | Conv1D)
        )
        model.save_pretrained(folder)
        words = Tokenizer(models.WordLevel({"<|endoftext|>": 0, "word": 1}, "word"))
        words.add_special_tokens([AddedToken("<|endoftext|>", special=True)])
        words.save(str(folder / "tokenizer.json"))
        return resolve_base_model(str(folder), home)

    def task(self, name: str, posts: int) -> AdapterTask:
        """An account of so many posts, the newest of which are held out if it is a whole one."""
        rng, held_out = random.Random(name), int(posts * HELD_OUT)
        columns = {
            "id": list(map(str, range(posts))),
            "split": ["train"] * (posts - held_out) + ["validation"] * held_out,
            "input_ids": [
                [rng.randrange(2, self._config.vocab_size) for _ in range(rng.randint(*TOKENS))] for _ in range(posts)
            ],
            "bytes": [100] * posts,
        }
        path = self._folder / f"{name}.parquet"
        pq.write_table(pa.table(columns, schema=TOKENS_SCHEMA), path)
        return AdapterTask(name, path, self._folder / name, TrainConfig())

    def figures(self, numbers: Sequence[int], whole: int) -> Iterator[Figure]:
        """All that fits, and why the rest does not."""
        yield self._try("training", 1, partial(self._train_alone, self._posts))
        for accounts in numbers:
            yield self._try("training", accounts, partial(self._train_together, accounts))
        for accounts in (1, *numbers):
            yield self._try("sampling", accounts, partial(self._sample, accounts))
        if whole:
            yield self._try(f"one account of {whole:,} posts", 1, partial(self._whole, whole))

    def _try(self, what: str, accounts: int, measure: Callable[[], tuple[float, int]]) -> Figure:
        """``measure`` returns seconds and tokens."""
        figure = Figure(self._shape, what, accounts)
        self._device.reset()
        try:
            seconds, tokens = measure()
        except Exception as error:
            if not (isinstance(error, OutOfMemory) or is_out_of_memory(error)):
                raise
            CACHE.clear()
            return replace(figure, skipped=f"does not fit: {str(error).splitlines()[0][:120]}")
        figure = replace(figure, seconds=round(seconds, 2), peak_gib=round(self._device.peak_gib(), 2))
        figure = replace(figure, tokens_per_second=round(tokens / seconds, 1))
        if what != "training":
            return figure
        share = tokens / seconds * OPERATIONS * self.multiplying / self._device.peak
        planned = round(self._planned(accounts) / 2**30, 2)
        hourly = round(accounts * 3600 / seconds, 1)
        return replace(figure, mfu=round(share, 4), accounts_per_hour=hourly, planned_gib=planned)

    def _planned(self, accounts: int) -> int:
        """Bytes, by the plan that the training made as well."""
        task, choice, shape = self.task("planned", self._posts), self._device.choice, Shape.of(self._base)
        lengths = PostLengths.of(load_split(task.tokens, "train"), task.tokens)
        hardware = hardware_to_plan_with(task.config)
        if accounts == 1:
            return plan_memory(shape, lengths, hardware, choice, task.config).needed
        return plan_places(shape, [(lengths, task.config)] * accounts, hardware, unscaled(choice)).needed

    def _train_alone(self, posts: int) -> tuple[float, int]:
        warm, task = self.task("warm", 8), self.task("alone", posts)
        finetune(self._base, warm.tokens, warm.output, warm.config)
        began = self._device.wait()
        finetune(self._base, task.tokens, task.output, task.config)
        return self._device.wait() - began, trained_tokens(task)

    def _train_together(self, accounts: int) -> tuple[float, int]:
        tasks = [self.task(f"account-{number}", self._posts) for number in range(accounts)]
        group = Group[AdapterTask, Any](tasks)
        began = self._device.wait()
        finetune_together(self._base, group)
        seconds = self._device.wait() - began
        for member in group.members:
            member.outcome.result()
        return seconds, sum(map(trained_tokens, tasks))

    def _sample(self, accounts: int) -> tuple[float, int]:
        """Rows that nothing ends, from the adapters that were trained before."""
        names = ["alone"] if accounts == 1 else [f"account-{number}" for number in range(accounts)]
        adapters = [self._folder / name for name in names for _ in range(ROWS)]
        base = load_base(self._base, self._device.choice)
        with StackedModel.of(base, [self._folder / name for name in names]) as model:
            began = self._device.wait()
            continue_rows(
                model,
                [[0]] * len(adapters),
                0,
                1.0,
                0.95,
                SAMPLED,
                lambda row, tokens: len(tokens) == SAMPLED,
                [np.random.default_rng(number) for number in range(len(adapters))],
                list(map(str, adapters)),
            )
            return self._device.wait() - began, len(adapters) * SAMPLED

    def _whole(self, posts: int) -> tuple[float, int]:
        task = self.task("whole", posts)
        began = self._device.wait()
        finetune(self._base, task.tokens, task.output, task.config)
        table = pq.read_table(task.tokens)
        documents = table["input_ids"].to_pylist()[-int(posts * HELD_OUT) :]
        for weights in (None, task.output):
            model, tokenizer = load_tuned(self._base, weights, self._device.choice)
            post_nats(model, documents, tokenizer.ends)
        rngs = [np.random.default_rng(number) for number in range(ROWS)]
        continue_rows(model, [[0]] * ROWS, 0, 1.0, 0.95, SAMPLED, lambda _, tokens: len(tokens) == SAMPLED, rngs)
        return self._device.wait() - began, trained_tokens(task)


def trained_tokens(task: AdapterTask) -> int:
    """What an epoch reads, with the two tokens around each post."""
    table = pq.read_table(task.tokens, filters=[("split", "==", "train")])
    return sum(len(ids) + 2 for ids in table["input_ids"].to_pylist())


def table(figures: Sequence[Figure]) -> str:
    """The figures as Markdown."""
    head = "| shape | what | accounts | seconds | tokens/s | MFU | accounts/h | peak GiB | planned GiB |"
    lines = [head, "| --- | --- |" + " ---: |" * 7]
    for each in figures:
        shape, what, accounts, seconds, *numbers, skipped = asdict(each).values()
        cells = ["" if number is None else f"{number:,}" for number in numbers]
        lines.append("| " + " | ".join([shape, what, str(accounts), skipped or f"{seconds:,}", *cells]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure shape by shape; what is there so far is written after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=[name for name in SHAPES if name != "tiny"])
    parser.add_argument("--accounts", type=int, nargs="+", default=[8, 32, 64])
    parser.add_argument("--posts", type=int, default=320, help="of each account")
    parser.add_argument(
        "--whole", type=int, default=3200, help="posts of the account taken end to end; 0 leaves it out"
    )
    parser.add_argument("--folder", type=Path, help="where models are made")
    parser.add_argument("--output", type=Path, help="where the JSON is written")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    device, figures = Device.find(), list[Figure]()
    for shape in options.shapes:
        if lack := device.lack_of_memory(SHAPES[shape]()):
            figures.append(Figure(shape, "all", 1, skipped=lack))
        else:
            # A shape at a time, for all of them would not fit on the disk.
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                figures += Bench(shape, device, Path(folder), options.posts).figures(options.accounts, options.whole)
            CACHE.clear()
        document = {"device": device.name, "peak_operations": device.peak, "peak_source": device.peak_source}
        text = json.dumps(document | {"figures": list(map(asdict, figures))}, indent=1)
        if options.output:
            options.output.write_text(text + "\n", encoding="utf-8")
    print(
        text if options.json else f"{device.name}; best: {device.peak:.3g}/s, {device.peak_source}\n\n{table(figures)}"
    )


if __name__ == "__main__":
    main()
