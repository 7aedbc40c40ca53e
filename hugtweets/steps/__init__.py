"""The steps of the job, one module each: plan an artifact, make it, show it in Weights & Biases.

``fetch → clean → tokenise → finetune → sample → evaluate → report``. A step is a pure function of files and
configuration; its module offers ``plan_<step>`` (what would be made, known before any work) and ``<step>`` (make it
unless it is there).
"""

from __future__ import annotations

from typing import Literal, get_args

StepName = Literal["fetch", "clean", "tokenise", "finetune", "sample", "evaluate", "report"]
STEPS: tuple[StepName, ...] = get_args(StepName)


def includes(until: StepName | None, step: StepName) -> bool:
    """Whether a run that stops after ``until`` gets as far as ``step``; None is the whole job."""
    return until is None or STEPS.index(step) <= STEPS.index(until)
