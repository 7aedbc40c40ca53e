"""Batches of posts: side by side in one row where the model keeps them apart, else one row each.

Each post stands between two tokens, the first of which is not predicted, nor is the kind that some posts stand behind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import DataCollatorWithFlattening

from hugtweets.models.tokens import GIVEN

# The label of what is not predicted.
IGNORED = -100
Collator = Callable[[Sequence[dict[str, Any]]], dict[str, Any]]


class PackedPosts:
    """Posts as one row: position ids restart at each post, so that no post attends to another."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self._start, self._end = ends
        self._flatten = DataCollatorWithFlattening(return_tensors="pt")  # type: ignore[no-untyped-call]

    def __call__(self, posts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Token ids, labels and position ids of shape (1, tokens of all posts)."""
        documents = [[self._start, *post["input_ids"], self._end] for post in posts]
        labels = map(_labels, documents, posts)
        pairs = zip(documents, labels, strict=True)
        batch: dict[str, Any] = self._flatten([{"input_ids": ids, "labels": expected} for ids, expected in pairs])
        return batch


class PaddedPosts:
    """Posts as rows, padded on the right: what comes after a token never changes it, so that no mask is needed."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self._start, self._end = ends

    def __call__(self, posts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Token ids and labels of shape (posts, tokens of the longest)."""
        rows = [[self._start, *post["input_ids"], self._end] for post in posts]
        labels = [torch.tensor(_labels(row, post)) for row, post in zip(rows, posts, strict=True)]
        return {
            "input_ids": pad_sequence(list(map(torch.tensor, rows)), batch_first=True, padding_value=self._end),
            "labels": pad_sequence(labels, batch_first=True, padding_value=IGNORED),
        }


def _labels(row: Sequence[int], post: dict[str, Any]) -> list[int]:
    """What is predicted of a post between its two tokens."""
    said = 1 + post.get(GIVEN, 0)
    return [IGNORED] * said + list(row[said:])
