"""The analysis of several accounts: figures, correlations, what they say, and the tables and plots of all of it."""

from __future__ import annotations

import io
from collections.abc import Sequence

from pydantic import BaseModel

from hugtweets.errors import NothingKept
from hugtweets.report.analysis.accounts import AccountFigures, find_figures
from hugtweets.report.analysis.correlations import PROPERTIES, Correlation, conclude, correlate
from hugtweets.storage.atomic import write_text
from hugtweets.storage.csv_files import to_csv
from hugtweets.storage.handles import run_command
from hugtweets.storage.home import Home

START, END = "#9a6700", "#0b62a8"
_INCHES = (7.5, 4.5)


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
    files = {"accounts.csv": _to_csv(accounts), "correlations.csv": _to_csv(correlations)}
    files |= {f"{name}.svg": plot_accounts(accounts, name) for name in PROPERTIES if name != "start"}
    for name, content in files.items():
        write_text(home.analysis / name, content)
    return Analysis(
        accounts=accounts,
        correlations=correlations,
        conclusion=conclude(accounts, correlations),
        files=[str(home.analysis / name) for name in files],
    )


def plot_accounts(accounts: Sequence[AccountFigures], name: str) -> str:
    """A plot as an SVG file: the property across, bits per byte upward, a line from base to tuned for each account.

    The same figures give the same file; accounts that lack the property are left out.
    """
    # Half a second to import.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "hugtweets", "font.size": 10.0}):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(xlabel=name.replace("_", " "), ylabel="bits per byte of test posts (lower is better)")
        for account in accounts:
            place = getattr(account, name)
            if place is not None:
                axes.plot([place, place], [account.start, account.end], color="#bbbbbb", linewidth=1, zorder=1)
                axes.plot(place, account.start, "o", color=START, zorder=2)
                axes.plot(place, account.end, "o", color=END, zorder=2)
                axes.annotate(account.handle, (place, account.end), xytext=(6, -3), textcoords="offset points")
        axes.plot([], [], "o", color=START, label="base model")
        axes.plot([], [], "o", color=END, label="tuned")
        axes.legend(frameon=False)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def _named(home: Home, handles: Sequence[str]) -> list[AccountFigures]:
    found: dict[str, AccountFigures] = {}
    for handle in map(home.spelling, handles):
        figures = find_figures(home, handle)
        if figures is None:
            where = f"there are no scores of {handle} on test posts in {home.root}"
            raise NothingKept(f"{where}: make them with `{run_command(handle)}`")
        found[handle] = figures
    return list(found.values())


def _all(home: Home) -> list[AccountFigures]:
    found = [figures for handle in home.known_handles() if (figures := find_figures(home, handle))]
    if not found:
        raise NothingKept(f"no account in {home.root} has scores on test posts: make them with `hugtweets run HANDLE`")
    return found


def _to_csv(rows: Sequence[BaseModel]) -> str:
    return to_csv(list(type(rows[0]).model_fields), [list(row.model_dump().values()) for row in rows])
