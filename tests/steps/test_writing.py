"""What the scorecard of a model says of the posts that it generates."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from hugtweets.config import Config
from hugtweets.errors import BaseModelError
from hugtweets.evaluation.reading import score_lines
from hugtweets.steps.evaluate import SCORES
from hugtweets.steps.reader import announce_reader, reader_of
from hugtweets.storage.artifacts import references
from hugtweets.storage.home import Home
from tests.fixtures.learned import CONFIG, learn
from tests.fixtures.tiny_models import tiny_base_model


def scores(home: Home, config: Config) -> dict[str, Any]:
    """The scorecard of a model of 90 posts: 9 are test posts, 4 validation posts."""
    learn(home, number=90, config=config)
    [found] = references(home, "alice", "evaluate")
    return dict(json.loads(found.file(SCORES).read_text(encoding="utf-8")))


def test_a_full_scorecard_has_every_judge_and_says_who_reads(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    announce_reader.cache_clear()
    with caplog.at_level(logging.INFO):
        card = scores(home, CONFIG.override({"evaluate": {"generated": 14, "scorecard": "full"}}))
    assert "judged by the account's own base model, untuned; a stronger one that evaluate.reader names" in caplog.text
    assert "alice: tiny-llama learns to tell generated posts from real ones, which takes minutes" in caplog.text
    assert card["reader_is_base"] is True
    assert card["reader_bits_per_byte"] > 0 and card["held_out_reader_bits_per_byte"] > 0
    assert 0 <= card["told_apart_by_model_low"] <= card["told_apart_by_model"] <= card["told_apart_by_model_high"] <= 1
    assert card["told_apart"] is not None and card["held_out_told_apart"] is not None
    assert card["copied_share_before"] >= card["copied_share"]
    assert card["mauve"] is None
    assert "detector that reads" in "\n".join(score_lines(card))


def test_a_reader_that_is_not_there_is_one_sentence(home: Home) -> None:
    nowhere = CONFIG.override({"evaluate": {"reader": "./nowhere.gguf"}})
    with pytest.raises(BaseModelError, match=r"evaluate\.reader of alice cannot be used, set another: the base model"):
        reader_of(home, "alice", nowhere, tiny_base_model(home))
