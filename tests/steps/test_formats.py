"""Number formats in plans and comparisons: one that is asked for makes a model of its own, any is written down."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hugtweets.config import Config, Precision, TrainConfig
from hugtweets.errors import ConfigurationError
from hugtweets.steps.finetune import ELSEWHERE, precision_in_plan, read_options
from hugtweets.steps.pretrain import training_options
from hugtweets.storage.artifacts import MANIFEST, Manifest, Reference


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


@pytest.mark.parametrize(
    ("trained_in", "asked", "scored_in"),
    [
        ("4bit", "auto", "4bit"),
        ("8bit", "auto", "8bit"),
        ("float16", "auto", "auto"),
        ("4bit", "float32", "float32"),
    ],
)
def test_models_are_compared_in_the_bits_of_the_new_one(
    tmp_path: Path, trained_in: str, asked: Precision, scored_in: str
) -> None:
    found = read_options(TrainConfig(precision=asked), made_in(tmp_path, trained_in))
    assert found.precision == scored_in


def test_every_weight_cannot_learn_in_a_few_bits() -> None:
    with pytest.raises(ConfigurationError, match=r"train\.precision=4bit and train\.method=full exclude each other"):
        Config().override({"train": {"precision": "4bit", "method": "full"}})


def test_what_is_merged_into_a_pool_keeps_all_bits() -> None:
    assert training_options(Config().override({"train": {"precision": "4bit"}})).precision == "auto"
