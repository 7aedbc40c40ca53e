"""One account: from its timeline to new posts in its voice.

hugtweets run NASA
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prefect import flow, runtime
from prefect.client.schemas.objects import State

from flows.recording import recorded
from flows.runs import begin, finish, name_run
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job, StepName, includes
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.steps.blend import Part
from hugtweets.steps.starting import check_models, posts_to_learn
from hugtweets.storage.artifacts import Reference
from tasks.clean import clean
from tasks.evaluate import evaluate
from tasks.fetch import fetch
from tasks.finetune import blend, finetune
from tasks.promote import promote
from tasks.retract import retract
from tasks.sample import sample
from tasks.tokenise import tokenise

FindPosts = Callable[[Job], Reference]


def learn(
    job: Job, timeline: Reference | None = None, find_posts: FindPosts | None = None, parts: Sequence[Part] = ()
) -> AccountOutcome:
    """Take one account through the steps: from a timeline or posts that are there, if told so; a blend from models."""
    with recorded(job) as outcome:
        if includes(job.until, "tokenise"):
            check_models(job)
        if find_posts:
            posts = find_posts(job)
        else:
            timeline = timeline or fetch(job)
            if job.until == "fetch":
                return outcome
            posts = clean(job, timeline)
        if job.until == "clean":
            return outcome
        posts = posts if parts else posts_to_learn(job, posts)
        tokens = tokenise(job, posts)
        if job.until == "tokenise":
            return outcome
        model = blend(job, tokens, parts) if parts else finetune(job, tokens, posts)
        retract(job)
        if job.until == "finetune":
            return outcome
        samples = sample(job, model, posts)
        if job.until == "sample":
            return outcome
        scores = evaluate(job, model, samples, tokens, posts)
        promote(job, model, scores)
    return outcome


@flow(name="account", flow_run_name=lambda: name_run(f"account-{runtime.flow_run.parameters['request'].handle}"))
def account(request: AccountRequest, until: StepName | None = None) -> State[RunOutcome]:
    """Take one account through the steps, up to ``until``."""
    jobs = begin([request], until=until)
    return finish(jobs, [learn(job) for job in jobs])
