"""How many accounts learn in one batch: as many as fit into the memory that is free, told before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hugtweets.config import TrainConfig
from hugtweets.devices.hardware import Hardware
from hugtweets.devices.selection import DeviceChoice
from hugtweets.errors import OutOfMemory
from hugtweets.models.shape import Shape
from hugtweets.training.adapter_task import PLACES
from hugtweets.training.plan import (
    PIECE,
    PostLengths,
    adapter_bytes,
    describe_free,
    format_size,
    kept_by_layer,
    logit_bytes,
    weight_bytes,
    with_unused,
)

# Tokens of a batch beyond which nothing is gained: guesses, since no GPU could be had, and a processor computes no
# padding in any case.
MOST_TOKENS = {"cpu": 512, "cuda": 32_768, "mps": 4_096}
# Beside what a logit takes in a batch for one account: what the last one of each row, which counts for nothing, is cut
# off from, and its gradient.
CUT_LOGIT = 8
# Of what an adapter takes, the share of the factors that a GPU picks for the rows of a batch and keeps for its backward
# pass: float32, as they are, beside gradients and two moments.
PICKED = 1 / 4


@dataclass(frozen=True)
class Places:
    """How many ``accounts`` learn at once, in batches of at most ``tokens``; ``needed`` is in bytes."""

    accounts: int
    tokens: int
    needed: int
    hardware: Hardware
    reason: str

    @property
    def sentence(self) -> str:
        """The plan in one line, for people."""
        free = describe_free(self.hardware)
        return f"about {format_size(self.needed)} of {free}, {self.accounts} accounts at once, {self.reason}"


def plan_places(
    shape: Shape,
    accounts: Sequence[tuple[PostLengths, TrainConfig]],
    hardware: Hardware,
    choice: DeviceChoice,
    later: bool = False,
) -> Places:
    """As many places as fit, if there is any use for them. Nothing is saved by computing it twice.

    Args:
        shape: of the base model.
        accounts: the posts of each of those that have come, and how it learns; their adapters have one shape.
        hardware: what the device says of itself.
        choice: the number format that was chosen for it.
        later: others may come, whose posts are taken to be like these.

    Raises:
        OutOfMemory: there is no room for two.
    """
    longest = max(posts.longest_row(config) for posts, config in accounts)
    read = max(posts.evaluated for posts, _ in accounts)
    worth = PLACES[choice.device]
    most = worth if later else min(worth, len(accounts))
    reason = "all that have come" if most < worth else "as many as bring anything"
    for number in range(most, min(most, 2) - 1, -1):
        tokens = max(longest, min(MOST_TOKENS[choice.device], number * longest))
        needed = _needed(shape, number, tokens, longest, read, choice, accounts[0][1])
        if needed <= hardware.free:
            return Places(number, tokens, needed, hardware, reason)
        reason = "as more would not fit"
    raise OutOfMemory(
        f"two accounts in one batch need {format_size(needed)} and the {choice.device} has {describe_free(hardware)}"
    )


def _needed(
    shape: Shape, number: int, tokens: int, row: int, read: int, choice: DeviceChoice, config: TrainConfig
) -> int:
    """Bytes at the peak, with so many accounts, tokens in a batch, in a row of one account and in what it evaluates."""
    logit = logit_bytes(choice)
    step = shape.layers * kept_by_layer(shape, tokens, row, choice) + (logit + CUT_LOGIT) * tokens * shape.vocabulary
    evaluation = logit * min(read * shape.vocabulary, max(PIECE, shape.vocabulary))
    learning: float = number * adapter_bytes(shape, config)
    if choice.device != "cpu":
        learning += PICKED * learning
    return with_unused(weight_bytes(shape, choice, config), learning + max(step, evaluation), choice, False)
