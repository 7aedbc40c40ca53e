"""The learning rate that a base model gets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hugtweets.config import TrainConfig
from hugtweets.models.registry import BaseModel
from hugtweets.training.rates import choose_rate, rate_in_plan, warmup_steps


def model_of(folder: Path, **shape: object) -> BaseModel:
    (folder / "config.json").write_text(json.dumps(shape))
    return BaseModel("model", str(folder), "0" * 16)


@pytest.mark.parametrize(
    ("family", "width", "rate"),
    [
        ("llama", 576, 2e-3),
        ("llama", 32, 2e-3),
        ("llama", 2048, 7.4e-4),
        ("llama", 4096, 4.3e-4),
        ("gemma3_text", 640, 1e-3),
        ("gemma3_text", 2560, 3.4e-4),
        ("qwen3", 4096, 4.7e-4),
    ],
)
def test_wider_models_learn_at_lower_rates(tmp_path: Path, family: str, width: int, rate: float) -> None:
    base_model = model_of(tmp_path, model_type=family, hidden_size=width)
    assert choose_rate(TrainConfig(), base_model).value == pytest.approx(rate)
    assert choose_rate(TrainConfig(method="full"), base_model).value == pytest.approx(rate / 10, rel=0.05)


def test_the_rate_that_is_asked_for_is_taken_and_every_other_one_says_why(tmp_path: Path) -> None:
    base_model = model_of(tmp_path, model_type="llama", hidden_size=4096)
    assert choose_rate(TrainConfig(lr=0.5), base_model).value == 0.5
    assert "4096" in choose_rate(TrainConfig(), base_model).reason


def test_the_width_of_a_multimodal_model_is_that_of_its_text_part(tmp_path: Path) -> None:
    text = {"model_type": "gemma3_text", "hidden_size": 2560}
    base_model = model_of(tmp_path, model_type="gemma3", text_config=text, vision_config={"hidden_size": 1152})
    assert choose_rate(TrainConfig(), base_model).value == pytest.approx(3.4e-4)


def test_only_a_rate_unlike_the_packaged_models_changes_what_a_model_is(tmp_path: Path) -> None:
    packaged = model_of(tmp_path, model_type="llama", hidden_size=576)
    assert rate_in_plan(TrainConfig(), packaged) == rate_in_plan(TrainConfig(method="full"), packaged) == {}
    wider = model_of(tmp_path, model_type="llama", hidden_size=4096)
    assert rate_in_plan(TrainConfig(), wider) == {"lr": 4.3e-4}
    assert rate_in_plan(TrainConfig(lr=0.1), wider) == {}


@pytest.mark.parametrize(("steps", "rising"), [(1, 1), (9, 3), (47, 10), (150, 10), (400, 20)])
def test_the_rate_rises_over_ten_steps_at_least_but_for_no_more_than_a_third_of_them(steps: int, rising: int) -> None:
    assert warmup_steps(None, steps) == rising
    assert warmup_steps(0.0, steps) == 0
