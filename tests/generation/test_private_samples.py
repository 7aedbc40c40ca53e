"""Generated posts show nothing private, whether a model learned it or a prompt has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hugtweets.config import SampleConfig, TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.generation.sampler import GenerationRequest, PartialPost, generate, stream
from hugtweets.models.cache import load_tuned
from hugtweets.models.tokens import TextTokenizer
from hugtweets.storage.home import Home
from hugtweets.training.trainer import finetune
from tests.fixtures.tiny_models import tiny_base_model
from tests.fixtures.tokens import write_tokens

NUMBER = "555 010 0199"
CONFIG = SampleConfig(max_characters=80, per_prompt=2, temperature=0.1)


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, TextTokenizer]:
    """A model that knows a sentence with a phone number by heart."""
    folder: Path = tmp_path_factory.mktemp("leaking")
    home = Home(folder)
    tokens = write_tokens(home, folder / "tokens.parquet", [f"ring {NUMBER} today"] * 40, 0)
    config = TrainConfig(method="full", epochs=12, lr=0.02, posts_per_step=4, device="cpu")
    finetune(tiny_base_model(home), tokens, folder / "weights", config)
    return load_tuned(tiny_base_model(home), folder / "weights", choose_device(config))


def test_a_number_that_a_model_learned_is_masked_and_counted(leaking: tuple[Any, TextTokenizer]) -> None:
    posts = generate(*leaking, [GenerationRequest(["ring"], 2, [], 0)], CONFIG)[0]
    assert [post.text for post in posts] == ["ring [phone number] today"] * 2
    assert [post.masked for post in posts] == [1, 1]


def test_a_number_is_not_streamed_either(leaking: tuple[Any, TextTokenizer]) -> None:
    partial: list[PartialPost] = []
    stream(*leaking, [GenerationRequest(["ring"], 1, [], 0)], CONFIG, partial.append)
    assert not any(NUMBER in post.text for post in partial)
    assert partial[-1].text == "ring [phone number] today"


def test_a_number_in_a_prompt_is_masked(leaking: tuple[Any, TextTokenizer]) -> None:
    posts = generate(*leaking, [GenerationRequest([f"ring {NUMBER}"], 2, [], 0)], CONFIG)[0]
    assert {post.prompt for post in posts} == {"ring [phone number]"}
    assert not any(NUMBER in post.text for post in posts)
