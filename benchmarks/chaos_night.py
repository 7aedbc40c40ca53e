"""What happened in the night of :mod:`benchmarks.chaos`, and why each run of it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos_events import Events
from chaos_runs import AdHocRuns, Run, Sent
from chaos_world import FEW, FULL, PROTECTED, SUSPENDED

HOPELESS = (*SUSPENDED, PROTECTED, FEW)


@dataclass(frozen=True)
class Kill:
    """When (seconds since 1970), whom, and how many artifacts were finished then."""

    time: float
    callers: Sequence[str]
    artifacts: int


@dataclass
class Night:
    """All runs, and what was there before the last one."""

    planned_kills: int
    events: Events
    ad_hoc: AdHocRuns
    kills: list[Kill] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    finished_before_last: set[str] = field(default_factory=set)
    posts_before_last: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    full_disk_met: bool = False
    sent: Sent | None = None

    @property
    def last(self) -> Run:
        """The night that was left alone."""
        return self.runs[-1]

    @property
    def beside_last(self) -> set[str]:
        """The accounts that ad hoc runs learned at the same time."""
        beside = [run for run in self.ad_hoc.runs if run.overlaps(self.last.began, self.last.ended)]
        return {handle for run in beside for handle in run.handles}


def cause(run: Run, night: Night) -> str | None:
    """Why a run ended, as it says and as it was; None if that is no reason."""
    if run.exit_code is None:
        return "killed"
    if run.overlaps(*night.events.revoked) and "(401)" in run.said:
        return "token refused"
    if "Prefect server" in run.said and any(run.overlaps(*away) for away in night.events.away()):
        return "Prefect away"
    accounts = run.document.get("accounts", [])
    failed = [account for account in accounts if account["status"] == "failed"]
    hopeless = [account for account in failed if account["handle"] in HOPELESS or is_full_disk(account)]
    return "done" if accounts and failed == hopeless else None


def is_full_disk(account: dict[str, str]) -> bool:
    """Whether this is the account that finds no room, and says so."""
    return account["handle"] == FULL and "no room left" in account["reason"]
