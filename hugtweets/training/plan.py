"""What a training will need of a device's memory, and how it is made to fit: said before anything is loaded.

``benchmarks/memory.py`` holds the arithmetic against measured peaks on a processor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hugtweets.config import TrainConfig
from hugtweets.devices.hardware import Hardware
from hugtweets.devices.memory import trim
from hugtweets.devices.selection import (
    QUANTISED,
    DeviceChoice,
    Quantised,
    best_hardware,
    choose_format,
    training_format,
)
from hugtweets.errors import OutOfMemory
from hugtweets.models.cache import CACHE
from hugtweets.models.shape import Shape
from hugtweets.models.tokens import load_split
from hugtweets.training.lora import RANK
from hugtweets.training.memory import describe_rows, with_smaller_rows

GIB = 2**30
BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
# Of a quantised weight, its share of the constants included.
QUANTISED_BYTES: dict[Quantised, float] = {"8bit": 1.05, "4bit": 0.56}
# Bytes that a layer keeps of a token for its backward pass, for each number of the model's width, of the width of its
# attention, and of that inside the layer. In float32: what enters two norms and, for the adapters, what leaves them (4
# numbers); queries, keys, values and what attention makes of them (4); the gate, its activation, what it lets through
# and their product (4). Families with more norms, or an activation of many parts, keep more: hence 20 and 18 for 16.
# Adapters beside weights of 16 bits keep inputs of their own in float32, one a map; under autocast each map keeps one
# in 16 bits, and attention on a processor is in float32. Held against profiles of Llama, GPT-2 and Gemma 3.
KEPT = {"float32": (20, 16, 18), "16 bits": (32, 14, 10), "autocast": (22, 20, 8)}
# Bytes of a logit where most of them are there: its logarithm, the gradient of that and its own, all in float32; in 16
# bits an adapter of the output takes more before: what it adds, added to what was there, each also in float32.
LOGIT = {"float32": 12, "16 bits": 14, "autocast": 12}
# What a layer that is computed again takes, its gradients beside what it kept: those of three numbers inside at a time.
LAYER_AGAIN = 1.4
# Logits that an evaluation, or a piece of the loss, has at once.
PIECE = 2**24
# Float32 weights, gradients and the two moments of AdamW.
LEARNING = 16
# What a GPU's libraries take for themselves, a guess since none could be had, and the code that a processor reads in
# for the first step.
LIBRARIES = {"cuda": 0.3 * GIB, "mps": 0.3 * GIB, "cpu": 32 * 2**20}
# What allocators leave unused. That of a processor leaves holes, fewer if large blocks are given back at once.
UNUSED, UNUSED_ON_CPU, UNUSED_GIVEN_BACK = 1.1, 1.35, 1.2


@dataclass(frozen=True)
class PostLengths:
    """Tokens of each post to train on, without the two around it, and of all posts to evaluate with."""

    trained: Sequence[int]
    evaluated: int

    @classmethod
    def of(cls, posts: Any, tokens: Path) -> PostLengths:
        """Of posts to train on, and of the validation posts of their token file, each with its end."""
        evaluated = sum(len(ids) + 1 for ids in load_split(tokens, "validation")["input_ids"])
        return cls([len(ids) for ids in posts["input_ids"]], evaluated)

    def longest_row(self, config: TrainConfig) -> int:
        """Tokens of the longest posts in one row, each between the two tokens around a post."""
        posts = sorted((length + 2 for length in self.trained), reverse=True)
        several = 1 if config.tokens_per_step else config.posts_per_step
        return (config.tokens_per_step or 0) + sum(posts[:several])


@dataclass(frozen=True)
class MemoryPlan:
    """How a training fits; ``needed`` is bytes. All but ``choice`` changes no more than rounding.

    ``config`` has smaller rows than were ``asked`` for if those would not fit.
    """

    asked: TrainConfig
    config: TrainConfig
    choice: DeviceChoice
    chunked_loss: bool
    checkpointing: bool
    needed: int
    hardware: Hardware

    @property
    def measures(self) -> str:
        """What is done so that it fits, for people, each after a comma; empty if nothing has to be."""
        used = {
            "the base model in 8 bits": self.choice.quantised == "8bit",
            "the base model in 4 bits": self.choice.quantised == "4bit",
            "the loss in pieces": self.chunked_loss,
            "layers computed twice": self.checkpointing,
            describe_rows(self.config): self.config != self.asked,
        }
        return "".join(f", {name}" for name, is_used in used.items() if is_used)

    @property
    def sentence(self) -> str:
        """The plan in one line, for people."""
        return f"about {format_size(self.needed)} of {describe_free(self.hardware)}{self.measures}"

    @property
    def fits(self) -> bool:
        """Whether there is as much memory."""
        return self.needed <= self.hardware.free


def hardware_to_plan_with(config: TrainConfig) -> Hardware:
    """The answers of the device, once nothing of earlier work is left in its memory but the base model that is here.

    Of a processor that base model is counted as free: it is used, or makes room.
    """
    trim()
    hardware = best_hardware(config.device)
    return replace(hardware, free=hardware.free + CACHE.size) if hardware.device == "cpu" else hardware


def plan_memory(
    shape: Shape, posts: PostLengths, hardware: Hardware, choice: DeviceChoice, config: TrainConfig
) -> MemoryPlan:
    """The fastest way to train that fits, in whatever order that changes least.

    Parts of a step are computed twice before fewer posts are trained on at a time, and only then does the base model
    get fewer bits, which changes what is learned; that is done if ``train.precision`` is auto alone.

    Args:
        shape: of the base model.
        posts: those at hand.
        hardware: what the device says of itself.
        choice: the number format that was chosen for it, before any plan.
        config: how to train; with ``train.save_memory=never`` whatever is needed is taken to fit.

    Raises:
        OutOfMemory: nothing fits; it names the nearest thing that does.
    """
    ways = list(_ways(shape, posts, hardware, choice, config))
    if config.save_memory == "never":
        return ways[0]
    fitting = next((way for way in ways if way.fits), None)
    if fitting is None:
        raise OutOfMemory(_refusal(shape, posts, hardware, choice, ways))
    return fitting


def needed_memory(
    shape: Shape,
    row: int,
    read: int,
    choice: DeviceChoice,
    config: TrainConfig,
    chunked_loss: bool,
    checkpointing: bool,
) -> int:
    """Bytes at the peak of a training with so many tokens in its largest row, and in all posts that it evaluates."""
    logit, layer = logit_bytes(choice), kept_by_layer(shape, row, row, choice)
    piece = max(PIECE, shape.vocabulary)
    loss = logit * min(row * shape.vocabulary, piece if chunked_loss else row * shape.vocabulary)
    step = shape.layers * layer + loss
    if checkpointing:
        # The loss is over before the first layer is computed again.
        step = shape.layers * row * shape.width * BYTES[choice.dtype] + max(loss, LAYER_AGAIN * layer)
    evaluation = logit * min(read * shape.vocabulary, piece)
    learning = adapter_bytes(shape, config) if config.method == "lora" else 0
    return with_unused(weight_bytes(shape, choice, config), learning + max(step, evaluation), choice, chunked_loss)


def logit_bytes(choice: DeviceChoice) -> int:
    """Bytes of a logit where its loss is computed, or only read."""
    return LOGIT[_kind(choice)]


def kept_by_layer(shape: Shape, tokens: int, seen: int, choice: DeviceChoice) -> float:
    """Bytes that a layer keeps of tokens for the backward pass, of which each looks at so many that are ``seen``."""
    outer, attention, inner = KEPT[_kind(choice)]
    kept = tokens * (outer * shape.width + attention * shape.attention + inner * shape.inner)
    # Attention makes numbers anew in each layer of the mask that keeps posts from seeing each other.
    return kept + tokens * seen * (3 * 4 * shape.heads if shape.eager else BYTES[choice.dtype])


def adapter_bytes(shape: Shape, config: TrainConfig) -> int:
    """Of an adapter with its gradients and the optimiser's moments."""
    return LEARNING * (config.lora_rank or RANK) * shape.map_sides


def with_unused(weights: float, changing: float, choice: DeviceChoice, given_back: bool) -> int:
    """Bytes of weights, and of all that comes and goes, with what allocators leave unused beside it."""
    if choice.device != "cpu":
        return round(UNUSED * (weights + changing) + LIBRARIES[choice.device])
    return round(weights + (UNUSED_GIVEN_BACK if given_back else UNUSED_ON_CPU) * changing + LIBRARIES["cpu"])


def _kind(choice: DeviceChoice) -> str:
    return "autocast" if choice.autocast else ("float32" if choice.dtype == "float32" else "16 bits")


def weight_bytes(shape: Shape, choice: DeviceChoice, config: TrainConfig) -> float:
    """Bytes of the base model; where every weight learns, with gradients and the optimiser's moments.

    Autocast has a copy of all maps in 16 bits, the output among them. A processor puts the weights of that into another
    order for the gradients below it.
    """
    plain, output = BYTES[choice.dtype], shape.width * shape.vocabulary
    copies = (2 * (shape.mapped + output) if choice.autocast else 0) + (4 * output if choice.device == "cpu" else 0)
    if config.method == "full":
        return LEARNING * shape.parameters + copies
    mapped = QUANTISED_BYTES[choice.quantised] if choice.quantised else plain
    return mapped * shape.mapped + plain * (shape.parameters - shape.mapped) + copies


def _ways(
    shape: Shape, posts: PostLengths, hardware: Hardware, choice: DeviceChoice, config: TrainConfig
) -> Iterator[MemoryPlan]:
    """All ways to train, in the order in which they are preferred."""
    formats = [choice]
    if config.precision == "auto" and config.method == "lora" and hardware.quantises:
        formats += [choose_format(hardware, each, choice.threads, "as more would not fit") for each in QUANTISED]
    savings = [(False, False), (True, False), (True, True)]
    if config.save_memory == "always":
        savings = savings[-1:]
    for each in formats:
        used = training_format(each, config)
        rows: TrainConfig | None = config
        while rows:
            row = posts.longest_row(rows)
            for chunked, twice in savings if rows is config else savings[-1:]:
                needed = needed_memory(shape, row, posts.evaluated, used, rows, chunked, twice)
                yield MemoryPlan(config, rows, used, chunked, twice, needed, hardware)
            rows = with_smaller_rows(rows)


def _refusal(
    shape: Shape, posts: PostLengths, hardware: Hardware, choice: DeviceChoice, ways: Sequence[MemoryPlan]
) -> str:
    """Why a training is refused, and what would fit."""
    config, least = ways[0].asked, min(ways, key=lambda way: way.needed)
    what = f"train.method={config.method} of a base of {shape.parameters / 1e9:.2g} billion parameters"
    refused = (
        f"{what} needs {format_size(least.needed)} at the least and the {choice.device} has {describe_free(hardware)}: "
    )
    fewer = config.model_copy(update={"method": "lora", "precision": "auto"})
    others = list(_ways(shape, posts, replace(hardware, quantises=hardware.device == "cuda"), choice, fewer))
    nearest = min(others, key=lambda way: way.needed) if config.method == "full" else None
    nearest = next((way for way in others if way.fits), nearest)
    if nearest is None or not nearest.fits:
        return f"{refused}choose a smaller train.base_model, or another machine"
    bits = f" with train.precision={nearest.choice.quantised}" if nearest.choice.quantised else ""
    install = " and `pip install 'hugtweets[quantised]'`" if bits and not hardware.quantises else ""
    return f"{refused}train.method=lora{bits}{install} fits in {format_size(nearest.needed)}"


def describe_free(hardware: Hardware) -> str:
    """What is free, for people, and what bounds it."""
    return f"{format_size(hardware.free)} free{' under ' * bool(hardware.limit)}{hardware.limit}"


def format_size(number: int) -> str:
    """Bytes for people."""
    return f"{number / GIB:.1f} GiB" if number >= GIB else f"{number / 2**20:.0f} MiB"
