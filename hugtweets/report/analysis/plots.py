"""A picture for each property: every account by name, where the base model started and where training ended."""

from __future__ import annotations

import io
from collections.abc import Sequence

from hugtweets.report.analysis.accounts import AccountFigures
from hugtweets.report.analysis.correlations import PROPERTIES

START, END = "#9a6700", "#0b62a8"
_INCHES = (7.5, 4.5)


def plot_accounts(accounts: Sequence[AccountFigures], name: str) -> str:
    """An SVG file of its own: the property across, bits per byte upward, an arrow from base to tuned for each account.

    The same figures give the same file; accounts that lack the property are left out.
    """
    # Half a second to import.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "hugtweets", "font.size": 10.0}):
        figure = Figure(figsize=_INCHES, layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(xlabel=name.replace("_", " "), ylabel="bits per byte of validation posts (lower is better)")
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


def plots(accounts: Sequence[AccountFigures]) -> dict[str, str]:
    """File name and content of one plot for each property that is no loss itself."""
    return {f"{name}.svg": plot_accounts(accounts, name) for name in PROPERTIES if name != "start"}
