"""Posts of several accounts, predicted in one batch: the same as account by account."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.models.cache import load_base
from hugtweets.models.registry import BaseModel
from hugtweets.models.stacked import StackedAdapters
from hugtweets.models.tokens import TextTokenizer
from hugtweets.steps.predicting import Asked, predict, predict_all
from hugtweets.storage.home import Home
from hugtweets.training.adapter_task import PLACES
from hugtweets.training.lora import adapter_options, write_adapter
from tests.fixtures.families import family_base_model
from tests.fixtures.tiny_models import SENTENCES, tiny_base_model

CPU = TrainConfig(device="cpu", lora_rank=4)


def write_adapters(base_model: BaseModel, folder: Path, number: int) -> list[Path]:
    """Adapters that learned different things."""
    base = load_base(base_model, choose_device(CPU))
    adapters, folders = StackedAdapters(base, adapter_options(base, CPU), 1), []
    for place in range(number):
        for factor in adapters.begin(0, seed=place):
            torch.nn.init.normal_(factor, std=0.1)
        write_adapter(adapters.state(0), adapters.options, base_model, folder / str(place))
        folders.append(folder / str(place))
    adapters.detach()
    return folders


def test_each_account_gets_what_it_gets_alone_from_its_adapter_and_from_the_base(home: Home, tmp_path: Path) -> None:
    base_model = tiny_base_model(home)
    encode = TextTokenizer.of(base_model).encode
    asked: list[Asked] = []
    for number, weights in enumerate(write_adapters(base_model, tmp_path, PLACES["cpu"] + 1)):
        documents = [encode(text[number:]) for text in SENTENCES[: number % 4]]
        asked += [(None, documents), (weights, documents)]
    for each, together in zip(asked, predict_all(base_model, asked, CPU), strict=True):
        alone = predict(base_model, *each, CPU)
        assert together.posts == pytest.approx(alone.posts, rel=1e-5)
        assert together.ends == pytest.approx(alone.ends, rel=1e-5)


def test_the_base_model_is_as_it_was_when_several_have_been_read(home: Home, tmp_path: Path) -> None:
    base_model = tiny_base_model(home)
    documents = [TextTokenizer.of(base_model).encode(text) for text in SENTENCES]
    before = predict(base_model, None, documents, CPU)
    predict_all(base_model, [(weights, documents) for weights in write_adapters(base_model, tmp_path, 2)], CPU)
    assert predict(base_model, None, documents, CPU) == before


def test_so_it_is_where_a_family_puts_all_tokens_one_below_the_other(home: Home, tmp_path: Path) -> None:
    base_model = family_base_model(home, "opt")
    documents = [TextTokenizer.of(base_model).encode(text) for text in SENTENCES]
    asked: list[Asked] = [(weights, documents) for weights in write_adapters(base_model, tmp_path, 2)]
    for each, together in zip(asked, predict_all(base_model, asked, CPU), strict=True):
        assert together.posts == pytest.approx(predict(base_model, *each, CPU).posts, rel=1e-4)
