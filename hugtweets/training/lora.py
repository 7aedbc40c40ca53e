"""Which transformer layers of a model learn: all of them, or those nearest its output (top) or its input (bottom).

What lies below the lowest layer that learns needs no gradient, so that with ``top:N`` the backward pass ends there.
"""

from __future__ import annotations

from typing import Any

from torch.nn import Linear, Module, ModuleList
from transformers.pytorch_utils import Conv1D

from hugtweets.errors import TrainingError


def linear_names(model: Any, wanted: str) -> list[str]:
    """The linear maps that ``train.layers`` names, where adapters go; all are those of every layer and of the output.

    A GPT-2, whose layers hold their weights the other way round, has none at its output: peft takes one way for all.

    Raises:
        TrainingError: the model has fewer layers.
    """
    if wanted == "all":
        linear = {name: module for name, module in model.named_modules() if isinstance(module, Linear | Conv1D)}
        turned = any(isinstance(module, Conv1D) for module in linear.values())
        return [name for name, module in linear.items() if isinstance(module, Conv1D) or not turned]
    return [
        f"{layer}.{name}"
        for layer, module in _chosen(model, wanted).items()
        for name, inner in module.named_modules()
        if isinstance(inner, Linear | Conv1D)
    ]


def freeze_others(model: Any, wanted: str) -> None:
    """Let nothing learn but the layers that ``train.layers`` names; embeddings, norms and the output stay as well.

    Raises:
        TrainingError: the model has fewer layers.
    """
    model.requires_grad_(False)
    for layer in _chosen(model, wanted).values():
        layer.requires_grad_(True)


def describe_layers(model: Any, wanted: str) -> str:
    """``top:15`` for people: the top 15 of 30 layers."""
    end, _, number = wanted.partition(":")
    return f"the {end} {number} of {model.config.num_hidden_layers} layers"


def _chosen(model: Any, wanted: str) -> dict[str, Module]:
    """The layers by their names in the model, lowest first."""
    number = int(model.config.num_hidden_layers)
    name, layers = next(
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, ModuleList) and len(module) == number
    )
    end, _, count = wanted.partition(":")
    if int(count) > number:
        raise TrainingError(f"train.layers={wanted} names {count} layers and the base model has {number}: name fewer")
    places = range(number - int(count), number) if end == "top" else range(int(count))
    return {f"{name}.{place}": layers[place] for place in places}
