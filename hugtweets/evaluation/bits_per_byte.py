"""Bits per byte: how many bits a model needs for a byte of text it has not seen.

Unlike the loss per token it is comparable across tokenisers and accounts (Gao et al. 2020, "The Pile", section 3.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Logits held at once: 64 MB in float32, whatever the vocabulary.
LOGITS = 2**24


def post_nats(
    model: PreTrainedModel, documents: Sequence[Sequence[int]], end_of_text: int, most_logits: int = LOGITS
) -> list[float]:
    """Negative natural log of each post's probability under the model, its end included; summed, not averaged.

    A post is predicted from an end-of-text token alone; posts do not see each other.

    Args:
        model: any causal language model; it is left in the mode it was in.
        documents: token ids of the posts, without end-of-text.
        end_of_text: the token that stands before a post and must be predicted after it.
        most_logits: how many are held at once, if a single post does not need more.
    """
    import torch

    training = model.training
    model.eval()  # type: ignore[no-untyped-call]
    nats = [0.0] * len(documents)
    most = max(1, most_logits // int(model.config.vocab_size))
    with torch.no_grad():
        for batch in _batches([len(document) + 1 for document in documents], most):
            sums = _batch_nats(model, [documents[number] for number in batch], end_of_text)
            for number, value in zip(batch, sums, strict=True):
                nats[number] = value
    model.train(training)
    return nats


def bits_per_byte(nats: Sequence[float], byte_counts: Sequence[int]) -> float:
    """Sum of nats as bits, over the UTF-8 bytes of the same posts: ``sum(nats) / (ln 2 * sum(bytes))``."""
    return math.fsum(nats) / (math.log(2) * sum(byte_counts))


def _batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Indices of posts of similar length, longest first; at most ``most`` tokens with padding, at least one post."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _batch_nats(model: PreTrainedModel, documents: Sequence[Sequence[int]], end_of_text: int) -> list[float]:
    """Padded on the right: what comes after a token never changes it, so that no mask is needed."""
    import torch
    from torch.nn.functional import cross_entropy

    width = max(map(len, documents)) + 1
    rows = [[end_of_text, *document] + [end_of_text] * (width - len(document) - 1) for document in documents]
    targets = [[*document, end_of_text] + [-100] * (width - len(document) - 1) for document in documents]
    logits = model(input_ids=torch.tensor(rows, device=model.device), use_cache=False).logits
    losses = cross_entropy(
        logits.flatten(0, 1).float(), torch.tensor(targets, device=model.device).flatten(), reduction="none"
    )
    sums: list[float] = losses.view(len(rows), width).double().sum(dim=1).tolist()
    return sums
