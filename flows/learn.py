"""One account from its cleaned posts on, on whichever machine is told to: a flow for a work pool, a task for Ray.

The deployment ``learn`` is made by the first run with ``refresh.dispatch: pool``.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from prefect import flow, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.credentials import load_credentials
from flows.models import BaseModels
from flows.runs import name_run
from flows.steps import Walk, settle
from hugtweets.errors import NotShared
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.steps.assignments import Assignment
from hugtweets.storage.artifacts import Reference, obtain
from hugtweets.storage.home import Home
from hugtweets.storage.remote import VARIABLE
from hugtweets.timelines.shared import SharedTimeline

# The type of the Prefect artifact in which a flow run leaves its outcome: its result would stay on its machine.
OUTCOME = "hugtweets-outcome"


def _name() -> str:
    return name_run(f"learn-{runtime.flow_run.parameters['assignment'].handle}")


@flow(name="learn", flow_run_name=_name)
def learn(assignment: Assignment) -> State[Any]:
    """Learn an account from the cleaned posts that the assignment names.

    Args:
        assignment: The account, its options, and the posts; written by the run that fetched them.
    """
    outcome = carry_out(assignment)
    leave(outcome)
    if outcome.status == "failed":
        return Failed(message=outcome.reason)
    return Completed(name=outcome.status.capitalize(), message=outcome.reason)


def leave(outcome: AccountOutcome) -> None:
    """Leave the outcome where whoever asked for this flow run finds it."""
    artifact = ArtifactCreate(type=OUTCOME, data=outcome.model_dump(mode="json"), flow_run_id=runtime.flow_run.id)
    # Prefect's own function for this leaves its connection open.
    with get_client(sync_client=True) as client:
        client.create_artifact(artifact)


def read_outcome(data: object) -> AccountOutcome:
    """The outcome in such an artifact."""
    return AccountOutcome.model_validate(json.loads(data) if isinstance(data, str) else data)


@task(name="learn", task_run_name="learn[{assignment.handle}]", cache_policy=NO_CACHE, persist_result=False)
def learn_account(assignment: Assignment) -> AccountOutcome:
    """See :func:`carry_out`."""
    return carry_out(assignment)


def carry_out(assignment: Assignment) -> AccountOutcome:
    """Learn from cleaned posts that another machine made; the outcome is that of these steps."""
    load_credentials()
    home = Home.from_environment()
    walk = Walk(assignment.job(home), AccountOutcome(handle=assignment.handle))

    def work() -> None:
        posts = bring(home, assignment)
        base = BaseModels(home).find(assignment.request.config.train.base_model)
        # Tells which posts were deleted meanwhile: what this machine made of them goes with the new model.
        SharedTimeline(home, assignment.handle).pull()
        walk.learn(posts, base, assignment.until)

    settle(walk, work)
    return walk.outcome


def bring(home: Home, assignment: Assignment) -> Reference:
    """The cleaned posts, from the store if there is one.

    Raises:
        NotShared: they are neither here nor there.
    """
    posts = assignment.cleaned(home)
    if obtain(home, posts):
        return posts
    place = f"the store {home.store.shown}" if home.store else f"{home.root} on {socket.gethostname()}"
    raise NotShared(
        f"the posts of {assignment.handle} are not in {place}: give all machines the same {VARIABLE}, "
        "or a home that all of them see"
    )
