"""What a training will need of a device's memory, and how it is made to fit: said before anything is loaded.

``benchmarks/memory.py`` holds the arithmetic against measured peaks on a processor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from hugtweets.config import TrainConfig
from hugtweets.devices.hardware import Hardware
from hugtweets.devices.selection import DeviceChoice, Quantised, choose_format, training_format
from hugtweets.errors import OutOfMemory
from hugtweets.models.shape import Shape
from hugtweets.training.lora import RANK
from hugtweets.training.memory import describe_rows, with_smaller_rows

GIB = 2**30
BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
# Of a quantised weight, its share of the constants included.
QUANTISED_BYTES: dict[Quantised, float] = {"8bit": 1.05, "4bit": 0.56}
# Bytes that autograd keeps of a token in a layer, for each number of the layer's width and of the width inside it:
# counted by its hooks for saved tensors in Llama, GPT-2 and Gemma 3, and rounded up from about the largest.
KEPT = {"float32": (60, 20), "16 bits": (55, 12), "autocast": (104, 45)}
# Bytes of a logit while its loss and the gradient of that are computed, an adapter of the output beside it.
LOGIT = 20
# Logits that an evaluation, or a piece of the loss, has at once.
PIECE = 2**24
# Float32 weights, gradients and the two moments of AdamW.
LEARNING = 16
# What a device's libraries take for themselves, and allocators leave unused.
LIBRARIES, UNUSED = 0.3 * GIB, 1.1


@dataclass(frozen=True)
class MemoryPlan:
    """How a training fits; ``needed`` and ``free`` are bytes. All but ``choice`` changes no more than rounding.

    ``config`` has smaller rows than were ``asked`` for if those would not fit.
    """

    asked: TrainConfig
    config: TrainConfig
    choice: DeviceChoice
    chunked_loss: bool
    checkpointing: bool
    needed: int
    free: int

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
        return f"about {_size(self.needed)} of {_size(self.free)} free{self.measures}"


def plan_memory(
    shape: Shape, lengths: Sequence[int], hardware: Hardware, choice: DeviceChoice, config: TrainConfig
) -> MemoryPlan:
    """The fastest way to train that fits, in whatever order that changes least.

    Parts of a step are computed twice before fewer posts are trained on at a time, and only then does the base model
    get fewer bits, which changes what is learned; that is done if ``train.precision`` is auto alone.

    Args:
        shape: of the base model.
        lengths: tokens of the posts at hand.
        hardware: what the device says of itself.
        choice: the number format that was chosen for it, before any plan.
        config: how to train; with ``train.save_memory=never`` whatever is needed is taken to fit.

    Raises:
        OutOfMemory: nothing fits; it names the nearest thing that does.
    """
    ways = list(_ways(shape, lengths, hardware, choice, config))
    if config.save_memory == "never":
        return ways[0]
    fitting = next((way for way in ways if way.needed <= way.free), None)
    if fitting is None:
        raise OutOfMemory(_refusal(shape, lengths, hardware, choice, ways))
    return fitting


def needed_memory(
    shape: Shape, tokens: int, choice: DeviceChoice, config: TrainConfig, chunked_loss: bool, checkpointing: bool
) -> int:
    """Bytes at the peak of a training whose largest row has so many tokens."""
    kind = "autocast" if choice.autocast else ("float32" if choice.dtype == "float32" else "16 bits")
    outer, inner = KEPT[kind]
    of_layer = tokens * (outer * shape.width + inner * shape.inner)
    if shape.eager:
        of_layer += 3 * 4 * shape.heads * tokens**2
    kept = shape.layers * of_layer
    if checkpointing:
        kept = of_layer + round(shape.layers * tokens * shape.width * BYTES[choice.dtype])
    logits = min(tokens * shape.vocabulary, PIECE) if chunked_loss else tokens * shape.vocabulary
    step = kept + LOGIT * max(logits, min(PIECE, 2 * shape.vocabulary))
    return round(UNUSED * (_weights(shape, choice, config) + step) + (LIBRARIES if choice.device != "cpu" else 0))


def _weights(shape: Shape, choice: DeviceChoice, config: TrainConfig) -> float:
    """Bytes of the base model, and of what learns with its gradients and the optimiser's moments."""
    plain = BYTES[choice.dtype]
    if config.method == "full":
        narrow = 2 * shape.mapped if choice.autocast else 0
        return LEARNING * shape.parameters + narrow
    mapped = QUANTISED_BYTES[choice.quantised] if choice.quantised else plain + (2 if choice.autocast else 0)
    adapters = LEARNING * (config.lora_rank or RANK) * shape.map_sides
    return mapped * shape.mapped + plain * (shape.parameters - shape.mapped) + adapters


def _ways(
    shape: Shape, lengths: Sequence[int], hardware: Hardware, choice: DeviceChoice, config: TrainConfig
) -> Iterator[MemoryPlan]:
    """All ways to train, in the order in which they are preferred."""
    formats = [choice]
    if config.precision == "auto" and config.method == "lora" and hardware.quantises:
        bits: tuple[Quantised, ...] = ("8bit", "4bit")
        formats += [choose_format(hardware, each, choice.threads, "as more would not fit") for each in bits]
    savings = [(False, False), (True, False), (True, True)]
    if config.save_memory == "always":
        savings = savings[-1:]
    for each in formats:
        used = training_format(each, config)
        rows: TrainConfig | None = config
        while rows:
            tokens = _longest_row(lengths, rows)
            for chunked, twice in savings if rows is config else savings[-1:]:
                needed = needed_memory(shape, tokens, used, rows, chunked, twice)
                yield MemoryPlan(config, rows, used, chunked, twice, needed, hardware.free)
            rows = with_smaller_rows(rows)


def _longest_row(lengths: Sequence[int], config: TrainConfig) -> int:
    """Tokens of the longest posts in one row, each between the two tokens around a post."""
    posts = sorted(length + 2 for length in lengths)
    return config.tokens_per_step + posts[-1] if config.tokens_per_step else sum(posts[-config.posts_per_step :])


def _refusal(
    shape: Shape, lengths: Sequence[int], hardware: Hardware, choice: DeviceChoice, ways: Sequence[MemoryPlan]
) -> str:
    """Why a training is refused, and what would fit."""
    config, least = ways[0].asked, min(ways, key=lambda way: way.needed)
    what = f"train.method={config.method} of a base of {shape.parameters / 1e9:.2g} billion parameters"
    refused = (
        f"{what} needs {_size(least.needed)} at the least and the {choice.device} has {_size(hardware.free)} free: "
    )
    fewer = config.model_copy(update={"method": "lora", "precision": "auto"})
    others = list(_ways(shape, lengths, replace(hardware, quantises=hardware.device == "cuda"), choice, fewer))
    nearest = min(others, key=lambda way: way.needed) if config.method == "full" else None
    nearest = next((way for way in others if way.needed <= way.free), nearest)
    if nearest is None or nearest.needed > hardware.free:
        return f"{refused}choose a smaller train.base_model, or another machine"
    bits = f" with train.precision={nearest.choice.quantised}" if nearest.choice.quantised else ""
    install = " and `pip install 'hugtweets[quantised]'`" if bits and not hardware.quantises else ""
    return f"{refused}train.method=lora{bits}{install} fits in {_size(nearest.needed)}"


def _size(number: int) -> str:
    return f"{number / GIB:.1f} GiB" if number >= GIB else f"{number / 2**20:.0f} MiB"
