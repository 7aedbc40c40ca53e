"""Whether a model that was loaded is whole, and can learn posts and write them, asked of itself by a few tokens.

BERT and its kin see the token that they are to predict; other families remember nothing of what they have read, or only
in a way of their own. transformers loads all of them as causal language models, and they would learn nonsense.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from hugtweets.devices.memory import is_out_of_memory
from hugtweets.errors import BaseModelError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

# The name of the memory where a model carries a state alone, without keys and values (the Mamba family).
STATE = "cache_params"
# A row of tokens that any model has, a shorter one that goes on otherwise, and how much of them is read at first.
LONG, SHORT, READ = (0, 5, 6, 7, 8, 9), (0, 10, 4, 3), 2
# Largest difference that may be rounding, as a share of the logits; one seen token that should be hidden makes 0.15.
ROUNDING = 0.05


def memory_of(model: Any) -> str:
    """What the model calls the argument that holds what it has read."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return STATE if STATE in inspect.signature(base.forward).parameters else "past_key_values"


def mixes_adapters(model: Any) -> bool:
    """Whether each row of a batch can be read by an adapter of its own, of those that peft has attached to the model.

    It counts the rows that reach each layer, which are too many where a family lays them end to end (OPT).
    """
    import torch
    from peft.tuners.lora import LoraLayer

    rows = torch.tensor([LONG, LONG], device=model.device)
    seen: set[int] = set()
    adapted: list[Any] = [module for module in model.modules() if isinstance(module, LoraLayer)]
    hooks = [module.register_forward_pre_hook(lambda _, given: seen.add(len(given[0]))) for module in adapted]
    try:
        if adapted:
            with torch.inference_mode():
                model(input_ids=rows, use_cache=False)
    finally:
        for hook in hooks:
            hook.remove()
    return seen <= {len(rows)}


def check_fitness(model: PreTrainedModel, name: str) -> None:
    """Refuse a model that cannot be what posts are learned with; dropout must be off.

    Raises:
        BaseModelError: it predicts no numbers, sees tokens that come later, or does not remember those before.
    """
    family = model.config.model_type
    advice = f"{family} is no family that posts can be written by here: choose another train.base_model"
    try:
        alone = [_logits(model, row) for row in (LONG, SHORT)]
        if not all(logits.isfinite().all() for logits in alone):
            raise BaseModelError(f"{name} predicts what is no number: its weights are damaged; get them again")
        if _differ(_logits(model, LONG[:READ]), alone[0][:READ]):
            raise BaseModelError(f"{name} predicts a token from those that come after it: {advice}")
        if any(map(_differ, _logits_with_memory(model), alone)):
            raise BaseModelError(f"{name} goes on without what it has read before: {advice}")
    except BaseModelError:
        raise
    except Exception as error:
        # Whatever a family trips over.
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:100]
        raise BaseModelError(f"{name} cannot go on with a text ({type(error).__name__}: {reason}): {advice}") from error


def check_complete(model: PreTrainedModel, missing: Collection[str], where: str) -> None:
    """Refuse a model some of whose weights were not in its files: transformers makes them up.

    Raises:
        BaseModelError: it is so; a buffer that is computed anyway may be missing.
    """
    if made_up := sorted(set(missing) & {name for name, _ in model.named_parameters(remove_duplicate=False)}):
        raise BaseModelError(
            f"{len(made_up)} weights of {where} are missing, such as {made_up[0]}: get all of its files, or choose a "
            "train.base_model that was made to write text"
        )


def _logits(model: Any, row: tuple[int, ...]) -> Tensor:
    """Of each token of a row by itself."""
    import torch

    with torch.no_grad():
        logits: Tensor = model(input_ids=torch.tensor([row], device=model.device), use_cache=False).logits
    return logits[0].float()


def _logits_with_memory(model: Any) -> list[Tensor]:
    """Of the tokens of both rows, read in two pieces, and the last of them one by one as posts are written."""
    import torch
    from transformers import DynamicCache

    width = len(LONG)
    rows = torch.tensor([LONG, (0,) * (width - len(SHORT)) + SHORT], device=model.device)
    mask = torch.tensor([[1] * width, [0] * (width - len(SHORT)) + [1] * len(SHORT)], device=model.device)
    places, found, done = (mask.cumsum(1) - 1).clamp(min=0), [], 0
    memory: dict[str, Any] = {memory_of(model): DynamicCache(config=model.config)}
    with torch.no_grad():
        for end in range(width - 2, width + 1):
            found.append(
                model(
                    input_ids=rows[:, done:end],
                    attention_mask=None if STATE in memory and end - done == 1 else mask[:, :end],
                    position_ids=places[:, done:end],
                    use_cache=True,
                    **memory,
                ).logits
            )
            done = end
    logits = torch.cat(found, 1).float()
    return [logits[0], logits[1, width - len(SHORT) :]]


def _differ(some: Tensor, others: Tensor) -> bool:
    return bool((some - others).norm() > ROUNDING * others.norm())
