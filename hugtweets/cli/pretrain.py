"""``pretrain``: tweets first, then the person."""

from __future__ import annotations

import logging
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from hugtweets.cli.output import print_json, progress_shown
from hugtweets.cli.settings import (
    ConfigOption,
    HomeOption,
    JsonOption,
    SetOption,
    VerboseOption,
    begin,
    read_config,
)
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import read_accounts, request_accounts
from hugtweets.jobs.pools import PoolOutcome, PoolRequest, request_pool


def pretrain(
    name: Annotated[str, typer.Argument(help="What train.base_model calls it: pool:NAME.", metavar="NAME")],
    handles: Annotated[
        list[str] | None, typer.Argument(help="Accounts whose posts are stored.", metavar="[HANDLE...]")
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option("--accounts", help="An accounts file instead.", metavar="ACCOUNTS.yaml", show_default=False),
    ] = None,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(
            "--corpus",
            help="A file of posts, or of one text a line (.txt), besides (repeatable).",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(
            "--hold-out",
            help="Leave this account out, and examine on it what the pool brings (repeatable).",
            metavar="HANDLE",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    assignments: SetOption = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Let a base model learn the stored posts of many accounts, once, before it becomes one account's.

    Held-out posts are never among those learned, and X is asked for nothing.
    For example: hugtweets pretrain friends fogbell_keeper vending_no_7 --hold-out GeneralBrioche
    """
    begin(home, verbose)
    if handles and accounts:
        raise ConfigurationError(f"handles and --accounts {accounts} exclude each other: give one of them")
    options = read_config(config, assignments)
    listed = read_accounts(accounts, options) if accounts else request_accounts(handles or (), "x", options)
    outcome = run_pretrain(request_pool(name, listed, hold_out or (), corpus or (), options), verbose)
    if as_json:
        print_json(outcome)
    else:
        _print(outcome)


def run_pretrain(request: PoolRequest, verbose: bool) -> PoolOutcome:
    """Run the flow in this process."""
    from hugtweets.tracking import check_mode

    check_mode(request.config.tracking)
    with progress_shown(verbose), redirect_stdout(sys.stderr):
        logging.getLogger("hugtweets").info("starting Prefect")
        # Prefect takes seconds to import: not before the request has been found to make sense.
        from flows.pretrain import pretrain as pretrain_flow
        from hugtweets.cli.prefect_console import quiet_console

        if not verbose:
            quiet_console()
        return pretrain_flow(request)


def _print(outcome: PoolOutcome) -> None:
    counts = outcome.counts
    sources = f"{counts['accounts']} accounts" + (f" and {counts['corpora']} files" if counts["corpora"] else "")
    learned = f"{counts['posts']:,} posts of {sources}"
    typer.echo(
        f"{outcome.base_model} {outcome.status}: {learned}, {counts['seconds']:.0f} s from {counts['base_model']}"
    )
    if outcome.transfers:
        typer.echo("bits per byte on held-out posts of accounts outside the pool, not yet learned themselves:")
        typer.echo(f"  {'':<16}{'posts':>6}{'base':>9}{'pool':>9}{'change':>9}")
    for found in outcome.transfers:
        change = 100 * (found.bits_per_byte / found.base_bits_per_byte - 1)
        numbers = f"{found.base_bits_per_byte:>9.3f}{found.bits_per_byte:>9.3f}{change:>+7.1f} %"
        typer.echo(f"  {found.handle:<16}{found.held_out_posts:>6}{numbers}")
    newest = outcome.base_model.partition("@")[0]
    typer.echo(f"learn from it with --set train.base_model={outcome.base_model}; {newest} is the newest of that name")
