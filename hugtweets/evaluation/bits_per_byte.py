"""Bits per byte: how many bits a model needs for a byte of text it has not seen.

Unlike the loss per token it is comparable across tokenisers and accounts (Gao et al. 2020, "The Pile", section 3.1).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Logits held at once: 64 MB in float32, whatever the vocabulary.
LOGITS = 2**24


@dataclass(frozen=True)
class Nats:
    """Negative natural log of each post's probability under a model: its end included, and its end alone."""

    posts: list[float]
    ends: list[float]

    @property
    def texts(self) -> list[float]:
        """Of each post without its end."""
        return [post - end for post, end in zip(self.posts, self.ends, strict=True)]

    def at(self, places: Sequence[int]) -> Nats:
        """Those of some posts."""
        return Nats([self.posts[place] for place in places], [self.ends[place] for place in places])


def nats_of(
    model: PreTrainedModel,
    documents: Sequence[Sequence[int]],
    ends: tuple[int, int],
    most_logits: int = LOGITS,
    adapters: Sequence[str] = (),
) -> Nats:
    """How a model predicts posts; summed over their tokens, not averaged.

    A post is predicted from the token that opens it alone; posts do not see each other.

    Args:
        model: any causal language model; it is left in the mode it was in.
        documents: token ids of the posts, without end-of-text.
        ends: the token that stands before a post, and the one that must be predicted after it.
        most_logits: how many are held at once, if a single post does not need more.
        adapters: of a model with several, the one that predicts each post.
    """
    import torch

    training = model.training
    model.eval()  # type: ignore[no-untyped-call]
    nats = [(0.0, 0.0)] * len(documents)
    most = max(1, most_logits // int(model.config.get_text_config().vocab_size))
    with torch.no_grad():
        for batch in batches([len(document) + 1 for document in documents], most):
            # Posts of one adapter beside each other, so that it is multiplied with all of them at once.
            own = sorted(batch, key=lambda number: adapters[number]) if adapters else batch
            named = {"adapter_names": [adapters[number] for number in own]} if adapters else {}
            sums = _batch_nats(model, [documents[number] for number in own], ends, named)
            for number, value in zip(own, sums, strict=True):
                nats[number] = value
    model.train(training)
    return Nats([post for post, _ in nats], [end for _, end in nats])


def post_nats(
    model: PreTrainedModel, documents: Sequence[Sequence[int]], ends: tuple[int, int], most_logits: int = LOGITS
) -> list[float]:
    """Of each post with its end; see :func:`nats_of`."""
    return nats_of(model, documents, ends, most_logits).posts


def bits_per_byte(nats: Sequence[float], byte_counts: Sequence[int]) -> float:
    """Sum of nats as bits, over the UTF-8 bytes of the same posts: ``sum(nats) / (ln 2 * sum(bytes))``."""
    return math.fsum(nats) / (math.log(2) * sum(byte_counts))


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Indices of posts of similar length, longest first; at most ``most`` tokens with padding, at least one post."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _batch_nats(
    model: PreTrainedModel, documents: Sequence[Sequence[int]], ends: tuple[int, int], named: Mapping[str, Any]
) -> list[tuple[float, float]]:
    """Padded on the right: what comes after a token never changes it, so that no mask is needed."""
    import torch
    from torch.nn.functional import cross_entropy

    width, (start, end) = max(map(len, documents)) + 1, ends
    rows = [[start, *document] + [end] * (width - len(document) - 1) for document in documents]
    targets = [[*document, end] + [-100] * (width - len(document) - 1) for document in documents]
    logits = model(input_ids=torch.tensor(rows, device=model.device), use_cache=False, **named).logits
    losses = cross_entropy(
        logits.flatten(0, 1).float(), torch.tensor(targets, device=model.device).flatten(), reduction="none"
    )
    each = losses.view(len(rows), width).cpu().double()
    sums: list[float] = each.sum(dim=1).tolist()
    return [(whole, float(each[row, len(documents[row])])) for row, whole in enumerate(sums)]
