"""What all steps share: make the artifact unless it is there, then log it unless that was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from hugtweets.config import Config
from hugtweets.storage.artifacts import Plan, Reference, create, is_shared, mark_used, turn
from hugtweets.storage.home import Home
from hugtweets.tracking import Content, is_tracked, track


class Work(Protocol):
    """What a step belongs to: mostly an account's :class:`hugtweets.jobs.job.Job`."""

    @property
    def home(self) -> Home:
        """Where things live."""

    @property
    def config(self) -> Config:
        """The options."""

    @property
    def run(self) -> str:
        """The name of the run, and the W&B group."""


def is_done(job: Work, plan: Plan) -> bool:
    """Whether nothing is left to do: the artifact is where all machines find it, and logged."""
    reference = plan.reference(job.home)
    # Before it is looked for: what is removed as unused in between is not found, and made again.
    mark_used(reference)
    return is_shared(job.home, reference) and is_tracked(job.home, reference, job.config.tracking)


def show_counts(reference: Reference) -> Content:
    """What most steps show in Weights & Biases: what was counted, ``dropped/duplicate`` being one of ``dropped``."""
    summary: dict[str, Any] = {}
    for name, value in reference.manifest().counts.items():
        if isinstance(value, dict):
            summary |= {f"{name}/{part}": number for part, number in value.items()}
        elif value is not None:
            summary[name] = value
    return Content(summary)


def perform(
    job: Work,
    plan: Plan,
    fill: Callable[[Path], Mapping[str, Any]],
    content: Callable[[Reference], Content] = show_counts,
) -> Reference:
    """Make and log an artifact. A crash between the two is repaired by the next run, which only logs."""
    reference = create(job.home, plan, fill)
    if not is_tracked(job.home, reference, job.config.tracking):
        with turn(reference):
            track(job.home, reference, content(reference), job.config.tracking, job.run)
    return reference
