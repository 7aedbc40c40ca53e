"""A sweep in Weights & Biases: a run for each point and account, in a group of the sweep's name.

Their configuration is what is varied, by full names: W&B's plot of parallel coordinates then has an axis for each.
"""

from __future__ import annotations

from collections.abc import Sequence

from hugtweets.jobs.job import Job
from hugtweets.sweeps.outcome import FIGURES, SweepOutcome, TrialOutcome
from hugtweets.sweeps.points import Point, read_options
from hugtweets.sweeps.wandb_export import METRIC
from hugtweets.tracking import AgentRun, Description, track_trial

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
    handles = [job.handle for job in jobs]
    described = Description(
        name=f"sweep-{'-'.join(handles)} {point.label[:NAME]}",
        job_type="sweep",
        tags=handles,
        config=point.options | {"handles": handles},
        id=agent.id,
        sweep=agent.sweep,
    )
    track_trial(jobs[0].home, described, {METRIC: point.bits_per_byte}, jobs[0].config.tracking, jobs[0].run)
