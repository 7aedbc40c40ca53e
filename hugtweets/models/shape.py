"""How large a base model is, from its configuration and the headers of its weights: nothing is loaded.

Imports neither torch nor transformers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from hugtweets.models.checkpoint import tensor_shapes, text_options, weight_files
from hugtweets.models.registry import BaseModel

# What configurations call the same things.
WIDTHS = ("hidden_size", "n_embd", "d_model")
INNER_WIDTHS = ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size")
LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
HEADS = ("num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads")


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
        text = text_options(base_model.folder)
        shapes = [shape for file in weight_files(base_model.folder) for shape in tensor_shapes(file)]
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
    """The first of some options that is set; the largest of one that each layer has its own of."""
    found = next((options[name] for name in names if options.get(name)), otherwise)
    return max(map(int, found)) if isinstance(found, list) else int(found)
