"""MAUVE on features whose overlap is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.evaluation.hidden_states import hidden_states
from hugtweets.evaluation.mauve import FEWEST, mauve
from hugtweets.models.cache import load_tuned
from hugtweets.storage.home import Home
from tests.fixtures.tiny_models import SENTENCES, tiny_base_model


def cloud(number: int, middle: float, seed: int) -> np.ndarray[Any, Any]:
    """Features of posts: around eight places, all of them near ``middle``."""
    rng = np.random.default_rng(seed)
    places = np.random.default_rng(7).normal(middle, 1, (8, 16))
    return places[rng.integers(8, size=number)] + rng.normal(0, 0.1, (number, 16))


def test_the_same_kinds_of_posts_score_near_one_and_others_near_none() -> None:
    real = cloud(FEWEST, 0, 1)
    same, other = mauve(real, cloud(FEWEST, 0, 2)), mauve(real, cloud(FEWEST, 5, 3))
    assert same is not None and other is not None
    assert same > 0.9
    assert other < 0.05
    half = mauve(real, np.vstack([cloud(FEWEST // 2, 0, 4), cloud(FEWEST // 2, 5, 5)]))
    assert half is not None and other < half < same


def test_of_too_few_posts_it_says_nothing() -> None:
    assert mauve(cloud(FEWEST - 1, 0, 1), cloud(FEWEST, 0, 2)) is None


def test_a_post_has_the_same_state_whatever_is_read_beside_it(home: Home) -> None:
    model, tokenizer = load_tuned(tiny_base_model(home), None, choose_device(TrainConfig(device="cpu")))
    documents = [tokenizer.encode(sentence) for sentence in SENTENCES]
    together = hidden_states(model, documents, tokenizer.ends)
    assert together.shape == (4, 32)
    alone = np.vstack([hidden_states(model, [document], tokenizer.ends) for document in documents])
    assert together == pytest.approx(alone, abs=1e-4)
