"""One or more accounts now, asked for in the form of the Prefect UI.

hugtweets serve ACCOUNTS.yaml
"""

from __future__ import annotations

import logging
from typing import Annotated

from prefect import flow, runtime
from prefect.client.schemas.objects import State
from pydantic import Field, PositiveInt

from flows.forms import AD_HOC, Handle, PerPrompt, Prompts, Source, options_of_form
from flows.refresh import work_through
from flows.runs import name_run, open_home
from hugtweets.config import NotNegative
from hugtweets.jobs.accounts import request_accounts
from hugtweets.jobs.home_options import read_home_options
from hugtweets.jobs.job import StepName
from hugtweets.jobs.outcomes import RunOutcome

logger = logging.getLogger("hugtweets.flows")


def _name() -> str:
    first, *others = runtime.flow_run.parameters["handles"]
    return name_run(f"account-{str(first).removeprefix('@')}" + (f"-and-{len(others)}-more" if others else ""))


@flow(name="ad-hoc", flow_run_name=_name)
def ad_hoc(
    handles: Annotated[list[Handle], Field(min_length=1, max_length=100)],
    source: Source | None = None,
    until: StepName | None = None,
    budget_usd: NotNegative | None = None,
    epochs: PositiveInt | None = None,
    prompts: Prompts | None = None,
    per_prompt: PerPrompt | None = None,
) -> State[RunOutcome]:
    """Take the accounts through the steps, up to ``until``, with the options of the home where the form sets none.

    Args:
        handles: Names, with or without @, or addresses of profiles.
        source: x, bluesky, mastodon, archive:PATH or file:PATH; the path is one on the machine that runs the flow, and
            holds one account. If it is empty, the network that the account is on.
        until: Stop after this step; None does the whole job.
        budget_usd: What one account may cost on X in this run, in USD.
        epochs: Passes over the posts.
        prompts: How the new posts begin.
        per_prompt: Posts for each prompt.

    Raises:
        InvalidHandle, ConfigurationError: a handle is named twice, or a file is to serve several accounts.
    """
    in_force = read_home_options(open_home())
    if in_force.notice:
        logger.info(in_force.notice)
    form = {"budget_usd": budget_usd, "epochs": epochs, "prompts": prompts, "per_prompt": per_prompt}
    asked = options_of_form(AD_HOC, form)
    logger.info("the form sets %s", asked or "no option")
    config = in_force.override(asked)
    return work_through(request_accounts(handles, [source] if source else [], config), until, may_wait=False)
