"""The loss of a row of posts, computed a few tokens at a time, so that its logits are never all there at once.

The logits of 1,000 tokens and a vocabulary of 262,144 take a gigabyte, and their gradients as much again. Here those of
a piece are computed, made into its loss and dropped; the backward pass computes them again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, pad
from torch.utils.checkpoint import checkpoint

from hugtweets.models.cache import trunk_of
from hugtweets.training.collators import IGNORED

# Logits of a piece: 64 MB in float32, whatever the vocabulary.
LOGITS = 2**24


def chunked_nats(model: Any, inputs: Mapping[str, Tensor], most_logits: int = LOGITS) -> Tensor:
    """The summed loss of the tokens of a batch that are predicted, the same as of the whole model up to rounding.

    Args:
        model: a causal language model of transformers; what it does behind its last layer (adapters of the output,
            bounds on logits) it does here as well, whatever the family.
        inputs: a batch with ``labels``, as a collator makes it.
        most_logits: how many are there at once, if a single token does not need more.
    """
    trunk = trunk_of(model)
    outputs = trunk(**{name: tensor for name, tensor in inputs.items() if name != "labels"}, use_cache=False)
    hidden: Tensor = outputs.last_hidden_state
    targets = pad(inputs["labels"][:, 1:], (0, 1), value=IGNORED)
    size = max(1, most_logits // (int(model.config.get_text_config().vocab_size) * hidden.shape[0]))

    def nats(piece: Tensor, labels: Tensor) -> Tensor:
        with _answering(trunk, outputs, piece):
            logits = model(input_ids=labels.clamp(min=0), use_cache=False).logits
        losses: Tensor = cross_entropy(
            logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        return losses

    pieces = zip(torch.split(hidden, size, dim=1), torch.split(targets, size, dim=1), strict=True)
    sums = [checkpoint(nats, piece, labels, use_reentrant=False) for piece, labels in pieces]
    return torch.stack(sums).sum()


@contextmanager
def _answering(trunk: Any, outputs: Any, hidden: Tensor) -> Iterator[None]:
    """While the block runs, the layers of a model answer at once, with the hidden states of a piece."""
    answer = copy.copy(outputs)
    answer.last_hidden_state = hidden
    usual = vars(trunk).get("forward")
    trunk.forward = lambda *_, **__: answer
    try:
        yield
    finally:
        if usual is None:
            del trunk.forward
        else:
            trunk.forward = usual
