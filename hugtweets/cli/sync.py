"""``sync``: send to Weights & Biases what stayed on this machine."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import BaseModel

from hugtweets.cli.output import print_json
from hugtweets.config import Config
from hugtweets.storage.home import Home


class Synchronised(BaseModel):
    """What ``sync --json`` prints: how many runs were sent, the folders of those that were not, and what W&B still has
    that is deleted here.
    """

    sent: int
    left: list[str]
    to_delete: list[str]


def sync(
    home: Home,
    options: Config,
    as_json: bool,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be sent.")] = False,
) -> None:
    """Send to Weights & Biases what stayed on this machine.

    That is the runs that W&B did not take when they were made, which the next run that gets through sends by itself,
    and those that were made without a key or with tracking.mode offline, which nothing else sends. What was deleted
    here while W&B could not be reached is deleted there.

    For example: hugtweets sync --dry-run
    """
    from hugtweets.tracking.decisions import tell_decisions
    from hugtweets.tracking.deleting import delete_noted, noted
    from hugtweets.tracking.sending import kept_runs, send
    from hugtweets.tracking.settings import check_sending

    check_sending(options.tracking)
    sent = 0 if dry_run else send(home)[0]
    for name in () if dry_run else home.known_names():
        tell_decisions(home, name, options.tracking)
    deletions = noted(home) if dry_run else delete_noted(home, options.tracking)
    left, to_delete = [str(run.folder) for run in kept_runs(home)], [deletion.describe() for deletion in deletions]
    if as_json:
        print_json(Synchronised(sent=sent, left=left, to_delete=to_delete))
    elif dry_run:
        typer.echo("\n".join([*left, f"{len(left)} runs would be sent"]))
        if to_delete:
            typer.echo("\n".join([*to_delete, f"{len(to_delete)} runs would be deleted at W&B"]))
    else:
        typer.echo(f"{sent} runs sent, {len(left)} left")
    if (left or to_delete) and not dry_run:
        typer.echo("W&B did not take all: run the same command again later, with -v to see what it says", err=True)
        raise typer.Exit(1)
