"""Whose posts are these? Asked once a run, when all its accounts are done."""

from __future__ import annotations

from collections.abc import Sequence

from flows.models import BaseModels
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.steps.authorship import Candidate, is_compared, read_authorship
from hugtweets.storage.artifacts import Reference, obtain
from tasks.authorship import authorship


def compare(jobs: Sequence[Job], outcomes: Sequence[AccountOutcome], models: BaseModels) -> None:
    """Add to the metrics of every scored account for whose its posts are taken.

    Posts that were compared before, and models that are not to be judged by posts, are left alone.
    """
    scored = [
        (job, outcome, _samples(job, outcome))
        for job, outcome in zip(jobs, outcomes, strict=True)
        if "evaluate" in outcome.steps
    ]
    candidates = [
        Candidate(job, samples, models.find(job.config.train.base_model))
        for job, _, samples in scored
        if job.config.evaluate.generated and not is_compared(job, samples)
    ]
    if candidates:
        authorship(candidates)
    for job, outcome, samples in scored:
        outcome.metrics |= read_authorship(job.home, samples).model_dump()


def _samples(job: Job, outcome: AccountOutcome) -> Reference:
    """The posts, brought here if another machine drew them."""
    digest = outcome.steps["sample"].digest
    samples = Reference("sample", job.handle, digest, str(job.home.artifacts / "sample" / job.handle / digest))
    obtain(job.home, samples)
    return samples
