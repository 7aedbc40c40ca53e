"""Samples continuations token by token: all rows in one batch, which a row leaves as soon as it is finished.

``generate`` of transformers computes a finished row until the last one ends, and sorts the whole vocabulary for every
token: see benchmarks/LOG.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hugtweets.models.fitness import STATE, memory_of

if TYPE_CHECKING:
    from numpy.random import Generator
    from torch import Tensor


def continue_rows(
    model: Any,
    rows: Sequence[Sequence[int]],
    padding: int,
    temperature: float,
    top_p: float,
    most: int,
    is_finished: Callable[[int, list[int]], bool],
    generators: Sequence[Generator],
    adapters: Sequence[str] = (),
) -> list[list[int]]:
    """The tokens sampled for each row, at most ``most``.

    Args:
        model: any causal language model that remembers what it has read.
        rows: token ids to go on from, one at least in each; shorter ones are padded on the left.
        padding: any token; it is masked.
        temperature: 1 follows the model, less is safer.
        top_p: share of the probability to sample from.
        most: tokens sampled for a row.
        is_finished: asked after each token, with the row's number and all tokens sampled for it.
        generators: of the random numbers of each row, so that it does not depend on the rows beside it.
        adapters: which of the model's adapters goes on with each row, if several are attached.
    """
    import torch
    from transformers import DynamicCache

    width = max(map(len, rows))
    tokens = torch.tensor([[padding] * (width - len(row)) + list(row) for row in rows], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows], device=model.device)
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    memory: dict[str, Any] = {memory_of(model): (cache := DynamicCache(config=model.config))}
    sampled: list[list[int]] = [[] for _ in rows]
    going = list(range(len(rows)))
    with torch.inference_mode():
        for _ in range(most):
            mixed = {"adapter_names": [adapters[row] for row in going]} if adapters else {}
            logits = model(
                input_ids=tokens,
                # A state knows no token but the next one; what was padding is long past.
                attention_mask=None if STATE in memory and tokens.shape[1] == 1 else mask,
                position_ids=positions,
                use_cache=True,
                **memory,
                **mixed,
            ).logits[:, -1]
            fresh = sample_tokens(logits.float() / temperature, top_p, [generators[row] for row in going])
            for row, token in zip(going, fresh.tolist(), strict=True):
                sampled[row].append(token)
            staying = [place for place, row in enumerate(going) if not is_finished(row, sampled[row])]
            if not staying:
                break
            if len(staying) < len(going):
                kept: Any = torch.tensor(staying, device=model.device)
                cache.reorder_cache(kept)
                fresh, mask, going = fresh[kept], mask[kept], [going[place] for place in staying]
            tokens = fresh[:, None]
            mask = torch.cat([mask, mask.new_ones(len(going), 1)], dim=1)
            positions = mask.sum(1, keepdim=True) - 1
    return sampled


def sample_tokens(logits: Tensor, top_p: float, generators: Sequence[Generator]) -> Tensor:
    """One token a row, from the likeliest that together have ``top_p`` of the probability (Holtzman et al. 2020).

    Without sorting: a token is sampled from all; if the likelier ones have ``top_p`` already, then neither it nor any
    less likely token is among those to sample from, and the row is sampled again without them.
    """
    probabilities = logits.softmax(-1)
    tokens = _sample(probabilities, generators)
    while True:
        own = probabilities.gather(-1, tokens[:, None])
        likelier = probabilities * (probabilities > own)
        again = (likelier.sum(-1) >= top_p).nonzero()[:, 0]
        if not len(again):
            return tokens
        probabilities[again] = likelier[again]
        tokens[again] = _sample(likelier[again], [generators[row] for row in again.tolist()])


def _sample(weights: Tensor, generators: Sequence[Generator]) -> Tensor:
    """One place a row, with a probability in proportion to its weight."""
    import numpy as np
    import torch

    sums = weights.cumsum(-1)
    numbers = torch.tensor([generator.random(dtype=np.float32) for generator in generators], device=weights.device)
    points = numbers[:, None] * sums[:, -1:]
    return torch.searchsorted(sums, points, right=True).clamp(max=weights.shape[-1] - 1)[:, 0]
