"""One forward pass over the posts of several accounts, each read by its own adapter.

On a processor the accounts stand side by side in one row: padding would cost as much as posts do. A GPU takes a row an
account, padded to the longest, so that one call multiplies them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from hugtweets.models.stacked import Span, StackedAdapters
from hugtweets.training.collators import IGNORED
from hugtweets.training.learner import Pack

# What stands where a row has no post: a token at position 0, which nothing predicts and which predicts nothing.
PADDING = {"input_ids": 0, "labels": IGNORED, "position_ids": 0}


@dataclass(frozen=True)
class SharedRows:
    """The base model with all adapters; ``step`` is around each forward pass of at most ``most_tokens``."""

    base: Any
    adapters: StackedAdapters
    step: Callable[[], AbstractContextManager[None]]
    most_tokens: int
    side_by_side: bool

    def nats(self, packs: Sequence[tuple[int, Pack]]) -> Iterator[tuple[list[int], Tensor]]:
        """The summed loss of each pack under the adapter of its place, batch by batch: which packs, and theirs."""
        for batch in self._batches([pack["input_ids"].shape[1] for _, pack in packs]):
            chosen = [packs[number] for number in batch]
            yield batch, self._in_one_row(chosen) if self.side_by_side else self._in_rows(chosen)

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Packs of similar length in batches of at most ``most_tokens``, or of one pack."""
        batch: list[int] = []
        for number in sorted(range(len(lengths)), key=lambda number: lengths[number]):
            others = sum(lengths[other] for other in batch) if self.side_by_side else lengths[number] * len(batch)
            if batch and others + lengths[number] > self.most_tokens:
                yield batch
                batch = []
            batch.append(number)
        yield batch

    def _in_one_row(self, packs: Sequence[tuple[int, Pack]]) -> Tensor:
        ids, labels, positions = (torch.cat([pack[name] for _, pack in packs], 1) for name in PADDING)
        ends = [0, *accumulate(pack["input_ids"].shape[1] for _, pack in packs)]
        spans = [Span(place, ends[number], ends[number + 1]) for number, (place, _) in enumerate(packs)]
        self.adapters.assign(spans)
        with _attention_within(spans), self.step():
            logits = self.base(input_ids=ids, position_ids=positions, use_cache=False).logits
        losses = _losses(logits, labels)
        # What the last token of a span predicts is the first of the next one, which is not counted.
        return torch.stack([losses[span.start : span.end].sum() for span in spans])

    def _in_rows(self, packs: Sequence[tuple[int, Pack]]) -> Tensor:
        ids, labels, positions = (
            pad_sequence([pack[name][0] for _, pack in packs], batch_first=True, padding_value=padding)
            for name, padding in PADDING.items()
        )
        self.adapters.assign(torch.tensor([place for place, _ in packs], device=ids.device))
        with self.step():
            logits = self.base(input_ids=ids, position_ids=positions, use_cache=False).logits
        return _losses(logits, labels).view(len(packs), -1).sum(1)


def _losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Of each token of each row but the last one, one after the other."""
    return cross_entropy(
        logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="none"
    )


@contextmanager
def _attention_within(spans: Sequence[Span]) -> Iterator[None]:
    """Attention that looks at each span alone: the cost of a row does not grow with its square.

    And what is no number any more in one account stays there: masked, it would still spoil the others.
    """
    usual = ALL_ATTENTION_FUNCTIONS["sdpa"]

    def attend(
        module: Module, query: Any, key: Any, value: Any, attention_mask: Any, *others: Any, **options: Any
    ) -> Any:
        parts = []
        for span in spans:
            own = slice(span.start, span.end)
            within = None if attention_mask is None else attention_mask[:, :, own, own]
            heads = (tensor[:, :, own] for tensor in (query, key, value))
            parts.append(usual(module, *heads, within, *others, **options)[0])
        return torch.cat(parts, 1), None

    ALL_ATTENTION_FUNCTIONS["sdpa"] = attend
    try:
        yield
    finally:
        ALL_ATTENTION_FUNCTIONS["sdpa"] = usual
