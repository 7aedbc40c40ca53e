"""Steps of training in bfloat16."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.models.cache import load_base
from hugtweets.storage.home import Home
from hugtweets.training.precision import Bfloat16Steps, attention_in_float32
from tests.fixtures.tiny_models import Architecture, tiny_base_model

IDS = torch.tensor([[1, 2, 3, 4, 5, 6, 7, 8]])


@pytest.fixture(params=["gpt2", "llama"])
def model(home: Home, request: pytest.FixtureRequest) -> Any:
    architecture: Architecture = request.param
    return load_base(tiny_base_model(home, architecture), choose_device(TrainConfig(device="cpu")))


def gradient_of_embeddings(model: Any, logits: Tensor) -> Tensor:
    embeddings = model.get_input_embeddings().weight
    return torch.autograd.grad(logits.float().logsumexp(-1).sum(), [embeddings])[0]


def test_a_step_computes_what_autocast_does(model: Any) -> None:
    model.get_input_embeddings().weight.requires_grad_(True)
    with torch.autocast("cpu", torch.bfloat16):
        usual = model(IDS).logits
    with Bfloat16Steps(model, "cpu").step():
        ours = model(IDS).logits
    assert ours.dtype == torch.bfloat16
    assert torch.allclose(ours, usual, atol=0.05)
    expected = gradient_of_embeddings(model, usual)
    assert torch.allclose(gradient_of_embeddings(model, ours), expected, atol=0.05 * float(expected.abs().max()))


def test_frozen_weights_are_kept_narrow_and_learning_ones_are_not(model: Any) -> None:
    maps = [module for module in model.modules() if hasattr(module, "weight") and module.weight.ndim == 2]
    layers = [module for module in maps if not isinstance(module, nn.Embedding)]
    layers[0].weight.requires_grad_(True)
    with Bfloat16Steps(model, "cpu").step():
        formats = [module.weight.dtype for module in layers]
    assert formats == [torch.float32] + [torch.bfloat16] * (len(layers) - 1)


def test_after_a_step_the_model_is_what_it_was_also_when_the_step_fails(model: Any) -> None:
    before = model(IDS).logits
    weights = [id(weight) for weight in model.parameters()]
    with pytest.raises(IndexError), Bfloat16Steps(model, "cpu").step():
        model(torch.tensor([[10**6]]))
    assert [id(weight) for weight in model.parameters()] == weights
    assert torch.equal(model(IDS).logits, before)


def test_attention_in_float32_takes_what_is_added_to_its_weights_in_16_bits() -> None:
    query = torch.randn(1, 2, 4, 8, dtype=torch.bfloat16)
    mask = torch.zeros(1, 1, 4, 4, dtype=torch.bfloat16)
    with attention_in_float32():
        attend = ALL_ATTENTION_FUNCTIONS["sdpa"]
        assert attend(nn.Module(), query, query, query, mask)[0].dtype == torch.float32
        assert attend(nn.Module(), query, query, query, attention_mask=mask)[0].dtype == torch.float32
