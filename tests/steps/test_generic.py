"""A model of other people's posts, which tells how much of a gain is the person's."""

from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest

from hugtweets.config import Config
from hugtweets.errors import BaseModelError
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.forgetting import pools_that_learned
from hugtweets.jobs.job import Job
from hugtweets.jobs.needed import survey
from hugtweets.models.registry import resolve_base_model
from hugtweets.pools.pool import made_from, spec_of
from hugtweets.steps.clean import clean
from hugtweets.steps.evaluate import evaluate, plan_evaluate, read_scores
from hugtweets.steps.fetch import fetch
from hugtweets.steps.finetune import Start, finetune
from hugtweets.steps.generic import find_crowd, find_generic, learn_generic, to_pooling
from hugtweets.steps.sample import sample
from hugtweets.steps.tokenise import tokenise
from hugtweets.storage.artifacts import Plan, Reference, create
from hugtweets.storage.home import Home
from tests.fixtures.flows import rows, tiny_config, write_timeline
from tests.fixtures.tiny_models import tiny_base_model

ACCOUNTS = ("alice", "bob", "carol", "dave", "erin", "frank")


def job_of(home: Home, handle: str) -> Job:
    """Forty posts of an account, no two accounts alike."""
    since = 40 * ACCOUNTS.index(handle)
    source = write_timeline(home.root / f"{handle}.jsonl", rows(40, since=since))
    options: dict[str, Any] = {"train": {"base_model": tiny_base_model(home).path, "lr": 0.01, "posts_per_step": 16}}
    config: Config = tiny_config(evaluate={"generated": 0}).override(options)
    return Job(home, AccountRequest(handle=handle, source=f"file:{source}", config=config), "night")


def pretend_to_learn(home: Home, handle: str) -> None:
    """Real posts, and a model of which nobody looks at the weights."""
    job = job_of(home, handle)
    tokens = tokenise(job, clean(job, fetch(job).reference))
    create(home, Plan("finetune", 2, handle, (tokens,)), lambda folder: {})


def learn_crowd(home: Home) -> Reference:
    """The generic model of five of the six accounts, without alice."""
    for handle in ACCOUNTS[1:]:
        pretend_to_learn(home, handle)
    alice = job_of(home, "alice")
    pretend_to_learn(home, "alice")
    crowd = find_crowd(home, ["alice"], alice.base_model)
    assert crowd
    assert (crowd.left_out, [posts.handle for posts in crowd.posts]) == (("alice",), list(ACCOUNTS[1:]))
    return learn_generic(to_pooling(alice, crowd))


def test_it_serves_whom_it_did_not_learn_and_goes_with_whom_it_did(home: Home) -> None:
    base = tiny_base_model(home)
    for handle in ACCOUNTS[:5]:
        pretend_to_learn(home, handle)
    # Five accounts are four others for each.
    assert find_crowd(home, ACCOUNTS, base) is None
    generic = learn_crowd(home)
    assert find_generic(home, "alice", base) == generic
    assert [find_generic(home, handle, base) for handle in ("BOB", "alice+bob")] == [None, None]
    # Learned once: whoever has one needs no other.
    assert find_crowd(home, ["alice"], base) is None
    assert (pools_that_learned(home, "bob"), pools_that_learned(home, "alice")) == ([generic], [])
    assert set(pq.read_table(generic.file("learned.parquet"))["handle"].to_pylist()) == set(ACCOUNTS[1:])
    with pytest.raises(BaseModelError, match=r"has no config\.json"):
        resolve_base_model(spec_of(generic), home)


def test_the_scores_of_a_model_tell_what_is_not_the_person(home: Home) -> None:
    job = job_of(home, "alice")
    posts = clean(job, fetch(job).reference)
    tokens = tokenise(job, posts)
    model = finetune(job, tokens, Start(None, "in a test"))
    samples = sample(job, model, posts)
    before = plan_evaluate(job, model, samples, tokens, posts)
    generic = learn_crowd(home)
    scores = evaluate(job, model, samples, tokens, posts)
    card = read_scores(scores)
    assert card.generic_accounts == 5
    assert card.generic_bits_per_byte is not None
    assert card.over_generic == pytest.approx(card.bits_per_byte - card.generic_bits_per_byte, abs=1e-4)
    assert scores.digest != before.digest
    # What a later model is compared with does not make these scores again, and goes with the generic model.
    assert plan_evaluate(job, model, samples, tokens, posts).digest == scores.digest
    assert made_from(home, generic) == [scores]
    assert generic not in [found.reference for found in survey(home, job.config.storage, 10**12).unneeded]
