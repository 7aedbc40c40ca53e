"""The accounts of a file, every night; the file is read when the run starts, so that an edit needs no restart.

hugtweets serve ACCOUNTS.yaml
"""

from __future__ import annotations

from pathlib import Path

from prefect import flow
from prefect.client.schemas.objects import State

from flows.refresh import work_through_file
from flows.runs import name_run
from hugtweets.jobs.accounts import AccountsFile
from hugtweets.jobs.outcomes import RunOutcome


@flow(name="nightly", flow_run_name=lambda: name_run("nightly"))
def nightly(accounts: Path, verify: bool = False) -> State[RunOutcome]:
    """Take every account that the file names now through the steps.

    Args:
        accounts: The accounts file, on the machine that runs the flow.
        verify: Ask X again for the posts that are stored, within the budgets, so that deleted ones go.

    Raises:
        InvalidHandle, ConfigurationError: the file makes no sense any more; nothing is started.
    """
    return work_through_file(AccountsFile(path=accounts), verify=verify)
