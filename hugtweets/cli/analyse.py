"""``analyse``: why do people's losses differ?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hugtweets.cli.output import print_json, print_table
from hugtweets.cli.suggestions import known_name
from hugtweets.storage.home import Home

if TYPE_CHECKING:
    from hugtweets.report.analysis.report import Analysis


def analyse(
    home: Home,
    as_json: bool,
    handles: Annotated[
        list[str] | None, typer.Argument(help="Accounts that were learned before; else all.", metavar="HANDLE")
    ] = None,
) -> None:
    """Compare accounts: why is one predicted better than another?

    Shows how properties of the accounts go with their losses, and how likely that is by chance. Nothing is trained.
    Tables and plots are written to the folder `analysis`.

    For example: hugtweets analyse
    """
    # scipy and matplotlib take seconds to import.
    from hugtweets.report.analysis.report import analyse_accounts

    analysis = analyse_accounts(home, [known_name(home, handle) for handle in handles or ()])
    print_json(analysis) if as_json else _print(analysis)


def _print(analysis: Analysis) -> None:
    print_table([account.model_dump(exclude={"model", "base_model"}) for account in analysis.accounts])
    typer.echo("\nrank correlations (Spearman), p in brackets")
    print_table(_crossed(analysis))
    typer.echo(f"\n{analysis.conclusion}\n{analysis.files[0]}, and {len(analysis.files) - 1} more files beside it")


def _crossed(analysis: Analysis) -> list[dict[str, Any]]:
    """A row for each property, a column for each loss."""
    rows: dict[str, dict[str, Any]] = {}
    for found in analysis.correlations:
        row = rows.setdefault(found.property, {"property": found.property, "start": "", "drop": "", "end": ""})
        row[found.loss] = "–" if found.rho is None or found.p is None else f"{found.rho:+.2f} ({found.p:.3f})"
    return list(rows.values())
