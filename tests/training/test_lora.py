"""Which layers learn, and what an update is computed from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import SequentialSampler

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.errors import TrainingError
from hugtweets.models.cache import CACHE, load_base, load_tuned
from hugtweets.storage.home import Home
from hugtweets.training.lora import adapter_options
from hugtweets.training.samplers import RowsOfTokens
from hugtweets.training.trainer import TrainingResult, finetune
from tests.fixtures.families import family_base_model
from tests.fixtures.tiny_models import SENTENCES, Architecture, tiny_base_model
from tests.fixtures.tokens import write_tokens

CONFIG = TrainConfig(epochs=1, lr=0.02, posts_per_step=4, device="cpu")
TOP = {"layers": "top:1"}


# Posts of very different lengths, so that a mean over packs is not one over tokens.
TEXTS = [text * (1 + number % 3 * 2) for number, text in enumerate(["tea", "rain", *SENTENCES] * 4)]


def learn(home: Home, folder: Path, architecture: Architecture = "llama", **options: object) -> TrainingResult:
    tokens = write_tokens(home, folder / "tokens.parquet", TEXTS[:20], 2)
    return finetune(tiny_base_model(home, architecture), tokens, folder / "weights", CONFIG.model_copy(update=options))


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@pytest.mark.parametrize(("layers", "number"), [("top:1", 1), ("bottom:1", 0)])
def test_adapters_sit_in_the_chosen_layers_only(
    home: Home, tmp_path: Path, architecture: Architecture, layers: str, number: int
) -> None:
    result = learn(home, tmp_path, architecture, layers=layers)
    weights = load_file(tmp_path / "weights" / "adapter_model.safetensors")
    assert {name.split(".")[4] for name in weights} == {str(number)}
    assert f"the {layers.replace(':', ' ')} of 2 layers" in result.choice
    assert result.trained_parameters == sum(tensor.numel() for tensor in weights.values())
    tuned, _ = load_tuned(tiny_base_model(home, architecture), tmp_path / "weights", choose_device(CONFIG))
    adapted = [name for name, module in tuned.named_modules() if name.endswith("lora_A.default")]
    assert len(adapted) == len(weights) // 2


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_nothing_but_the_chosen_layers_changes(home: Home, tmp_path: Path, architecture: Architecture) -> None:
    base_model, choice = tiny_base_model(home, architecture), choose_device(CONFIG)
    before = {name: weights.clone() for name, weights in load_base(base_model, choice).state_dict().items()}
    learn(home, tmp_path, architecture, layers="top:1", method="full", lr=0.01)
    tuned, _ = load_tuned(base_model, tmp_path / "weights", choice)
    changed = {name for name, weights in tuned.state_dict().items() if not torch.equal(weights, before[name])}
    assert changed
    assert all(".1." in name for name in changed)


@pytest.mark.parametrize("method", ["lora", "full"])
def test_more_layers_than_there_are_is_an_error(home: Home, tmp_path: Path, method: str) -> None:
    with pytest.raises(TrainingError, match="names 3 layers and the base model has 2"):
        learn(home, tmp_path, layers="top:3", method=method)


def test_an_update_from_several_packs_is_that_of_one_large_pack(home: Home, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    # Eighteen posts make three updates, the last of which has fewer posts.
    at_once = learn(home, tmp_path / "one", posts_per_step=8)
    by_two = learn(home, tmp_path / "two", posts_per_step=2, gradient_accumulation_steps=4)
    losses = [[row["train/loss"] for row in result.history if "train/loss" in row] for result in (at_once, by_two)]
    assert len(losses[0]) == 3
    assert losses[1] == pytest.approx(losses[0], rel=0.002)
    assert by_two.bits_per_byte == pytest.approx(at_once.bits_per_byte, rel=0.002)


def test_rows_may_be_filled_by_tokens_instead_of_posts(home: Home, tmp_path: Path) -> None:
    by_tokens = learn(home, tmp_path, tokens_per_step=40)
    assert by_tokens.bits_per_byte is not None and by_tokens.start_bits_per_byte is not None
    assert by_tokens.bits_per_byte < by_tokens.start_bits_per_byte
    order, lengths = list(range(30)), [3, 50, 4] * 10
    rows = RowsOfTokens(SequentialSampler(order), lengths, tokens=57)
    assert [post for row in rows for post in row] == order
    assert len(list(rows)) == len(rows) == 10
    assert max(sum(lengths[post] for post in row) for row in rows) < 2 * 57


def test_of_a_mixture_of_experts_what_all_tokens_go_through_learns(home: Home) -> None:
    model = load_base(family_base_model(home, "qwen2-moe"), choose_device(CONFIG))
    names = adapter_options(model, CONFIG).target_modules or ()
    ends = {name.rpartition(".")[2] for name in names}
    assert ends == {"q_proj", "k_proj", "v_proj", "o_proj", "lm_head"}


def test_the_layers_of_a_mixture_of_experts_are_chosen_as_any(home: Home, tmp_path: Path) -> None:
    tokens = write_tokens(home, tmp_path / "tokens.parquet", SENTENCES * 2, 1)
    finetune(family_base_model(home, "glm4-moe"), tokens, tmp_path / "weights", CONFIG.model_copy(update=TOP))
    names = load_file(tmp_path / "weights" / "adapter_model.safetensors").keys()
    assert names and all(".layers.1." in name for name in names)


def test_layers_that_stand_in_no_one_row_cannot_be_chosen(home: Home) -> None:
    model: Any = load_base(tiny_base_model(home), choose_device(CONFIG))
    # As of a family that says how often its layers are gone through.
    model.config.num_hidden_layers = 8
    with pytest.raises(TrainingError, match="top:1 cannot be met, as llama has no one row of layers: use all"):
        adapter_options(model, CONFIG.model_copy(update=TOP))
    CACHE.clear()


def test_the_maps_are_found_where_a_family_calls_its_output_a_decoder(home: Home) -> None:
    model = load_base(family_base_model(home, "modernbert-decoder"), choose_device(CONFIG))
    names = adapter_options(model, CONFIG.model_copy(update=TOP)).target_modules or ()
    assert names and all(".layers.1." in name for name in names)
