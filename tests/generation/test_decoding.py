"""Sampling tokens: from the right ones, as often as their probability says, and each row by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.generation.decoding import continue_rows, sample_tokens
from hugtweets.models.cache import load_tuned
from hugtweets.storage.home import Home
from tests.fixtures.tiny_models import Architecture, tiny_base_model

PROBABILITIES = [0.05, 0.4, 0.3, 0.0, 0.2, 0.05]


@pytest.mark.parametrize(
    ("top_p", "among"), [(1.0, {0, 1, 2, 4, 5}), (0.95, {0, 1, 2, 4, 5}), (0.9, {1, 2, 4}), (0.5, {1, 2}), (0.001, {1})]
)
def test_tokens_are_sampled_from_the_likeliest_in_proportion(top_p: float, among: set[int]) -> None:
    generator = np.random.default_rng(0)
    sampled = sample_tokens(torch.tensor(PROBABILITIES).log().repeat(20_000, 1), top_p, [generator] * 20_000)
    shares = sampled.bincount(minlength=len(PROBABILITIES)) / len(sampled)
    mass = sum(PROBABILITIES[token] for token in among)
    expected = [share / mass if token in among else 0.0 for token, share in enumerate(PROBABILITIES)]
    assert shares.tolist() == pytest.approx(expected, abs=0.012)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
def test_a_row_goes_on_as_if_alone_when_others_have_left(home: Home, architecture: Architecture) -> None:
    model, tokenizer = load_tuned(tiny_base_model(home, architecture), None, choose_device(TrainConfig(device="cpu")))
    rows = [[0, *tokenizer.encode(text)] for text in ("I think that the garden", "My", "a long meeting", "tea")]
    lengths = [2, 9, 4, 6]

    def sample(numbers: list[int]) -> list[list[int]]:
        wanted = [lengths[number] for number in numbers]
        chosen = [rows[number] for number in numbers]
        generators = [np.random.default_rng(number) for number in numbers]
        return continue_rows(
            model, chosen, 0, 1.0, 0.95, 12, lambda row, sampled: len(sampled) == wanted[row], generators
        )

    together = sample([0, 1, 2, 3])
    assert together == [sample([number])[0] for number in range(4)]
    assert [len(sampled) for sampled in together] == lengths


def test_no_row_is_longer_than_wanted(home: Home) -> None:
    model, _ = load_tuned(tiny_base_model(home), None, choose_device(TrainConfig(device="cpu")))
    generators = [np.random.default_rng(0)] * 2
    sampled = continue_rows(model, [[0], [0, 5]], 0, 1.0, 0.95, 7, lambda row, sampled: False, generators)
    assert [len(tokens) for tokens in sampled] == [7, 7]
