"""What comes and goes with the progress of the night of :mod:`benchmarks.chaos`."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from chaos_world import FAULTS, FULL, REVOKED, FullDisk, World

DISK_RETURNS = 0.5
ARTIFACTS_PER_ACCOUNT = 6
# An hour of a night of eight, where the night takes a few minutes.
REVOKED_SECONDS = 30
FULL_DISK_SEEN = f"{FULL}: failed: there is no room left on the disk"


class Events:
    """Two restarts of Prefect's server, a revoked token, an outage of W&B and a full disk, each when it is due.

    The share is that of the artifacts that are to be made. ``revoked`` is when the token was (seconds since 1970): at
    least until a night that X refused has ended, of which it is told by ``was_refused``.
    """

    def __init__(self, world: World, disk: FullDisk) -> None:
        self._world, self._disk = world, disk
        self.whole = len(world.able) * ARTIFACTS_PER_ACCOUNT
        self.revoked = (float("inf"), float("inf"))
        self.was_refused = False
        self._due: list[tuple[float, Callable[[], None]]] = [
            (0.1, lambda: world.prefect.restart(signal.SIGTERM)),
            (0.2, self._revoke),
            (0.3, world.wandb.leave),
            (0.45, lambda: world.prefect.restart(signal.SIGKILL)),
            (0.6, world.wandb.come_back),
        ]

    def go_on(self, artifacts: int) -> None:
        """Let come what is due."""
        share = artifacts / self.whole
        while self._due and share >= self._due[0][0]:
            _, happen = self._due.pop(0)
            happen()
        if self.was_refused and self.revoked[0] + REVOKED_SECONDS < time.time() < self.revoked[1]:
            self._restore()
        if self._disk.mounted and share >= DISK_RETURNS and self.full_disk_was_met():
            self._disk.unmount()

    @property
    def are_over(self) -> bool:
        """Whether all of them have come and gone."""
        return not self._due and self.revoked[1] < float("inf") and not self._disk.mounted

    def full_disk_was_met(self) -> bool:
        """Whether a run has said so."""
        return any(FULL_DISK_SEEN in log.read_text(errors="replace") for log in self._world.runs.glob("*.log"))

    def end(self) -> None:
        """Whatever is still to come, comes, and whatever is broken is repaired."""
        self.go_on(self.whole)
        if self.revoked[1] == float("inf"):
            self._restore()
        self._disk.unmount()
        self._world.prefect.wait()

    def away(self) -> list[tuple[float, float]]:
        """When Prefect's server was away."""
        return self._world.prefect.restarts

    def _revoke(self) -> None:
        self._world.plan_faults(REVOKED)
        self.revoked = (time.time(), float("inf"))

    def _restore(self) -> None:
        self._world.plan_faults(FAULTS)
        self.revoked = (self.revoked[0], time.time())
