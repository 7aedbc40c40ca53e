"""A sweep in Weights & Biases: a run for each point and account, and a configuration for W&B's own sweeps.

The configuration of the runs is what is varied, by full names: W&B's plot of parallel coordinates then has an axis for
each. With an exported configuration W&B's server chooses the points and its agents run them; the keys and macros are
those of its documentation ("Sweep configuration options"), and it replaces ``${args_json}`` by the parameters as one
JSON object, which is what ``--point`` reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hugtweets.jobs.accounts import tracked
from hugtweets.jobs.job import Job
from hugtweets.sweeps.outcome import FIGURES, SweepOutcome, TrialOutcome
from hugtweets.sweeps.points import Point, read_options
from hugtweets.sweeps.variations import Choice, Range, Variation
from hugtweets.tracking import AgentRun, Description, track_trial

METRIC = "bits_per_byte"
JOB_TYPE = "trial"
# W&B takes names of 128 characters; of a point with long values the beginning has to do.
NAME = 80


def track_trials(job: Job, points: Sequence[Point], trials: Sequence[TrialOutcome]) -> None:
    """Log what came of an account; trials that came to nothing are left out."""
    varied = list(dict.fromkeys(name for point in points for name in point.options))
    for trial in trials:
        figures = {name: value for name in FIGURES if (value := getattr(trial, name)) is not None}
        if not figures:
            continue
        point = points[trial.point]
        options = read_options(point.of(job.request).config, varied)
        described = Description(
            name=f"{JOB_TYPE}-{job.handle} {point.label[:NAME]}",
            job_type=JOB_TYPE,
            tags=[job.handle],
            config=options | {"handle": job.handle, "model": trial.model},
        )
        track_trial(job.home, described, figures, job.config.tracking, job.run)


def track_agent_run(jobs: Sequence[Job], outcome: SweepOutcome, agent: AgentRun) -> None:
    """Log the mean over all accounts as the run that W&B's agent waits for; without it there is nothing to log."""
    point = outcome.points[-1]
    if point.bits_per_byte is None or outcome.failure():
        return
    accounts = tracked([job.request for job in jobs])
    handles = [request.handle for request in accounts]
    described = Description(
        name=f"sweep-{'-'.join(handles)} {point.label[:NAME]}",
        job_type="sweep",
        tags=handles,
        config=point.options | {"handles": handles},
        id=agent.id,
        sweep=agent.sweep,
    )
    track_trial(jobs[0].home, described, {METRIC: point.bits_per_byte}, accounts[0].config.tracking, jobs[0].run)


def export_sweep(
    variations: Sequence[Variation], number: int | None, project: str, arguments: Sequence[str]
) -> dict[str, Any]:
    """The configuration, ready to be written as YAML.

    Args:
        variations: what is varied.
        number: how many points are drawn at random; None is the grid.
        project: the W&B project.
        arguments: of ``hugtweets sweep``, without what is varied.
    """
    return {
        "program": "hugtweets",
        "project": project,
        "method": "grid" if number is None else "random",
        **({} if number is None else {"run_cap": number}),
        "metric": {"name": METRIC, "goal": "minimize"},
        "parameters": {variation.key: _parameter(variation) for variation in variations},
        "command": ["${env}", "${program}", "sweep", *arguments, "--point", "${args_json}"],
    }


def _parameter(variation: Variation) -> dict[str, Any]:
    if isinstance(variation, Choice):
        return {"values": list(variation.values)}
    ends = {"min": variation.low, "max": variation.high}
    return ends | {"distribution": _distribution(variation)}


def _distribution(wanted: Range) -> str:
    if wanted.is_logarithmic:
        return "q_log_uniform_values" if wanted.is_whole else "log_uniform_values"
    return "int_uniform" if wanted.is_whole else "uniform"
