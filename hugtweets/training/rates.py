"""The learning rate of a base model where ``train.lr`` leaves it to us, and how long it rises.

Imports neither torch nor transformers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hugtweets.config import TrainConfig
from hugtweets.models.checkpoint import text_options
from hugtweets.models.registry import BaseModel
from hugtweets.models.shape import WIDTHS

# Adapters on SmolLM2-135M, whose layers are 576 wide, with four posts a step and 300 to 1,200 posts an account; every
# weight wants a tenth of it (2e-4 on one account of 600 posts).
RATE, WIDTH = 2e-3, 576
# Adapters on Gemma 3 270M, 640 wide: half the rate is as good, and twice the rate worse (benchmarks/LOG.md).
GEMMA_RATE, GEMMA_WIDTH = 1e-3, 640
# Fits of Schulman et al. 2025, "LoRA Without Regret": the best rate falls with this power of the width among models of
# Llama's kind, and hardly at all among Qwen's, where it is 5e-4 at a width of 2,000; without adapters it is a tenth.
POWER = 0.781
QWEN_RATE, QWEN_WIDTH, QWEN_POWER = 5e-4, 2000, 0.0775
FULL_SHARE = 0.1
# Below ten steps some trainings go astray as they reach the rate, and some learn worse; twenty are no better.
WARMUP_SHARE, LEAST_WARMUP = 0.05, 10


@dataclass(frozen=True)
class LearningRate:
    """A rate, and why it is this one."""

    value: float
    reason: str


def choose_rate(config: TrainConfig, base_model: BaseModel) -> LearningRate:
    """``train.lr``, or what suits the base model.

    A model that is narrower than those that were measured gets no higher rate than they do.
    """
    if config.lr is not None:
        return LearningRate(config.lr, "as asked for")
    shape = text_options(base_model.folder)
    family = str(shape.get("model_type", ""))
    width = next((int(shape[name]) for name in WIDTHS if name in shape), WIDTH)
    if family.startswith("qwen"):
        rate, known, power = QWEN_RATE, QWEN_WIDTH, QWEN_POWER
    elif family.startswith("gemma"):
        rate, known, power = GEMMA_RATE, GEMMA_WIDTH, POWER
    else:
        rate, known, power = RATE, WIDTH, POWER
    share = FULL_SHARE if config.method == "full" else 1.0
    if width <= known and power == POWER:
        return LearningRate(rate * share, f"as measured for {family or 'this family'} of a width of {known}")
    value = float(f"{rate * share * (known / width) ** power:.2g}")
    return LearningRate(value, f"by the width of {family or 'its layers'}, {width}")


def warmup_steps(share: float | None, steps: int) -> int:
    """In how many of the steps the rate rises: so large a share of them, or what suits a training of any length."""
    if share is not None:
        return math.ceil(share * steps)
    return max(math.ceil(WARMUP_SHARE * steps), min(LEAST_WARMUP, steps // 3))


def rate_in_plan(config: TrainConfig, base_model: BaseModel) -> dict[str, float]:
    """The option of a plan that says the rate, where it is not asked for and not the packaged model's.

    Models that were made at that rate before it was chosen by the base model are the same ones.
    """
    rate = choose_rate(config, base_model).value
    usual = RATE * FULL_SHARE if config.method == "full" else RATE
    return {} if config.lr is not None or rate == usual else {"lr": rate}
