"""One model of several accounts: each is fetched and cleaned by itself, and all are learned together, equally or not.

hugtweets run alice bob --mix
hugtweets sample --blend alice=0.7,bob=0.3 --keep
"""

from __future__ import annotations

from dataclasses import replace

from prefect import flow, runtime
from prefect.client.schemas.objects import State

from flows.account import learn
from flows.runs import begin, finish, name_run, open_home
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import StepName
from hugtweets.jobs.outcomes import RunOutcome
from hugtweets.steps.blend import Part, find_authors
from hugtweets.steps.mix import posts_to_mix
from hugtweets.storage.handles import name_mix, shares_of
from tasks.clean import mix as mix_posts


def _mix_name() -> str:
    return name_run(f"mix-{name_mix(request.handle for request in runtime.flow_run.parameters['requests'])}")


@flow(name="mix", flow_run_name=_mix_name)
def mix(requests: list[AccountRequest], until: StepName | None = None) -> State[RunOutcome]:
    """Bring the accounts up to date, and learn one model of all of them, with equal weight, up to ``until``."""
    jobs = begin(requests, until=until)
    members = [learn(replace(job, until="clean")) for job in jobs]
    name = name_mix(job.handle for job in jobs)
    # What is kept from W&B of one account is kept from it of all that are made with it.
    first = next((job for job in jobs if job.config.tracking.mode == "disabled"), jobs[0])
    job = replace(jobs[0], request=first.request.model_copy(update={"handle": name}))
    job.outcome.counts["new"] = sum(member.counts.get("new", 0) for member in members)
    outcome = learn(job, find_posts=lambda job: mix_posts(job, posts_to_mix(job, members)))
    return finish([*jobs, job], [*members, outcome])


@flow(name="blend", flow_run_name=lambda: name_run(f"blend-{runtime.flow_run.parameters['request'].handle}"))
def blend(request: AccountRequest) -> State[RunOutcome]:
    """Make the blend that is called so, ``alice-70+bob-30``: its accounts' current models, added up without training.

    Raises:
        NothingKept: an account has no current model.
        BaseModelError: the base model is gone.
        ConfigurationError: the models cannot be added up.
    """
    home, shares = open_home(), shares_of(request.handle)
    authors = find_authors(home, list(shares))
    [job] = begin([request.override({"train": {"base_model": authors[0].base_model_option}})], look_up=False)
    job.outcome.counts["new"] = 0
    learned = [author.clean for author in authors]
    parts = [Part(author.model, shares[author.handle]) for author in authors]
    outcome = learn(job, find_posts=lambda job: mix_posts(job, learned), parts=parts)
    return finish([job], [outcome])
