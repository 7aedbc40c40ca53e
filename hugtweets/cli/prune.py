"""``prune``: remove the artifacts that nobody needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hugtweets.cli.output import print_json, print_table
from hugtweets.config import Config
from hugtweets.storage.home import Home

if TYPE_CHECKING:
    from hugtweets.jobs.pruning import Pruned


def prune(
    home: Home,
    options: Config,
    as_json: bool,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go, and how much it is.")] = False,
    wandb: Annotated[
        bool, typer.Option("--wandb", help="Delete them at Weights & Biases too, but no raw posts.")
    ] = False,
) -> None:
    """Remove the artifacts that nobody needs, here and in the store.

    Of each account stay the current model, the newest storage.keep_models, what was made from them, all that they were
    made from, and what was used within storage.keep_days. Raw posts, promotions, favourites and W&B runs stay in any
    case. The next night finds done what it would have found.

    For example: hugtweets prune --dry-run
    """
    # pyarrow takes a moment to import: `hugtweets --help` must not wait for it.
    from hugtweets.jobs.pruning import prune as remove_unneeded
    from hugtweets.tracking.deleting import delete_noted

    pruned = remove_unneeded(home, options.storage, dry_run, at_wandb=wandb)
    left = delete_noted(home, options.tracking) if wandb and not dry_run else []
    _print_pruned(pruned, as_json)
    if left:
        raise typer.Exit(1)


def _print_pruned(pruned: Pruned, as_json: bool) -> None:
    if as_json:
        print_json(pruned)
        return
    if pruned.total.artifacts:
        _print_amounts(pruned)
    typer.echo(pruned.describe())


def _print_amounts(pruned: Pruned) -> None:
    for title, amounts in (("step", pruned.steps), ("account", pruned.accounts)):
        rows = [
            {title: name, "artifacts": amount.artifacts, "MB here": amount.bytes / 1e6}
            | ({"MB in the store": amount.stored_bytes / 1e6} if pruned.total.stored_bytes else {})
            for name, amount in sorted(amounts.items())
        ]
        print_table(rows)
        typer.echo()
