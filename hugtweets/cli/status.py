"""``status``: how the accounts of a home stand."""

from __future__ import annotations

import typer

from hugtweets.cli.output import print_json, print_table, printable
from hugtweets.jobs.status import read_status
from hugtweets.storage.home import Home


def status(home: Home, as_json: bool) -> None:
    """Show how all accounts stand, and what waits.

    That is the last success, the age of the model, what was spent, and why an account waits. After every night the
    same table is among the artifacts of its run in the Prefect UI.

    For example: hugtweets status
    """
    state = read_status(home)
    if as_json:
        print_json(state)
        return
    rows = [account.row() for account in state.accounts]
    if rows:
        print_table([{name: printable(str(value)) for name, value in row.items()} for row in rows])
    for line in (state.describe(), state.notice):
        if line:
            typer.echo(line)
