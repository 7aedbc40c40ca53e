"""What to train for one account, and whether it may learn in one batch with others. Imports neither torch nor peft."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hugtweets.config import TrainConfig
from hugtweets.models.registry import BaseModel
from hugtweets.training.continual import Continuation

# Accounts that learn at once, as far as memory allows (see hugtweets.training.places); for GPUs guesses.
PLACES = {"cpu": 8, "cuda": 64, "mps": 16}
MOST_AT_ONCE = max(PLACES.values())


@dataclass(frozen=True)
class AdapterTask:
    """An adapter to train for one account: from which token file, into which folder, and how, by ``lora``.

    ``earlier`` is gone on from; None starts from the base model.
    """

    handle: str
    tokens: Path
    output: Path
    config: TrainConfig
    earlier: Continuation | None = None


def shape_of(base_model: BaseModel, config: TrainConfig) -> tuple[object, ...]:
    """What adapters that learn in one batch have in common; their rates, epochs, orders and posts are their own."""
    place = config.device, config.precision
    return base_model.digest, *place, config.lora_rank, config.lora_alpha, config.layers
