"""The seven steps that an account is taken through, in their order."""

from __future__ import annotations

from typing import Literal, get_args

StepName = Literal["fetch", "clean", "tokenise", "finetune", "sample", "evaluate", "report"]
STEPS: tuple[StepName, ...] = get_args(StepName)


def includes(until: StepName | None, step: StepName) -> bool:
    """Whether a run that stops after ``until`` gets as far as ``step``; None is the whole job."""
    return until is None or STEPS.index(step) <= STEPS.index(until)
