"""Accounts learned by the workers of a Prefect work pool: one flow run each, made with ``run_deployment``.

A worker that dies takes its run with it. Prefect's automations mark such a run as crashed and schedule it once more
(see ``deployments/automations``), and whichever worker is left takes it; here it is only waited for. A run that is
still going when the flow that asked for it is killed is found again by the next one: its idempotency key is what it
learns.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Self
from uuid import UUID

import httpx
from prefect import runtime
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterType,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    WorkPoolFilter,
    WorkPoolFilterName,
)
from prefect.client.schemas.objects import FlowRun, StateType, WorkerStatus
from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.callables import parameter_schema

from flows.dispatch import Dispatcher, announce
from flows.learn import OUTCOME, learn
from flows.watching import TAG
from hugtweets.config import Config
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.job import Assignment
from hugtweets.jobs.outcomes import AccountOutcome

DEPLOYMENT = "learn"
AUTOMATIONS = ("hugtweets-crashed", "hugtweets-restart", "hugtweets-pending")
POLL_SECONDS = 1.0
# After this long nobody has scheduled a crashed run again: it was restarted before, or the automation is switched off.
RESTART_SECONDS = 60.0

logger = logging.getLogger("hugtweets.flows")


class WorkPool(Dispatcher):
    """The work pool; ``refresh.parallel`` does not count here: how many at once is the workers' to say."""

    def __init__(self, config: Config) -> None:
        self._name = pool_of(config)
        self._runs: dict[UUID, Assignment] = {}
        self._refused: list[AccountOutcome] = []
        self._unsent: list[Assignment] = []
        self._crashed: dict[UUID, float] = {}

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            self._client: SyncPrefectClient = opened.enter_context(get_client(sync_client=True))
            self._deployment = find_deployment(self._client, self._name)
            check_automations(self._client)
            self._opened = opened.pop_all()
        announce(f"by the workers of the pool {self._name}")
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def submit(self, assignment: Assignment) -> None:
        """Create a flow run, unless one that an earlier run asked for is doing the same."""
        try:
            run = self._create(assignment, assignment.identity)
            if run.state and run.state.is_final():
                # It ended in an earlier night, and what it made is not there, or it would not be asked for.
                run = self._create(assignment, f"{assignment.identity}-{assignment.run}")
            self._runs[run.id] = assignment
        except httpx.HTTPError as error:
            if isinstance(error, httpx.HTTPStatusError) and error.response.status_code < 500:
                reason = f"the Prefect server refuses its flow run ({error.response.text[:200]})"
                self._refused.append(AccountOutcome.failure(assignment.handle, reason))
                return
            logger.warning("The Prefect server does not answer (%s); asking again.", error)
            self._unsent.append(assignment)

    def results(self) -> Iterator[AccountOutcome]:
        """The outcomes as the runs end; a server that does not answer is asked again."""
        while self._runs or self._unsent:
            time.sleep(POLL_SECONDS)
            unsent, self._unsent = self._unsent, []
            for assignment in unsent:
                self.submit(assignment)
            try:
                ended = [run for run in self._read(list(self._runs)) if self._is_over(run)]
                outcomes = [(run.id, self._outcome(run)) for run in ended]
            except httpx.HTTPError as error:
                logger.warning("The Prefect server does not answer (%s); asking again.", error)
                continue
            for run, outcome in outcomes:
                del self._runs[run]
                yield outcome
        yield from self._refused

    def _create(self, assignment: Assignment, key: str) -> FlowRun:
        run: Any = run_deployment(
            self._deployment,
            parameters={"assignment": assignment.model_dump(mode="json")},
            tags=[TAG, assignment.handle],
            idempotency_key=key,
            timeout=0,
        )
        return self._client.read_flow_run(run.id)

    def _read(self, runs: Sequence[UUID]) -> Iterator[FlowRun]:
        for start in range(0, len(runs), 200):  # the most that the server sends at once
            some = FlowRunFilter(id=FlowRunFilterId(any_=list(runs[start : start + 200])))
            yield from self._client.read_flow_runs(flow_run_filter=some)

    def _is_over(self, run: FlowRun) -> bool:
        """Whether a run has ended for good: one that has crashed may be scheduled again."""
        if run.state is None or not run.state.is_crashed():
            self._crashed.pop(run.id, None)
            return run.state is not None and run.state.is_final()
        since = self._crashed.setdefault(run.id, time.monotonic())
        return time.monotonic() - since > RESTART_SECONDS

    def _outcome(self, run: FlowRun) -> AccountOutcome:
        """What a run left; one that left nothing was cancelled by a person, has crashed twice, or met a surprise."""
        found = self._client.read_artifacts(
            artifact_filter=ArtifactFilter(type=ArtifactFilterType(any_=[OUTCOME])),
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run.id])),
        )
        if found:
            data = found[0].data
            return AccountOutcome.model_validate(json.loads(data) if isinstance(data, str) else data)
        state = f"{run.state.name}: {run.state.message or 'see there'}" if run.state else "nothing"
        return AccountOutcome.failure(self._runs[run.id].handle, f"its flow run {run.name} ended as {state}")


def pool_of(config: Config) -> str:
    """The name of the work pool."""
    return config.refresh.work_pool or "hugtweets"


def is_full_of_waiting(pool: str) -> bool:
    """Whether this run is in the pool itself, which has no place left for those that it would wait for.

    How many runs a worker takes at once no server knows: one that starts processes is counted as one place.
    """
    with get_client(sync_client=True) as client:
        if client.read_flow_run(UUID(str(runtime.flow_run.id))).work_pool_name != pool:
            return False
        found, workers = client.read_work_pool(pool), client.read_workers_for_work_pool(pool)
        going = client.read_flow_runs(
            flow_run_filter=FlowRunFilter(
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PENDING, StateType.RUNNING]))
            ),
            work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
        )
        learning = find_deployment(client, pool)
    places = [] if found.concurrency_limit is None else [found.concurrency_limit]
    if found.type == "process":
        places.append(sum(worker.status == WorkerStatus.ONLINE for worker in workers))
    waiting = [run for run in going if run.deployment_id != learning]
    return bool(places) and len(waiting) >= min(places)


def check_automations(client: SyncPrefectClient) -> None:
    """A run that is lost with its worker is noticed and scheduled again by automations.

    Raises:
        ConfigurationError: one of them is missing or switched off.
    """
    for name in AUTOMATIONS:
        if not any(found.enabled for found in client.read_automations_by_name(name)):
            raise ConfigurationError(
                f"the automation {name} is missing or switched off, and a run that is lost with its worker would "
                "never end: create it with `hugtweets setup`"
            )


def find_deployment(client: SyncPrefectClient, pool: str) -> UUID:
    """The deployment of the flow ``learn`` in a work pool, knowing the options of this version.

    A pool of processes is given one if it has none.

    Raises:
        ConfigurationError: there is no such pool, it has no deployment and cannot be given one, or there are several.
    """
    try:
        kind = client.read_work_pool(pool).type
    except ObjectNotFound:
        raise ConfigurationError(
            f"there is no work pool {pool}: make it with `prefect work-pool create {pool} --type process`, "
            f"and start workers with `prefect worker start --pool {pool}`"
        ) from None
    deployments = client.read_deployments(
        flow_filter=FlowFilter(name=FlowFilterName(any_=[learn.name])),
        work_pool_filter=WorkPoolFilter(name=WorkPoolFilterName(any_=[pool])),
    )
    if not deployments:
        return make_deployment(client, pool, kind)
    if len(deployments) > 1:
        names = ", ".join(f"{learn.name}/{found.name}" for found in deployments)
        raise ConfigurationError(f"the work pool {pool} has several deployments of {learn.name}: keep one of {names}")
    (found,) = deployments
    options = parameter_schema(learn).model_dump_for_openapi()
    if found.parameter_openapi_schema != options:
        # Made by an earlier version: the server would refuse options that it does not know.
        client.update_deployment(found.id, DeploymentUpdate(parameter_openapi_schema=options))
    return found.id


def make_deployment(client: SyncPrefectClient, pool: str, kind: str) -> UUID:
    """Give a pool of processes its deployment.

    Raises:
        ConfigurationError: the pool starts containers, or the deployment belongs to another pool.
    """
    if kind != "process":
        raise ConfigurationError(
            f"the work pool {pool} starts containers, and nothing says of which image: deploy `learn-{kind}` of "
            "deployments/prefect.yaml, as docs/kubernetes.md says"
        )
    with suppress(ObjectNotFound):
        other = client.read_deployment_by_name(f"{learn.name}/{DEPLOYMENT}").work_pool_name
        raise ConfigurationError(
            f"the deployment {learn.name}/{DEPLOYMENT} belongs to the work pool {other}, and "
            f"refresh.work_pool is {pool}: change one of them"
        )
    made: Any = build_deployment(pool).apply()
    return UUID(str(made))


def build_deployment(pool: str) -> RunnerDeployment:
    """As it stands in ``deployments/prefect.yaml``."""
    environment = {"PREFECT_LOGGING_EXTRA_LOGGERS": "hugtweets", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
    return RunnerDeployment.from_flow(
        learn,
        DEPLOYMENT,
        description="One account, from cleaned posts to scores: asked for by runs with refresh.dispatch: pool.",
        tags=[TAG],
        work_pool_name=pool,
        job_variables={"env": environment},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
