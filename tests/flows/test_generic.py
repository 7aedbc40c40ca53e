"""What a night does for the next: when it learns a model of other people's posts, and what trouble with that does."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from flows.generic import learn_generic_posts
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome, StepOutcome
from hugtweets.storage.home import Home
from tests.fixtures.flows import tiny_config

NOWHERE = {"train": {"base_model": "/nowhere/model.gguf"}}


def said_after(home: Home, caplog: pytest.LogCaptureFixture, cached: bool, **options: Any) -> list[str]:
    """What is logged after a night in which alice was judged, whose base model is gone by now."""
    config = tiny_config().override({**NOWHERE, **options})
    job = Job(home, AccountRequest(handle="alice", source="file:alice.jsonl", config=config), "night")
    judged = StepOutcome(path="", digest="0", cached=cached, seconds=1.0)
    with caplog.at_level(logging.INFO, "hugtweets.flows"):
        learn_generic_posts([job], [AccountOutcome(handle="alice", steps={"evaluate": judged})])
    return caplog.messages


def test_trouble_with_a_generic_model_fails_no_night(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    (told,) = said_after(home, caplog, cached=False)
    assert "could not be shown (BaseModelError: the base model /nowhere/model.gguf" in told


@pytest.mark.parametrize(
    ("cached", "options"),
    [
        (True, {}),
        (False, {"evaluate": {"generic": False}}),
        (False, {"refresh": {"dispatch": "pool"}}),
    ],
)
def test_nothing_is_learned_for_accounts_that_nobody_judged_or_where_it_is_not_wanted(
    home: Home, caplog: pytest.LogCaptureFixture, cached: bool, options: dict[str, Any]
) -> None:
    assert said_after(home, caplog, cached, **options) == []
