"""Accounts learned by the workers of a Prefect work pool: one flow run each, watched until it has ended.

A worker that dies takes its run with it: the run's heartbeats stop, and it is started again, on whichever worker is
left. A run that is still going when the flow that started it is killed is found again by the next one.
"""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterType,
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType, WorkerStatus
from prefect.deployments import run_deployment
from prefect.deployments.runner import RunnerDeployment
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Cancelled, Crashed
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.callables import parameter_schema

from flows.learn import OUTCOME, learn, read_outcome
from flows.machines import Machines, announce, check_server
from hugtweets.config import Config
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.outcomes import AccountOutcome
from hugtweets.steps.assignments import Assignment
from hugtweets.storage.home import Home

DEFAULT_POOL = "hugtweets"
DEPLOYMENT = "learn"
HEARTBEAT = "prefect.flow-run.heartbeat"
HEARTBEAT_SECONDS = 30  # the shortest that Prefect 3.8 allows
QUIET_SECONDS = 45  # after which a run's heartbeats are asked for
DEAD_SECONDS = 150  # four heartbeats in a row are missing
PENDING_SECONDS = 300  # for a process to start and import on a busy machine
NO_WORKER_SECONDS = 600
ATTEMPTS = 4
GOING = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING]

logger = logging.getLogger("hugtweets.flows")


@dataclass
class Watched:
    """A flow run, the signs of life it has shown, and when (on our clock) the last of them was new."""

    assignment: Assignment
    id: UUID
    attempt: int = 1
    signs: set[object] = field(default_factory=set)
    seen: float = field(default_factory=time.monotonic)

    def show(self, sign: object) -> None:
        """Note a sign of life, if it is a new one."""
        if sign not in self.signs:
            self.signs.add(sign)
            self.seen = time.monotonic()

    @property
    def silence(self) -> float:
        """Seconds without one."""
        return time.monotonic() - self.seen


class Pool(Machines):
    """The work pool; ``refresh.parallel`` does not count here: how many at once is the workers' to say."""

    def __init__(self, config: Config, home: Home) -> None:
        super().__init__()
        self._config = config
        self._home = home
        self._name = config.refresh.work_pool or DEFAULT_POOL
        self._runs: dict[str, Watched] = {}
        self._worked = time.monotonic()

    def __enter__(self) -> Self:
        check_server(self._config.refresh)
        with ExitStack() as opened:
            self._client: SyncPrefectClient = opened.enter_context(get_client(sync_client=True))
            self._deployment = find_deployment(self._client, self._name)
            self._opened = opened.pop_all()
        announce(self._home, f"by the workers of the pool {self._name}")
        return self

    def __exit__(self, *error: object) -> None:
        self._opened.close()

    def start(self, assignment: Assignment) -> None:
        """Create a flow run, unless one that an earlier run asked for is doing the same."""
        try:
            self._runs[assignment.handle] = self._find(assignment) or self._create(assignment)
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            if isinstance(error, PrefectHTTPStatusError) and error.response.status_code < 500:
                reason = f"the Prefect server refuses its flow run ({error.response.text[:200]})"
                self.outcomes[assignment.handle] = _failed(assignment, reason)
                return
            logger.warning("The Prefect server does not answer (%s); asking again.", error)
            self._inbox.put(assignment)

    def poll(self) -> None:
        """Look at every run; a server that does not answer is asked again the next time."""
        try:
            for run in self._read([watched.id for watched in self._runs.values()]):
                watched = next(found for found in self._runs.values() if found.id == run.id)
                self._look_at(watched, run)
            self._look_for_workers()
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            logger.warning("The Prefect server does not answer (%s); asking again.", error)

    def _look_at(self, watched: Watched, run: FlowRun) -> None:
        state = run.state
        if state is None:
            return
        watched.show((state.type, state.timestamp))
        if state.is_final():
            self._end(watched, state)
        elif not state.is_scheduled() and self._is_dead(watched, state):
            silent = f"no sign of life for {watched.silence:.0f} seconds"
            self._client.set_flow_run_state(watched.id, Crashed(message=silent), force=True)
            self._restart(watched, silent)

    def _is_dead(self, watched: Watched, state: State[Any]) -> bool:
        if watched.silence > QUIET_SECONDS and (beat := self._last_heartbeat(watched.id)):
            watched.show(beat)
        return watched.silence > (PENDING_SECONDS if state.is_pending() else DEAD_SECONDS)

    def _end(self, watched: Watched, state: State[Any]) -> None:
        outcome = self._read_outcome(watched.id)
        if outcome:
            self._finish(watched, outcome)
        elif state.is_crashed():
            self._restart(watched, state.message or "crashed")
        else:  # cancelled by a person, or an unforeseen error: its traceback stands in the UI
            self._fail(
                watched, f"its flow run ended as {state.name} without an outcome: {state.message or 'see there'}"
            )

    def _restart(self, watched: Watched, reason: str) -> None:
        handle = watched.assignment.handle
        if watched.attempt == ATTEMPTS:
            self._fail(watched, f"its flow run was lost {ATTEMPTS} times, the last time with: {reason}")
            return
        logger.warning("%s: the flow run that learned it is lost (%s); starting it again.", handle, reason)
        self._runs[handle] = self._create(watched.assignment, watched.attempt + 1)

    def _fail(self, watched: Watched, reason: str) -> None:
        self._finish(watched, _failed(watched.assignment, reason))

    def _finish(self, watched: Watched, outcome: AccountOutcome) -> None:
        self.outcomes[watched.assignment.handle] = outcome
        del self._runs[watched.assignment.handle]

    def _look_for_workers(self) -> None:
        """Fail what nobody has taken, once no worker has been seen for long."""
        if not self._runs or any(
            worker.status == WorkerStatus.ONLINE for worker in self._client.read_workers_for_work_pool(self._name)
        ):
            self._worked = time.monotonic()
        elif time.monotonic() - self._worked > NO_WORKER_SECONDS:
            for watched in list(self._runs.values()):
                self._client.set_flow_run_state(watched.id, Cancelled(message="no worker took it"), force=True)
                self._fail(
                    watched,
                    f"no worker of the pool {self._name} has been online for {NO_WORKER_SECONDS // 60} minutes: "
                    f"start one with `prefect worker start --pool {self._name}`",
                )

    def _find(self, assignment: Assignment) -> Watched | None:
        """The run that an earlier flow run asked for, if it is still going."""
        found = self._client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[self._deployment])),
            flow_run_filter=FlowRunFilter(
                tags=FlowRunFilterTags(all_=[assignment.identity]),
                state=FlowRunFilterState(type=FlowRunFilterStateType(any_=GOING)),
            ),
            limit=1,
        )
        return Watched(assignment, found[0].id) if found else None

    def _create(self, assignment: Assignment, attempt: int = 1) -> Watched:
        run: Any = run_deployment(
            self._deployment,
            parameters={"assignment": assignment.model_dump(mode="json")},
            tags=[assignment.handle, assignment.identity],
            timeout=0,
        )
        return Watched(assignment, run.id, attempt)

    def _read(self, runs: list[UUID]) -> list[FlowRun]:
        found = []
        for start in range(0, len(runs), 200):  # the most that the server sends at once
            some = FlowRunFilter(id=FlowRunFilterId(any_=runs[start : start + 200]))
            found += self._client.read_flow_runs(flow_run_filter=some)
        return found

    def _last_heartbeat(self, run: UUID) -> object:
        wanted = EventFilter(
            event=EventNameFilter(name=[HEARTBEAT]), resource=EventResourceFilter(id=[f"prefect.flow-run.{run}"])
        )
        newest = self._client.read_events(wanted, limit=1).events
        return newest[0].id if newest else None

    def _read_outcome(self, run: UUID) -> AccountOutcome | None:
        found = self._client.read_artifacts(
            artifact_filter=ArtifactFilter(type=ArtifactFilterType(any_=[OUTCOME])),
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])),
        )
        return read_outcome(found[0].data) if found else None


def _failed(assignment: Assignment, reason: str) -> AccountOutcome:
    return AccountOutcome(handle=assignment.handle, status="failed", reason=reason)


def find_deployment(client: SyncPrefectClient, pool: str) -> UUID:
    """The deployment ``learn`` of a work pool, made if there is none, and knowing the options of this version.

    Raises:
        ConfigurationError: there is no such pool, or the deployment belongs to another one.
    """
    try:
        client.read_work_pool(pool)
    except ObjectNotFound:
        raise ConfigurationError(
            f"there is no work pool {pool}: make it with `prefect work-pool create {pool} --type process`, "
            f"and start workers with `prefect worker start --pool {pool}`"
        ) from None
    try:
        found = client.read_deployment_by_name(f"{learn.name}/{DEPLOYMENT}")
    except ObjectNotFound:
        made: Any = build_deployment(pool).apply()
        return UUID(str(made))
    if found.work_pool_name != pool:
        raise ConfigurationError(
            f"the deployment {learn.name}/{DEPLOYMENT} belongs to the work pool {found.work_pool_name}, and "
            f"refresh.work_pool is {pool}: change one of them"
        )
    options = parameter_schema(learn).model_dump_for_openapi()
    if found.parameter_openapi_schema != options:
        # Made by an earlier version: the server would refuse options that it does not know.
        client.update_deployment(found.id, DeploymentUpdate(parameter_openapi_schema=options))
    return found.id


def build_deployment(pool: str) -> RunnerDeployment:
    """As it stands in ``deployments/prefect.yaml``."""
    environment = {
        "PREFECT_LOGGING_EXTRA_LOGGERS": "hugtweets",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": str(HEARTBEAT_SECONDS),
    }
    return RunnerDeployment.from_flow(
        learn,
        DEPLOYMENT,
        description="One account, from cleaned posts to scores: asked for by runs with refresh.dispatch: pool.",
        work_pool_name=pool,
        job_variables={"env": environment},
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
