"""Steps of training in 16 bits: which products are computed in them, and what is converted once, not each time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch.nn import Linear, Module, Parameter
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.pytorch_utils import Conv1D


class Bfloat16Steps:
    """For the forward passes of a training; evaluations stay outside, in the weights' own number format.

    Autocast alone would convert the frozen weights in every step: they are converted here, and kept.
    """

    def __init__(self, model: Any, device: str, dtype: str = "bfloat16") -> None:
        self._device, self._dtype = device, getattr(torch, dtype)
        self._maps: list[Any] = [
            module
            for module in model.modules()
            if isinstance(module, Linear | Conv1D) and not module.weight.requires_grad
        ]
        self._narrow = [Parameter(module.weight.to(self._dtype), requires_grad=False) for module in self._maps]

    @contextmanager
    def step(self) -> Iterator[None]:
        """Around one forward pass; afterwards the model is what it was."""
        with self.weights(), torch.autocast(self._device, self._dtype):
            yield

    @contextmanager
    def weights(self) -> Iterator[None]:
        """Around a forward pass and a backward pass that computes parts of it again: autocast they remember."""
        wide = [module.weight for module in self._maps]
        attention = attention_in_float32() if self._device == "cpu" else nullcontext()
        _put(self._maps, self._narrow)
        try:
            with attention:
                yield
        finally:
            _put(self._maps, wide)


def _put(maps: list[Any], weights: list[Parameter]) -> None:
    for module, weight in zip(maps, weights, strict=True):
        module.weight = weight


@contextmanager
def attention_in_float32() -> Iterator[None]:
    """On a processor the backward pass of attention takes twice as long in bfloat16: see benchmarks/LOG.md."""
    usual = ALL_ATTENTION_FUNCTIONS["sdpa"]

    def attend(module: Module, *tensors: Any, **options: Any) -> Any:
        # Queries, keys and values, and what some families add to the attention weights: all of one format.
        named = {name: _widened(option) for name, option in options.items()}
        with torch.autocast("cpu", enabled=False):
            return usual(module, *map(_widened, tensors), **named)

    ALL_ATTENTION_FUNCTIONS["sdpa"] = attend
    try:
        yield
    finally:
        ALL_ATTENTION_FUNCTIONS["sdpa"] = usual


def _widened(value: Any) -> Any:
    """A tensor of 16 bits in float32; anything else as it is."""
    return value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value


@contextmanager
def layers_twice(model: Any) -> Iterator[None]:
    """While the block runs, the backward pass computes each layer again instead of having kept all that it needs.

    That is gradient checkpointing: a third more work, and a small part of the memory.
    """
    inner: Any = getattr(model, "get_base_model", lambda: model)()
    if not inner.supports_gradient_checkpointing:
        yield
        return
    inner.activation_checkpointing_enable()
    try:
        yield
    finally:
        inner.activation_checkpointing_disable()
