"""A training that finds too little memory learns the same with fewer posts at a time."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from hugtweets.config import TrainConfig
from hugtweets.storage.home import Home
from hugtweets.training.memory import with_smaller_rows
from hugtweets.training.trainer import TrainingResult, finetune
from tests.fixtures.tiny_models import SENTENCES, tiny_base_model
from tests.fixtures.tokens import write_tokens

CONFIG = TrainConfig(epochs=2, lr=0.002, posts_per_step=4, device="cpu")


@pytest.fixture
def most_tokens(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens a row may have; a model that learns from a longer one finds no memory, as on a small GPU."""
    most = [10**6]
    forward = LlamaForCausalLM.forward

    def bounded(self: Any, input_ids: torch.Tensor, **options: Any) -> Any:
        if self.training and input_ids.shape[1] > most[0]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return forward(self, input_ids, **options)

    monkeypatch.setattr(LlamaForCausalLM, "forward", bounded)
    return most


def learn(home: Home, folder: Path, config: TrainConfig = CONFIG) -> TrainingResult:
    folder.mkdir()
    # 26 to train on: the last update of an epoch has fewer posts than the others.
    tokens = write_tokens(home, folder / "tokens.parquet", SENTENCES * 7, held_out=2)
    return finetune(tiny_base_model(home), tokens, folder / "weights", config)


def losses(result: TrainingResult, name: str) -> list[float]:
    return [row[name] for row in result.history if name in row]


@pytest.mark.parametrize("method", ["lora", "full"])
def test_half_the_posts_at_a_time_learn_what_all_of_them_do(
    home: Home, tmp_path: Path, most_tokens: list[int], method: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Where the processor computes in bfloat16, another order of summing up differs by some thousandths.
    config = CONFIG.model_copy(update={"method": method})
    whole = learn(home, tmp_path / "whole", config)
    most_tokens[0] = 28
    with caplog.at_level(logging.WARNING):
        parts = learn(home, tmp_path / "parts", config)
    for name in ("train/loss", "held_out/loss", "train/lr"):
        assert losses(parts, name) == pytest.approx(losses(whole, name), abs=0.01)
    assert "time" not in whole.choice and "1 post at a time, 4 times for each update" in parts.choice
    assert ["2 posts at a time" in message for message in caplog.messages if "memory" in message] == [True, True]


def test_a_device_that_has_no_room_for_one_post_is_not_tried_for_ever(
    home: Home, tmp_path: Path, most_tokens: list[int]
) -> None:
    most_tokens[0] = 3
    with pytest.raises(torch.OutOfMemoryError):
        learn(home, tmp_path / "none")


@pytest.mark.parametrize("posts", [2, 3, 8, 15, 35])
def test_an_update_is_always_computed_from_as_many_posts(posts: int) -> None:
    config: TrainConfig | None = TrainConfig(posts_per_step=posts, gradient_accumulation_steps=3)
    sizes = []
    while config := config and with_smaller_rows(config):
        assert config.posts_per_step * config.gradient_accumulation_steps == 3 * posts
        sizes.append(config.posts_per_step)
    assert sizes[-1] == 1 and sizes == sorted(sizes, reverse=True)


def test_of_rows_made_of_tokens_half_as_many_tokens_come_twice_as_often() -> None:
    smaller = with_smaller_rows(TrainConfig(tokens_per_step=100))
    assert smaller is not None
    assert (smaller.tokens_per_step, smaller.gradient_accumulation_steps) == (50, 2)
    assert with_smaller_rows(TrainConfig(tokens_per_step=16)) is None
