"""The memory of a training, planned before anything is loaded, for devices that are not here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM

from hugtweets.config import Precision, TrainConfig
from hugtweets.devices.hardware import Hardware, with_limit
from hugtweets.devices.selection import choose_format
from hugtweets.errors import OutOfMemory
from hugtweets.models.shape import Shape
from hugtweets.storage.home import Home
from hugtweets.training.plan import MemoryPlan, PostLengths, needed_memory, plan_memory
from tests.fixtures.families import FAMILIES, family_base_model
from tests.fixtures.hardware import A100, APPLE, GIB, LAPTOP, NEW_PROCESSOR, PROCESSOR, T4, V100

SMALL = Shape(134_515_008, 106_168_320, 345_600, 30, 576, 1536, 9, 576, 49_152)
SEVEN = Shape(7_241_732_096, 6_979_321_856, 2_657_536, 32, 4096, 14_336, 32, 4096, 32_000)
GEMMA = Shape(4_300_079_472, 3_600_000_000, 2_600_000, 34, 2560, 10_240, 8, 2048, 262_144)
POSTS = PostLengths([40] * 900 + [254] * 20, 4_000)


def plan(shape: Shape, hardware: Hardware, **options: Any) -> MemoryPlan:
    config = TrainConfig(**options)
    choice = choose_format(hardware, config.precision, 1, "the fastest here")
    return plan_memory(shape, POSTS, hardware, choice, config)


@pytest.mark.parametrize(
    ("shape", "hardware", "trains_in", "measures"),
    [
        (SMALL, A100, "bfloat16", ""),
        (SMALL, T4, "float16", ""),
        (SMALL, LAPTOP, "bfloat16", ""),
        (SMALL, APPLE, "float32", ""),
        (SMALL, PROCESSOR, "float32", ""),
        (SMALL, NEW_PROCESSOR, "bfloat16", ""),
        (SEVEN, A100, "bfloat16", ""),
        (SEVEN, V100, "8bit", ", the base model in 8 bits, the loss in pieces, layers computed twice"),
        (SEVEN, LAPTOP, "4bit", ", the base model in 4 bits, the loss in pieces, layers computed twice"),
        (GEMMA, T4, "float16", ", the loss in pieces, layers computed twice"),
    ],
)
def test_what_fits_is_trained_in_the_way_that_changes_least(
    shape: Shape, hardware: Hardware, trains_in: str, measures: str
) -> None:
    found = plan(shape, hardware)
    assert (found.choice.trains_in, found.measures) == (trains_in, measures)
    assert found.fits
    assert found.sentence.endswith(measures)


def test_a_base_that_is_too_large_for_every_weight_is_refused_with_what_fits() -> None:
    with pytest.raises(OutOfMemory) as refused:
        plan(SEVEN, A100, method="full")
    assert "train.method=full of a base of 7.2 billion parameters needs 13" in str(refused.value)
    assert "train.method=lora fits in" in str(refused.value)


def test_a_refusal_names_fewer_bits_and_how_to_get_them() -> None:
    with pytest.raises(OutOfMemory, match=r"train\.precision=4bit and `pip install 'hugtweets\[quantised\]'` fits in"):
        plan(SEVEN, replace(LAPTOP, quantises=False))


@pytest.mark.parametrize("hardware", [APPLE, PROCESSOR])
def test_where_nothing_fits_a_smaller_base_is_advised(hardware: Hardware) -> None:
    with pytest.raises(OutOfMemory, match=r"choose a smaller train\.base_model"):
        plan(SEVEN, hardware)


def test_a_number_format_that_is_asked_for_is_never_made_smaller() -> None:
    with pytest.raises(OutOfMemory):
        plan(SEVEN, LAPTOP, precision="bfloat16")


def test_fewer_posts_at_a_time_come_before_fewer_bits() -> None:
    found = plan(SMALL, replace(PROCESSOR, free=1000 * 2**20))
    assert found.choice.trains_in == "float32" and found.config.posts_per_step < 4
    assert found.config.posts_per_step * found.config.gradient_accumulation_steps == 4


def test_memory_is_saved_always_or_never_if_asked_for() -> None:
    always, never = plan(SMALL, A100, save_memory="always"), plan(SEVEN, PROCESSOR, save_memory="never")
    assert always.measures == ", the loss in pieces, layers computed twice"
    assert never.measures == "" and not never.fits


def test_what_bounds_the_memory_is_told() -> None:
    limited = plan(SMALL, with_limit(NEW_PROCESSOR, 8 * GIB))
    assert "of 8.0 GiB free under the memory limit of this container" in limited.sentence
    with pytest.raises(OutOfMemory, match=r"the cpu has 512 MiB free under the memory limit of this container: "):
        plan(SMALL, with_limit(PROCESSOR, GIB // 2))


# By benchmarks/memory.py, in MiB; see benchmarks/LOG.md.
MEASURED = [
    ("float32", 248, False, 1340),
    ("float32", 968, False, 3490),
    ("float32", 968, True, 996),
    ("bfloat16", 248, False, 1473),
    ("bfloat16", 968, False, 2879),
]


@pytest.mark.parametrize(("precision", "row", "saved", "measured"), MEASURED)
def test_what_is_planned_is_what_trainings_were_seen_to_take(
    precision: Precision, row: int, saved: bool, measured: int
) -> None:
    config = TrainConfig(precision=precision)
    choice = choose_format(NEW_PROCESSOR, precision, 1, "")
    planned = needed_memory(SMALL, row, 0, choice, config, saved, saved) / 2**20
    assert 0.95 * measured <= planned <= 1.3 * measured


@pytest.mark.parametrize("family", FAMILIES)
def test_the_size_of_a_base_is_read_without_loading_it(home: Home, family: str) -> None:
    base_model = family_base_model(home, family)
    shape = Shape.of(base_model)
    model = AutoModelForCausalLM.from_pretrained(str(Path(base_model.path)))
    assert shape.parameters == sum(weights.numel() for weights in model.parameters())
    assert (shape.vocabulary, shape.layers) == (model.config.get_text_config().vocab_size, 2)
    assert shape.eager == (model.config._attn_implementation == "eager" and family == "gemma2")
