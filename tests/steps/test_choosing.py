"""Posts that a reader chooses among more of them."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from hugtweets.config import Config
from hugtweets.errors import ConfigurationError
from hugtweets.evaluation.reading import score_lines
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.steps.authors import Author, generate_for_all
from hugtweets.steps.evaluate import SCORES
from hugtweets.steps.sample import read_samples, read_unprompted
from hugtweets.steps.starting import check_models
from hugtweets.storage.artifacts import Reference, references
from hugtweets.storage.home import Home
from tests.fixtures.learned import CONFIG, learn
from tests.fixtures.tiny_models import tiny_base_model

FOUR_TIMES = {"sample": {"per_prompt": 4}}


def with_reader(home: Home, best_of: int) -> Config:
    reader = tiny_base_model(home, "gpt2").path
    return CONFIG.override({"evaluate": {"reader": reader, "generated": 12}, "sample": {"best_of": best_of}})


def scores_of(home: Home, samples: Reference) -> dict[str, Any]:
    """The scorecard of a sample artifact."""
    found = references(home, "alice", "evaluate")
    [scores] = [each for each in found if samples.digest in each.manifest().inputs.values()]
    return dict(json.loads(scores.file(SCORES).read_text(encoding="utf-8")))


def odd(home: Home, samples: Reference) -> float:
    """How much more or less likely than real posts the reader finds those of a sample artifact."""
    card = scores_of(home, samples)
    return abs(float(card["reader_bits_per_byte"]) - float(card["held_out_reader_bits_per_byte"]))


def test_chosen_posts_read_more_like_the_accounts_own(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    learn(home, config=with_reader(home, 1))
    [plain] = references(home, "alice", "sample")
    with caplog.at_level(logging.INFO, "hugtweets"):
        learn(home, config=with_reader(home, 4))
    [chosen] = [each for each in references(home, "alice", "sample") if each != plain]
    assert "alice: tiny-gpt2 chooses among" in caplog.text
    assert [(row["prompt"], row["index"]) for row in read_samples(chosen)] == [("the", 0), ("a wet", 0)]
    assert len(read_unprompted(chosen)) == 12
    shown = "\n".join(score_lines(scores_of(home, chosen)))
    assert "without a prompt, each chosen from 4" in shown and "bits per byte to the reader that chose" in shown
    assert odd(home, chosen) < odd(home, plain)
    # Whoever does not choose has the posts of before there was a choice.
    assert not {"best_of", "reader"} & {*plain.manifest().config, *plain.manifest().counts}
    asked = generate_for_all(home, [Author.find(home, "alice")], with_reader(home, 4))[0]
    more = generate_for_all(home, [Author.find(home, "alice")], with_reader(home, 1).override(FOUR_TIMES))[0]
    assert [each.prompt for each in asked] == ["the", "a wet"] and {each.text for each in asked} <= {
        each.text for each in more
    }


def test_without_a_reader_that_sees_more_nothing_is_begun(home: Home) -> None:
    config = CONFIG.override({"sample": {"best_of": 2}})
    job = Job(home, AccountRequest(handle="alice", source="file:posts.jsonl", config=config), "night")
    with pytest.raises(ConfigurationError, match=r"sample\.best_of of alice needs a reader that sees more than"):
        check_models(job)
