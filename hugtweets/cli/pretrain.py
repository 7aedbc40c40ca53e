"""``pretrain``: a base model that has learned the posts of many accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hugtweets.cli.output import flow_shown, print_json
from hugtweets.cli.settings import AccountsOption
from hugtweets.cli.suggestions import known_name
from hugtweets.cli.terms import agree_to_terms
from hugtweets.config import Config
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import read_accounts, request_accounts
from hugtweets.jobs.home_options import read_home_options
from hugtweets.jobs.pools import PoolOutcome, request_pool
from hugtweets.storage.home import Home


def pretrain(
    home: Home,
    options: Config,
    as_json: bool,
    verbose: bool,
    name: Annotated[str, typer.Argument(help="What train.base_model calls it: pool:NAME.", metavar="NAME")],
    handles: Annotated[
        list[str] | None, typer.Argument(help="Accounts whose posts are stored.", metavar="HANDLE")
    ] = None,
    accounts: AccountsOption = None,
    corpus: Annotated[
        list[Path] | None,
        typer.Option(help="A file of posts, or of one text a line (.txt), besides (repeatable).", metavar="FILE"),
    ] = None,
    hold_out: Annotated[
        list[str] | None,
        typer.Option(help="Leave this account out, and evaluate the pool on it (repeatable).", metavar="HANDLE"),
    ] = None,
) -> None:
    """Train a base model on the stored posts of many accounts.

    Once it has learned how people write on X, it learns one account from less text. Validation and test posts are
    never among those that it learns, and nothing is asked of X.

    For example: hugtweets pretrain friends fogbell_keeper vending_no_7 --hold-out GeneralBrioche
    """
    if handles and accounts:
        raise ConfigurationError(f"handles and --accounts {accounts} exclude each other: give one of them")
    named, left_out = ([known_name(home, handle) for handle in given or ()] for given in (handles, hold_out))
    listed = read_accounts(accounts, options) if accounts else request_accounts(named, ["x"], options)
    request = request_pool(name, listed, left_out, corpus or (), options)
    read_home_options(home).check(request.config)
    agree_to_terms(home, {request.config.pretrain.base_model})
    with flow_shown(request.config.tracking, verbose):
        from flows.pretrain import pretrain as pretrain_flow

        outcome = pretrain_flow(request)
    print_json(outcome) if as_json else _print(outcome)


def _print(outcome: PoolOutcome) -> None:
    counts = outcome.counts
    sources = f"{counts['accounts']} accounts" + (f" and {counts['corpora']} files" if counts["corpora"] else "")
    trained = f"{counts['posts']:,} posts of {sources}, {counts['seconds']:.0f} s from {counts['base_model']}"
    typer.echo(f"{outcome.base_model} {outcome.status}: {trained}")
    if outcome.transfers:
        typer.echo("bits per byte on test posts of accounts outside the pool, not yet learned themselves:")
        typer.echo(f"  {'':<16}{'posts':>6}{'base':>9}{'pool':>9}{'change':>9}")
    for found in outcome.transfers:
        change = 100 * (found.bits_per_byte / found.base_bits_per_byte - 1)
        numbers = f"{found.base_bits_per_byte:>9.3f}{found.bits_per_byte:>9.3f}{change:>+7.1f} %"
        typer.echo(f"  {found.handle:<16}{found.held_out_posts:>6}{numbers}")
    newest = outcome.base_model.partition("@")[0]
    typer.echo(f"learn from it with --set train.base_model={outcome.base_model}; {newest} is the newest of that name")
