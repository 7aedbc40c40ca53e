"""``retry``: accounts of the last night once more, with the options that they have in its accounts file."""

from __future__ import annotations

from typing import Annotated

import typer

from hugtweets.cli.runs import finish, run_flow
from hugtweets.errors import ConfigurationError, NothingKept
from hugtweets.jobs.accounts import AccountsFile, digest_of
from hugtweets.jobs.history import Night, read_history
from hugtweets.jobs.home_options import follow
from hugtweets.jobs.outcomes import RunOutcome
from hugtweets.storage.handles import validate_handle
from hugtweets.storage.home import Home


def retry(
    home: Home,
    as_json: bool,
    verbose: bool,
    handles: Annotated[list[str] | None, typer.Argument(help="Accounts of the last night.", metavar="HANDLE")] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="All that failed in the last night, and in every run since.")
    ] = False,
) -> None:
    """Take accounts of the last night through the steps once more.

    They have the options that the accounts file of that night gives them now.

    For example: hugtweets retry --failed
    """
    if bool(handles) == failed:
        raise ConfigurationError("name accounts, or write --failed for all that failed in the last night")
    night = _last_night(home)
    named = tuple(map(validate_handle, handles or night.failed))
    if not named:
        typer.echo(f"nothing is left to retry: no account failed in {night.run}, or all got through since", err=True)
        finish(RunOutcome(status="completed", flow_run=night.run, accounts=[]), as_json)
        return
    file = AccountsFile(path=night.accounts, digest=digest_of(night.accounts), only=named)
    requests, _ = follow(home, file, remember=False)
    finish(run_flow(requests, None, verbose, night=file), as_json)


def _last_night(home: Home) -> Night:
    night = read_history(home).night
    if night is None:
        raise NothingKept(f"no night is known in {home.root}: run one with `hugtweets refresh ACCOUNTS.yaml`")
    return night
