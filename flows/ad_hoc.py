"""One or more accounts now, asked for in the form of the Prefect UI.

hugtweets serve ACCOUNTS.yaml
"""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from pydantic import Field, PositiveInt

from flows.refresh import work_through
from flows.runs import name_run
from hugtweets.config import DEFAULT_PROMPTS, Config, NotNegative
from hugtweets.jobs.accounts import request_accounts
from hugtweets.jobs.job import StepName
from hugtweets.jobs.outcomes import RunOutcome

# What a person may write into the forms of the Prefect UI; the server checks it before a run exists.
Handle = Annotated[str, Field(pattern=r"^@?[A-Za-z0-9_]{1,15}$")]
Source = Annotated[str, Field(pattern=r"^(x|(archive|file):.+)$")]
Prompts = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=280)], ...], Field(min_length=1, max_length=100)
]
PerPrompt = Annotated[int, Field(ge=1, le=1000)]


def _name() -> str:
    first, *others = runtime.flow_run.parameters["handles"]
    return name_run(f"account-{str(first).removeprefix('@')}" + (f"-and-{len(others)}-more" if others else ""))


@flow(name="ad-hoc", flow_run_name=_name)
def ad_hoc(
    handles: Annotated[list[Handle], Field(min_length=1, max_length=100)],
    source: Source = "x",
    until: StepName | None = None,
    budget_usd: NotNegative | None = None,
    epochs: PositiveInt = 1,
    prompts: Prompts = DEFAULT_PROMPTS,
    per_prompt: PerPrompt = 2,
) -> State[RunOutcome]:
    """Take the accounts through the steps, up to ``until``.

    Args:
        handles: X handles, with or without @.
        source: x, archive:PATH or file:PATH; the path is one on the machine that runs the flow, and holds one account.
        until: Stop after this step; None does the whole job.
        budget_usd: What one account may cost on X in this run, in USD; None sets no limit.
        epochs: Passes over the posts.
        prompts: How the new posts begin.
        per_prompt: Posts for each prompt.

    Raises:
        InvalidHandle, ConfigurationError: a handle is named twice, or a file is to serve several accounts.
    """
    options: dict[str, Any] = {
        "fetch": {"budget_usd": budget_usd},
        "train": {"epochs": epochs},
        "sample": {"prompts": prompts, "per_prompt": per_prompt},
    }
    return work_through(request_accounts(handles, source, Config().override(options)), until, may_wait=False)
