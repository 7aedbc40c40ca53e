"""One account from its cleaned posts on, on whichever machine is told to: a flow for a work pool, a task for Ray."""

from __future__ import annotations

import socket
from typing import Any

from prefect import flow, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from flows.account import learn as learn_posts
from flows.runs import name_run, open_home, stay_cancelled, was_cancelled
from hugtweets.errors import NotShared
from hugtweets.jobs.job import Assignment, Job
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.storage.artifacts import Reference, obtain
from hugtweets.storage.remote import VARIABLE
from hugtweets.timelines.shared import SharedTimeline

# The type of the Prefect artifact in which a flow run leaves its outcome: its result would stay on its machine.
OUTCOME = "hugtweets-outcome"


@flow(name="learn", flow_run_name=lambda: name_run(f"learn-{runtime.flow_run.parameters['assignment'].handle}"))
def learn(assignment: Assignment) -> State[Any]:
    """Learn an account from the cleaned posts that the assignment names.

    Args:
        assignment: The account, its options, and the posts; written by the run that fetched them.
    """
    if was_cancelled():
        return stay_cancelled()
    outcome = carry_out(assignment)
    artifact = ArtifactCreate(type=OUTCOME, data=outcome.model_dump(mode="json"), flow_run_id=runtime.flow_run.id)
    # Prefect's own function for this leaves its connection open.
    with get_client(sync_client=True) as client:
        client.create_artifact(artifact)
    if outcome.status == "failed":
        return Failed(message=outcome.reason)
    return Completed(name=outcome.status.capitalize(), message=outcome.reason)


@task(name="learn", task_run_name="learn[{assignment.handle}]", cache_policy=NO_CACHE, persist_result=False)
def learn_account(assignment: Assignment) -> AccountOutcome:
    """See :func:`carry_out`."""
    return carry_out(assignment)


def carry_out(assignment: Assignment) -> AccountOutcome:
    """Learn from cleaned posts that another machine made; the outcome is that of these steps."""
    home = open_home()

    def bring(job: Job) -> Reference:
        posts = assignment.cleaned(home)
        if not obtain(home, posts):
            place = f"the store {home.store.shown}" if home.store else f"{home.root} on {socket.gethostname()}"
            raise NotShared(
                f"the posts of {job.handle} are not in {place}: give all machines the same {VARIABLE}, "
                "or a home that all of them see"
            )
        # Tells which posts were deleted meanwhile: what this machine made of them goes with the new model.
        SharedTimeline(home, job.handle).pull()
        return posts

    return learn_posts(assignment.job(home), find_posts=bring)
