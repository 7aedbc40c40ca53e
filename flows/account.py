"""One account, ad hoc: from its timeline to new posts in its voice.

hugtweets run NASA
"""

from __future__ import annotations

from prefect import flow, runtime
from prefect.client.schemas.objects import State

from flows.comparison import compare
from flows.credentials import load_credentials
from flows.models import BaseModels
from flows.reporting import report_run
from flows.runs import end, look_up_all, name_run, open_home
from flows.steps import process
from flows.watching import tag_run
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.jobs.job import plan_jobs
from hugtweets.jobs.outcomes import RunOutcome
from hugtweets.steps import StepName


def _name() -> str:
    return name_run(f"account-{runtime.flow_run.parameters['request'].handle}")


@flow(name="account", flow_run_name=_name)
def account(request: AccountRequest, until: StepName | None = None) -> State[RunOutcome]:
    """Take one account through the steps, up to ``until``."""
    load_credentials()
    home = open_home()
    run = str(runtime.flow_run.name)
    jobs = plan_jobs(home, [request], run)
    tag_run([request.handle])
    users = look_up_all(jobs)
    models = BaseModels(home)
    outcomes = [
        process(job, users.get(job.handle), lambda: models.find(request.config.train.base_model), until) for job in jobs
    ]
    compare(jobs, outcomes, models)
    report_run(jobs, outcomes, until)
    return end(run, home, outcomes)
