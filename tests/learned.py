"""Accounts that were learned, step by step and without Prefect: what later commands find in a home."""

from __future__ import annotations

from hugtweets.config import Config
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job
from hugtweets.steps.clean import clean
from hugtweets.steps.evaluate import evaluate
from hugtweets.steps.fetch import fetch
from hugtweets.steps.finetune import Start, finetune
from hugtweets.steps.sample import sample
from hugtweets.steps.tokenise import tokenise
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home
from tests.flow_fixtures import rows, tiny_config, write_timeline
from tests.tiny_models import tiny_base_model

CONFIG = tiny_config(train={"lr": 0.01}, evaluate={"generated": 10})


def learn(home: Home, handle: str = "alice", number: int = 60, config: Config = CONFIG) -> Reference:
    """All steps of an account of invented posts; its model. The base model is ``tiny-llama`` in the home's root."""
    base = tiny_base_model(home)
    options = config.override({"train": {"base_model": base.path}})
    path = write_timeline(home.root / f"{handle}.jsonl", rows(number))
    job = Job(home, AccountRequest(handle=handle, source=f"file:{path}", config=options), "night")
    cleaned = clean(job, fetch(job).reference)
    tokens = tokenise(job, cleaned, base)
    model = finetune(job, tokens, base, Start(None, "as asked for"))
    samples = sample(job, model, cleaned, base)
    evaluate(job, model, samples, tokens, cleaned, None, base)
    return model
