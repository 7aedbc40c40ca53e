"""Which failures of a step are worth another attempt, and when."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from hugtweets.config import FetchConfig
from hugtweets.errors import HugtweetsError, RateLimited

logger = logging.getLogger("hugtweets.flows")

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


# Between the attempts of a step that computes: what filled the memory may need a moment to let go of it.
STEP_DELAYS = [1.0, 10.0]


def is_worth_another(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """A Prefect retry condition: the error says that it can pass by itself."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, HugtweetsError) and error.is_retried


def patient(step: Task[Parameters, Result], config: FetchConfig) -> Task[Parameters, Result]:
    """The task with the retries that the options of the fetch step ask for."""
    return step.with_options(
        retries=config.retries,
        # Each wait is twice the one before.
        retry_delay_seconds=[config.retry_delay_seconds * 2**attempt for attempt in range(config.retries)],
        retry_condition_fn=can_pass(config),
    )


def is_far(error: HugtweetsError, config: FetchConfig) -> bool:
    """Whether it is a rate limit that ends too late to be waited for."""
    if not isinstance(error, RateLimited) or error.reset_at is None:
        return False
    # X names a whole second, rounded up: a window of 15 minutes that has just begun ends within 900.
    return math.floor((error.reset_at - datetime.now(UTC)).total_seconds()) > config.max_wait_seconds


def can_pass(config: FetchConfig) -> Callable[[Task[..., Any], TaskRun, State[Any]], bool]:
    """A Prefect retry condition: retry what passes by itself, and wait for a rate limit only if it ends soon."""

    def condition(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
        error = state.result(raise_on_failure=False)
        if isinstance(error, RateLimited) and error.reset_at is not None:
            if is_far(error, config):
                return False
            seconds = (error.reset_at - datetime.now(UTC)).total_seconds()
            if seconds > 0:
                logger.info("waiting %.0f s: %s", seconds, error)
                time.sleep(seconds)
            return True
        return is_worth_another(task, run, state)

    return condition
