"""Where the accounts of a run are learned: in its own threads, on a Ray cluster, or by the workers of a pool."""

from __future__ import annotations

from collections.abc import Sequence

from flows.machines import Machines
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountRequest
from hugtweets.storage.home import Home

PLACE = ("dispatch", "ray_address", "work_pool")


def find_machines(requests: Sequence[AccountRequest], home: Home) -> Machines | None:
    """The machines that ``refresh.dispatch`` names; None is this process.

    Raises:
        ConfigurationError: the accounts do not agree.
    """
    config = requests[0].config
    for request in requests:
        for option in PLACE:
            here, there = (getattr(found.config.refresh, option) for found in (requests[0], request))
            if here != there:
                raise ConfigurationError(
                    f"refresh.{option} is one for all accounts of a run: {requests[0].handle} has {here}, and "
                    f"{request.handle} has {there}"
                )
    # Each brings libraries of its own, which the other places never need.
    if config.refresh.dispatch == "ray":
        from flows.ray_cluster import RayCluster

        return RayCluster(config, home)
    if config.refresh.dispatch == "pool":
        from flows.pool import Pool

        return Pool(config, home)
    return None
