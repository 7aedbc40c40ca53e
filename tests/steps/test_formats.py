"""Number formats in plans and comparisons: one that is asked for makes a model of its own, any is written down."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hugtweets.config import Config, TrainConfig
from hugtweets.errors import ConfigurationError
from hugtweets.models.cache import ADAPTER
from hugtweets.models.registry import BaseModel
from hugtweets.steps.authors import Author, together
from hugtweets.steps.blend import common_format
from hugtweets.steps.finetune import ELSEWHERE, WEIGHTS, precision_in_plan
from hugtweets.steps.pretrain import training_options
from hugtweets.storage.artifacts import MANIFEST, Manifest, Reference
from hugtweets.storage.atomic import write_text


def made_in(folder: Path, number_format: str) -> Reference:
    """A model whose manifest says that it was trained in this format."""
    found = Reference.at(folder / "finetune" / "nasa" / "0123456789abcdef")
    found.folder.mkdir(parents=True)
    manifest = Manifest(
        step="finetune",
        step_version=2,
        handle="nasa",
        digest=found.digest,
        inputs={},
        config={},
        counts={"number_format": number_format},
        libraries={},
        created=datetime.now(UTC),
        seconds=1.0,
    )
    found.file(MANIFEST).write_text(manifest.model_dump_json())
    return found


def test_models_that_were_made_before_are_those_of_the_default() -> None:
    assert precision_in_plan(TrainConfig()) == {}
    assert {"precision", "save_memory"} <= ELSEWHERE


def test_a_format_that_is_asked_for_makes_a_model_of_its_own() -> None:
    assert precision_in_plan(TrainConfig(precision="float32")) == {"precision": "float32"}


def author(folder: Path, number_format: str) -> Author:
    """An account with an adapter that was trained in a format."""
    model = made_in(folder / number_format, number_format)
    model.file(WEIGHTS).mkdir()
    write_text(model.file(WEIGHTS) / ADAPTER, "{}")
    return Author(number_format, model, model, BaseModel("tiny", "0123", str(folder)))


def test_adapters_write_together_beside_the_bits_that_they_learned_beside(tmp_path: Path) -> None:
    groups = together([author(tmp_path, each) for each in ("4bit", "float32", "8bit", "bfloat16")])
    assert [[member.handle for member in group] for group in groups] == [["4bit"], ["float32", "bfloat16"], ["8bit"]]


def test_a_blend_is_read_beside_the_bits_that_all_of_it_learned_beside(tmp_path: Path) -> None:
    four, eight = (made_in(tmp_path / each, each) for each in ("4bit", "8bit"))
    assert (common_format([four, four]), common_format([four, eight])) == ("4bit", None)


def test_every_weight_cannot_learn_in_a_few_bits() -> None:
    with pytest.raises(ConfigurationError, match=r"train\.precision=4bit and train\.method=full exclude each other"):
        Config().override({"train": {"precision": "4bit", "method": "full"}})


def test_what_is_merged_into_a_pool_keeps_all_bits() -> None:
    assert training_options(Config().override({"train": {"precision": "4bit"}})).precision == "auto"
