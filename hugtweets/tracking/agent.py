"""W&B's sweep agent: it starts a process for each point, and names in the environment the run that it waits for."""

from __future__ import annotations

import os
from dataclasses import dataclass

# What the agent of wandb 0.31 sets for the processes that it starts (wandb_agent.py).
RUN, SWEEP, PARAMETERS = "WANDB_RUN_ID", "WANDB_SWEEP_ID", "WANDB_SWEEP_PARAM_PATH"


@dataclass(frozen=True)
class AgentRun:
    """The run that the agent waits for."""

    id: str
    sweep: str


def take_agent_run() -> AgentRun | None:
    """The agent's run, if an agent started this process; to be asked before wandb is used.

    It is taken out of the environment: there it would become the run of every step, one over the other.
    """
    run, sweep = (os.environ.pop(name, None) for name in (RUN, SWEEP))
    os.environ.pop(PARAMETERS, None)
    return AgentRun(run, sweep) if run and sweep else None
