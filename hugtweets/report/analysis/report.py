"""The analysis of several accounts: figures, correlations, what they say, and the files that hold all of it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from hugtweets.errors import NothingKept
from hugtweets.report.analysis.accounts import AccountFigures, find_figures
from hugtweets.report.analysis.correlations import Correlation, conclude, correlate
from hugtweets.report.analysis.plots import plots
from hugtweets.storage.atomic import write_text
from hugtweets.storage.csv_files import to_csv
from hugtweets.storage.handles import run_command
from hugtweets.storage.home import Home


class Analysis(BaseModel):
    """What ``analyse --json`` prints; ``files`` are below ``analysis/`` of the home."""

    accounts: list[AccountFigures]
    correlations: list[Correlation]
    conclusion: str
    files: list[str]


def analyse_accounts(home: Home, handles: Sequence[str] = ()) -> Analysis:
    """Compare the accounts named, or all that have scores, and leave tables and plots.

    Raises:
        NothingKept: an account that was named has no scores, or none has.
    """
    accounts = _named(home, handles) if handles else _all(home)
    correlations = correlate(accounts)
    files = {"accounts.csv": _to_csv(accounts), "correlations.csv": _to_csv(correlations)} | plots(accounts)
    for name, content in files.items():
        write_text(home.analysis / name, content)
    return Analysis(
        accounts=accounts,
        correlations=correlations,
        conclusion=conclude(accounts, correlations),
        files=[str(home.analysis / name) for name in files],
    )


def _named(home: Home, handles: Sequence[str]) -> list[AccountFigures]:
    found: dict[str, AccountFigures] = {}
    for handle in map(home.spelling, handles):
        figures = find_figures(home, handle)
        if figures is None:
            raise NothingKept(f"there are no scores of {handle} in {home.root}: make them with `{run_command(handle)}`")
        found[handle] = figures
    return list(found.values())


def _all(home: Home) -> list[AccountFigures]:
    found = [figures for handle in home.known_handles() if (figures := find_figures(home, handle))]
    if not found:
        raise NothingKept(f"no account in {home.root} has scores: make them with `hugtweets run HANDLE`")
    return found


def _to_csv(rows: Sequence[BaseModel]) -> str:
    return to_csv(list(type(rows[0]).model_fields), [list(row.model_dump().values()) for row in rows])
