"""One model of several accounts with equal weight: each is fetched and cleaned by itself, and all are learned together.

hugtweets run alice bob --mix
"""

from __future__ import annotations

from collections.abc import Sequence

from prefect import flow, runtime
from prefect.client.schemas.objects import State

from flows.credentials import load_credentials
from flows.models import BaseModels
from flows.reporting import report_run
from flows.runs import end, look_up_all, name_run, open_home
from flows.steps import FindBaseModel, Walk, process, settle
from flows.watching import tag_run
from hugtweets.errors import AccountError, PutOff
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import Job, plan_jobs
from hugtweets.jobs.outcomes import AccountOutcome, RunOutcome
from hugtweets.models.registry import BaseModel
from hugtweets.steps import StepName
from hugtweets.steps.clean import check_enough_text
from hugtweets.steps.mix import add_counts, plan_mix
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.handles import name_mix
from tasks.mix import mix as mix_posts


def _name() -> str:
    return name_run(f"mix-{name_mix(request.handle for request in runtime.flow_run.parameters['requests'])}")


@flow(name="mix", flow_run_name=_name)
def mix(requests: list[AccountRequest], until: StepName | None = None) -> State[RunOutcome]:
    """Bring the accounts up to date, and learn one model of all of them, up to ``until``."""
    load_credentials()
    home = open_home()
    run = str(runtime.flow_run.name)
    jobs = plan_jobs(home, requests, run)
    tag_run([job.handle for job in jobs])
    users, models = look_up_all(jobs), BaseModels(home)

    def find_base_model() -> BaseModel:
        return models.find(requests[0].config.train.base_model)

    members = [process(job, users.get(job.handle), find_base_model, "clean") for job in jobs]
    name = name_mix(job.handle for job in jobs)
    job = Job(home, requests[0].model_copy(update={"handle": name}), run)
    outcome = AccountOutcome(handle=name)
    walk = MixWalk(job, outcome)
    settle(walk, lambda: walk.mix(members, find_base_model, until))
    outcomes = [*members, outcome]
    report_run([*jobs, job], outcomes, until)
    return end(run, home, outcomes)


class MixWalk(Walk):
    """The walk of a mix, from the clean posts of its accounts on."""

    def mix(self, members: Sequence[AccountOutcome], base_model: FindBaseModel, until: StepName | None) -> None:
        """All steps up to ``until``.

        Raises:
            AccountError, PutOff: an account has no clean posts, or not enough of them.
        """
        cleaned = [self._cleaned(member) for member in members]
        for posts in cleaned:
            check_enough_text(posts, self.job.config.clean)
        mixed = self.step(mix_posts, plan_mix(self.job, cleaned), cleaned)
        new = sum(member.counts["new"] for member in members)
        self.outcome.counts = add_counts([posts.manifest().counts for posts in cleaned]) | {"new": new}
        self.learn(mixed, base_model(), until)

    def retract(self) -> None:
        """Nothing here: what holds deleted posts of an account goes when that account is learned again."""

    def _cleaned(self, member: AccountOutcome) -> Reference:
        if "clean" not in member.steps:
            kind = AccountError if member.status == "failed" else PutOff
            raise kind(f"{member.handle} cannot be mixed in, see above: mix the others without it, or run it again")
        step = member.steps["clean"]
        return Reference("clean", member.handle, step.digest, step.path)
