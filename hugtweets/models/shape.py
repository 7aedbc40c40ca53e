"""How large a base model is, from its configuration and the headers of its weights: nothing is loaded.

Imports neither torch nor transformers.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from hugtweets.models.registry import BaseModel, weight_files

# What configurations call the same things.
WIDTHS = ("hidden_size", "n_embd", "d_model")
INNER_WIDTHS = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads")


@dataclass(frozen=True)
class Shape:
    """Sizes of a model: ``parameters`` in all, ``mapped`` of them in linear maps, the rest being embeddings and norms.

    ``map_sides`` sums what all linear maps take and give, the output included: an adapter has its rank times as many
    parameters. ``attention`` is the width of all heads together. ``eager`` models keep all attention weights, since
    nothing faster computes what they do.
    """

    parameters: int
    mapped: int
    map_sides: int
    layers: int
    width: int
    inner: int
    heads: int
    attention: int
    vocabulary: int
    eager: bool = False

    @classmethod
    def of(cls, base_model: BaseModel) -> Shape:
        """The sizes of a base model that is on this machine."""
        whole: dict[str, Any] = json.loads((base_model.folder / "config.json").read_text(encoding="utf-8"))
        text: dict[str, Any] = whole.get("text_config") or whole
        shapes = [shape for file in weight_files(base_model.folder) for shape in _shapes(file)]
        vocabulary = max((shape[0] for shape in shapes if len(shape) == 2), default=0)
        vocabulary = int(text.get("vocab_size", vocabulary))
        maps = [shape for shape in shapes if len(shape) == 2 and vocabulary not in shape]
        width, heads = _first(text, WIDTHS, 0), _first(text, HEADS, 1)
        return cls(
            parameters=sum(map(prod, shapes)),
            mapped=sum(map(prod, maps)),
            map_sides=sum(map(sum, maps)) + width + vocabulary,
            layers=_first(text, LAYERS, 1),
            width=width,
            inner=_first(text, INNER_WIDTHS, 4 * width),
            heads=heads,
            attention=heads * int(text.get("head_dim") or width // heads),
            vocabulary=vocabulary,
            eager=text.get("attn_logit_softcapping") is not None,
        )


def _first(options: dict[str, Any], names: tuple[str, ...], otherwise: int) -> int:
    """The first of some options that is set."""
    return next((int(options[name]) for name in names if options.get(name)), otherwise)


def _shapes(file: Path) -> Iterator[list[int]]:
    """The shape of each tensor of a safetensors file, from its header: eight bytes of length, then JSON."""
    with file.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header: dict[str, Any] = json.loads(stream.read(length))
    yield from (tensor["shape"] for name, tensor in header.items() if name != "__metadata__")
