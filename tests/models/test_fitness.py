"""Models that transformers loads, and that posts cannot be learned with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file
from torch import Tensor

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.errors import BaseModelError
from hugtweets.models.cache import load_base
from hugtweets.models.registry import BaseModel
from tests.fixtures.families import save_family
from tests.fixtures.tiny_models import save_tiny_model


def load(folder: Path) -> None:
    load_base(BaseModel("mine", str(folder), folder.name), choose_device(TrainConfig(device="cpu")))


@pytest.mark.parametrize(
    ("family", "objection"),
    [
        ("bert", "mine predicts a token from those that come after it"),
        ("openai-gpt", "mine cannot go on with a text"),
    ],
)
def test_a_family_that_cannot_write_is_refused_when_it_is_loaded(tmp_path: Path, family: str, objection: str) -> None:
    with pytest.raises(BaseModelError, match=f"{objection}.*{family} is no family.*choose another"):
        load(save_family(tmp_path / family, family))


def without_a_layer(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in weights.items() if ".1.mlp.up_proj" not in name}


def damaged(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return weights | {"model.norm.weight": weights["model.norm.weight"] * float("nan")}


def narrower(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor[..., :16].contiguous() for name, tensor in weights.items()}


@pytest.mark.parametrize(
    ("change", "objection"),
    [
        (without_a_layer, r"1 weights of .* are missing, such as model\.layers\.1\.mlp\.up_proj\.weight: get all"),
        (damaged, "mine predicts what is no number: its weights are damaged"),
        (narrower, "cannot be loaded"),
    ],
)
def test_weights_that_are_missing_or_damaged_are_not_made_up(
    tmp_path: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]], objection: str
) -> None:
    file = save_tiny_model(tmp_path / change.__name__) / "model.safetensors"
    save_file(change(load_file(file)), file, metadata={"format": "pt"})
    with pytest.raises(BaseModelError, match=objection):
        load(file.parent)
