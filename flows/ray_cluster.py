"""Accounts learned on a Ray cluster: one of this machine for as long as the run lasts, or any that is running."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Self

from flows.dispatch import Dispatcher, announce
from flows.learn import learn_account
from hugtweets.config import Config
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.job import Assignment
from hugtweets.jobs.outcomes import AccountOutcome

if TYPE_CHECKING:
    from prefect_ray.task_runners import PrefectRayFuture


class RayCluster(Dispatcher):
    """A task for each account, with a GPU of its own if the cluster has any; Ray starts lost ones again by itself."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._futures: list[tuple[Assignment, PrefectRayFuture[Any]]] = []

    def __enter__(self) -> Self:
        try:
            from prefect_ray import RayTaskRunner
        except ImportError:
            raise ConfigurationError(
                "refresh.dispatch=ray needs the extra: pip install 'hugtweets[ray]' on every machine"
            ) from None
        address = self._config.refresh.ray_address
        # What the workers print is in Ray's logs, and would come between our own lines.
        options = {"log_to_driver": False} | ({} if address else {"include_dashboard": False})
        self._runner = RayTaskRunner(address=address, init_kwargs=options)
        try:
            self._runner.__enter__()
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ConfigurationError(
                f"no Ray cluster answers at {address} ({error}): correct refresh.ray_address"
            ) from None
        self._options = resources(self._config)
        place = f"on the Ray cluster {address}" if address else "on a Ray cluster of this machine"
        announce(f"{place}, each account with {self._options}")
        return self

    def __exit__(self, *error: object) -> None:
        self._runner.__exit__(*error)

    def submit(self, assignment: Assignment) -> None:
        """Submit a task; Ray keeps it until a machine has room."""
        from prefect_ray.context import remote_options

        with remote_options(**self._options):
            self._futures.append((assignment, self._runner.submit(learn_account, {"assignment": assignment})))

    def results(self) -> Iterator[AccountOutcome]:
        """The outcomes, in the order in which the accounts were handed over."""
        for assignment, future in self._futures:
            future.wait()
            result = future.state.result(raise_on_failure=False)
            if not isinstance(result, AccountOutcome):
                reason = f"the Ray task ended ({type(result).__name__}: {result})"
                result = AccountOutcome.failure(assignment.handle, reason)
            yield result


def resources(config: Config) -> dict[str, Any]:
    """What each task takes of the cluster: one GPU if there is one and it may be used, else one core."""
    import ray

    has_gpus = ray.cluster_resources().get("GPU", 0) >= 1 and config.train.device in ("auto", "cuda")
    return {"num_gpus": 1 if has_gpus else 0, "num_cpus": 1}
