"""Number formats, by what devices say of themselves: none of the cards here was there when these tests were written."""

from __future__ import annotations

import pytest

from hugtweets.config import Precision, TrainConfig
from hugtweets.devices.hardware import Hardware
from hugtweets.devices.selection import (
    _tell_more_bits,
    choose_format,
    options_to_read,
    precision_to_read,
    training_format,
    unscaled,
)
from hugtweets.errors import ConfigurationError
from tests.fixtures.hardware import A100, APPLE, LAPTOP, NEW_PROCESSOR, OLD_GPU, PROCESSOR, T4, V100


@pytest.mark.parametrize(
    ("hardware", "dtype", "autocast", "reason"),
    [
        (A100, "bfloat16", None, "for which it has instructions"),
        (LAPTOP, "bfloat16", None, "for which it has instructions"),
        (V100, "float16", None, "since it only emulates bfloat16"),
        (T4, "float16", None, "since it only emulates bfloat16"),
        (OLD_GPU, "float32", None, "since it has no instructions for less"),
        (APPLE, "float32", None, "since nothing narrower was tried on it"),
        (PROCESSOR, "float32", None, "since it has no instructions for less"),
        (NEW_PROCESSOR, "float32", "bfloat16", "for which it has instructions"),
    ],
    ids=lambda value: value.name if isinstance(value, Hardware) else None,
)
def test_a_device_computes_in_the_fastest_format_that_it_has_in_hardware(
    hardware: Hardware, dtype: str, autocast: str | None, reason: str
) -> None:
    choice = choose_format(hardware, "auto", 1, "the fastest here")
    assert (choice.dtype, choice.autocast) == (dtype, autocast)
    assert reason in choice.reason and choice.reason.endswith("; the fastest here")


def test_gradients_are_scaled_in_float16_alone() -> None:
    scaled = [choose_format(card, "auto", 1, "").scales_gradients for card in (T4, V100, A100, APPLE, PROCESSOR)]
    assert scaled == [True, True, False, False, False]


def test_weights_that_learn_stay_in_float32_and_are_multiplied_in_less() -> None:
    choice = training_format(choose_format(T4, "auto", 1, ""), TrainConfig(method="full"))
    assert (choice.dtype, choice.autocast, choice.scales_gradients) == ("float32", "float16", True)


def test_steps_that_cannot_scale_gradients_take_float32() -> None:
    several = unscaled(choose_format(T4, "auto", 1, ""))
    assert (several.dtype, several.trains_in) == ("float32", "float32")


def test_fewer_bits_are_computed_with_in_the_fastest_format() -> None:
    four = choose_format(T4, "4bit", 1, "as asked for")
    assert (four.dtype, four.quantised, four.trains_in) == ("float16", "4bit", "4bit")
    assert "weights in 4 bits, computing in float16" in four.reason


@pytest.mark.parametrize("hardware", [APPLE, PROCESSOR, OLD_GPU], ids=lambda hardware: hardware.name)
def test_fewer_bits_without_bitsandbytes_are_refused(hardware: Hardware) -> None:
    with pytest.raises(ConfigurationError, match=r"train\.precision=8bit needs an NVIDIA GPU and bitsandbytes"):
        choose_format(hardware, "8bit", 1, "")


@pytest.mark.parametrize(
    ("hardware", "asked", "trained_in", "precision"),
    [
        (LAPTOP, "auto", "4bit", "4bit"),
        (A100, "auto", "8bit", "8bit"),
        (A100, "auto", "bfloat16", "auto"),
        (A100, "auto", None, "auto"),
        (LAPTOP, "bfloat16", "4bit", "bfloat16"),
        (PROCESSOR, "auto", "4bit", "auto"),
        (APPLE, "auto", "8bit", "auto"),
    ],
)
def test_a_base_is_read_in_as_few_bits_as_an_adapter_learned_beside_where_they_can_be_held(
    hardware: Hardware, asked: Precision, trained_in: str | None, precision: str
) -> None:
    assert precision_to_read(hardware, asked, trained_in) == precision


def test_bits_that_cannot_be_held_here_are_told(caplog: pytest.LogCaptureFixture) -> None:
    _tell_more_bits.cache_clear()
    config = TrainConfig(device="cpu")
    assert {options_to_read(config, each).precision for each in ("4bit", "4bit", "float32", None)} == {"auto"}
    assert [line[:42] for line in caplog.messages] == ["A model learned beside weights of 4 bits, "]
