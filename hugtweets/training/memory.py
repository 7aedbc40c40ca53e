"""Training with as few posts at a time as the memory of a device has room for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from hugtweets.config import TrainConfig
from hugtweets.devices.memory import free_memory, is_out_of_memory

Result = TypeVar("Result")

# About one post.
FEWEST_TOKENS = 32

log = logging.getLogger(__name__)


def within_memory(train: Callable[[TrainConfig], Result], config: TrainConfig) -> tuple[Result, TrainConfig]:
    """Train; each time memory runs out, begin anew with half the posts at a time and as many an update.

    What is learned is the same but for rounding. Returns what ``train`` does, and the options that had room.

    Raises:
        Exception: what ``train`` raises; that there is no memory only if it is so with one post at a time.
    """
    while True:
        try:
            return train(config), config
        except Exception as error:
            smaller = with_smaller_rows(config)
            if smaller is None or not is_out_of_memory(error):
                raise
        # Only here, where the error holds nothing of that attempt any more.
        free_memory()
        tried = f"{config.tokens_per_step} tokens" if config.tokens_per_step else f"{config.posts_per_step} posts"
        log.warning("Out of memory with %s at a time: %s.", tried, describe_rows(smaller))
        config = smaller


def with_smaller_rows(config: TrainConfig) -> TrainConfig | None:
    """Half the posts at a time, or a third and so on of an odd number, and as many an update; None if it is one.

    Of rows that are made of tokens, half as many of these.
    """
    if config.tokens_per_step:
        tokens, twice = config.tokens_per_step, config.gradient_accumulation_steps * 2
        smaller = {"tokens_per_step": tokens // 2, "gradient_accumulation_steps": twice}
        return config.model_copy(update=smaller) if tokens >= FEWEST_TOKENS else None
    posts = config.posts_per_step
    if posts == 1:
        return None
    parts = next(number for number in range(2, posts + 1) if posts % number == 0)
    packs = config.gradient_accumulation_steps * parts
    return config.model_copy(update={"posts_per_step": posts // parts, "gradient_accumulation_steps": packs})


def describe_rows(config: TrainConfig) -> str:
    """How an update is put together, for people."""
    posts, packs = config.posts_per_step, config.gradient_accumulation_steps
    if config.tokens_per_step:
        return f"{config.tokens_per_step} tokens at a time, {packs} times for each update, as memory is short"
    return f"{posts} post{'s' * (posts > 1)} at a time, {packs} times for each update, as memory is short"
