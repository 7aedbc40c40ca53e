"""Drawing tokens: from the right ones, as often as their probability says, and each row by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.generation.decoding import continue_rows, draw_tokens
from hugtweets.models.cache import load_tuned
from hugtweets.storage.home import Home
from tests.fixtures.tiny_models import Architecture, tiny_base_model

PROBABILITIES = [0.05, 0.4, 0.3, 0.0, 0.2, 0.05]


@pytest.mark.parametrize(
    ("top_p", "among"), [(1.0, {0, 1, 2, 4, 5}), (0.95, {0, 1, 2, 4, 5}), (0.9, {1, 2, 4}), (0.5, {1, 2}), (0.001, {1})]
)
def test_tokens_are_drawn_from_the_likeliest_in_proportion(top_p: float, among: set[int]) -> None:
    die = np.random.default_rng(0)
    drawn = draw_tokens(torch.tensor(PROBABILITIES).log().repeat(20_000, 1), top_p, [die] * 20_000)
    shares = drawn.bincount(minlength=len(PROBABILITIES)) / len(drawn)
    mass = sum(PROBABILITIES[token] for token in among)
    expected = [share / mass if token in among else 0.0 for token, share in enumerate(PROBABILITIES)]
    assert shares.tolist() == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_a_row_goes_on_as_if_alone_when_others_have_left(home: Home, architecture: Architecture) -> None:
    model, tokenizer = load_tuned(tiny_base_model(home, architecture), None, choose_device(TrainConfig(device="cpu")))
    rows = [[0, *tokenizer.encode(text)] for text in ("I think that the garden", "My", "a long meeting", "tea")]
    lengths = [2, 9, 4, 6]

    def draw(numbers: list[int]) -> list[list[int]]:
        wanted = [lengths[number] for number in numbers]
        chosen = [rows[number] for number in numbers]
        dice = [np.random.default_rng(number) for number in numbers]
        return continue_rows(model, chosen, 0, 1.0, 0.95, 12, lambda row, drawn: len(drawn) == wanted[row], dice)

    together = draw([0, 1, 2, 3])
    assert together == [draw([number])[0] for number in range(4)]
    assert [len(drawn) for drawn in together] == lengths


def test_no_row_is_longer_than_wanted(home: Home) -> None:
    model, _ = load_tuned(tiny_base_model(home), None, choose_device(TrainConfig(device="cpu")))
    dice = [np.random.default_rng(0)] * 2
    drawn = continue_rows(model, [[0], [0, 5]], 0, 1.0, 0.95, 7, lambda row, drawn: False, dice)
    assert [len(tokens) for tokens in drawn] == [7, 7]
