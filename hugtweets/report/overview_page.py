"""The pages over all accounts: the overview, the comparison of two, and the CSV files beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hugtweets.report.account_page import Plot
from hugtweets.report.plots import SERIES, Line, Point, lines, over_time
from hugtweets.report.summary import JUDGED_COLUMNS, AccountSummary
from hugtweets.report.templating import clipped, number, percent, render
from hugtweets.storage.csv_files import Table, to_csv
from hugtweets.storage.handles import kind_of
from hugtweets.timelines.provenance import describe_sources, name_source

# Draws a plot unless it was drawn before from the same data: name, data, how to draw it.
Drawer = Callable[[str, str, Callable[[], str]], str]
POST_CHARACTERS = 280


class Column(NamedTuple):
    """A column of the overview's table."""

    name: str
    title: str = ""
    sorts: bool = True


COLUMNS = (
    Column("Account"),
    Column("Kept posts"),
    Column("Bits per byte", "base model → tuned model, on test posts"),
    Column("Gain", "change of the bits per byte"),
    Column("Attribution", "attribution accuracy: sets of 20 generated posts that are attributed to the account"),
    Column("Copied", "generated posts with 8 words in a row from one real post"),
    Column("Refreshed", "when the source last answered, or something was made"),
    Column("Spent", "on X, at list prices"),
    Column("A generated post", sorts=False),
)


@dataclass(frozen=True)
class Row:
    """An account in the overview: its figures, and what only this home knows of it."""

    summary: AccountSummary
    refreshed: datetime
    usd: float

    def metric(self, name: str) -> float | None:
        """A figure of the scorecard."""
        return self.summary.metrics.get(name)

    @property
    def sources(self) -> str:
        """Where the posts came from: ``X, Bluesky``."""
        return ", ".join(map(name_source, self.summary.sources))


@dataclass(frozen=True)
class LastRun:
    """The flow run after which the overview was made, and where Prefect shows it."""

    name: str
    url: str | None = None


def overview_files(rows: Sequence[Row], draw: Drawer, now: datetime, run: LastRun | None) -> dict[str, str]:
    """Every file over all accounts, by name."""
    data = {f"{name}.csv": to_csv(*table) for name, table in tables(rows).items()}
    page = render(
        "overview.html",
        script="overview.js",
        heading=_heading(rows),
        rows=rows,
        columns=COLUMNS,
        most=max((row.metric("base_bits_per_byte") or 1.0 for row in rows), default=1.0),
        plots=[plot for plot in _plots(rows, data, draw) if plot],
        now=now,
        run=run,
    )
    return {**data, "index.html": page, "compare.html": _comparison(rows)}


def _heading(rows: Sequence[Row]) -> str:
    """``3 accounts, 1 mix, 2 blends``."""
    counts = Counter(kind_of(row.summary.handle) for row in rows)
    kinds = (("account", "accounts"), ("mix", "mixes"), ("blend", "blends"))
    said = [f"{counts[one]} {one if counts[one] == 1 else many}" for one, many in kinds if counts[one]]
    return ", ".join(said) or "No accounts"


def _comparison(rows: Sequence[Row]) -> str:
    labels = [label for label, _ in COMPARED]
    accounts = {
        row.summary.handle: {
            "figures": [show(row) for _, show in COMPARED],
            "posts": [
                (clipped(prompt, POST_CHARACTERS), clipped(text, POST_CHARACTERS))
                for prompt, text in row.summary.prompts.items()
            ],
        }
        for row in rows
    }
    return render(
        "compare.html", script="compare.js", handles=list(accounts), data={"labels": labels, "accounts": accounts}
    )


COMPARED: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("Posts fetched", lambda row: number(row.summary.fetched)),
    ("From", lambda row: describe_sources(row.summary.sources)),
    ("Posts kept", lambda row: number(row.summary.kept)),
    ("Characters kept", lambda row: number(row.summary.kept_characters)),
    ("Bits per byte, base → tuned", lambda row: row.summary.change),
    ("Gain", lambda row: percent(row.summary.gain, signed=True)),
    ("Attribution accuracy", lambda row: percent(row.metric("taken_for_author"))),
    ("Attribution accuracy of real posts", lambda row: percent(row.metric("held_out_taken_for_author"))),
    ("Detector accuracy", lambda row: percent(row.metric("told_apart"))),
    ("With 8 words in a row from one real post", lambda row: percent(row.metric("copied_share"))),
    ("Distinct pairs of words", lambda row: percent(row.metric("distinct_2"))),
    ("Characters of a generated post", lambda row: number(row.metric("mean_length"))),
    ("Characters of a real post", lambda row: number(row.metric("held_out_mean_length"))),
    ("Models judged", lambda row: number(len(row.summary.nights))),
    ("Refreshed", lambda row: f"{row.refreshed:%Y-%m-%d}"),
    ("Spent on X", lambda row: f"${row.usd:.2f}"),
)


def tables(rows: Sequence[Row]) -> Mapping[str, Table]:
    """What the overview shows and what its plots are drawn from, as columns and rows, by name."""
    known = [(row, row.summary) for row in rows]
    measured = sorted({name for row in rows for name in row.summary.metrics})
    return {
        "overview": (
            ["handle", "fetched", "kept", "kept_characters", *measured, "refreshed", "usd", "generated_post"],
            [
                [of.handle, of.fetched, of.kept, of.kept_characters]
                + [row.metric(name) for name in measured]
                + [row.refreshed, row.usd, of.post]
                for row, of in known
            ],
        ),
        "curves": (["handle", "step", "loss"], [[of.handle, *point] for _, of in known for point in of.curve]),
        "amounts": (
            ["handle", "kept_characters", "base_bits_per_byte", "bits_per_byte"],
            [
                [of.handle, of.kept_characters, row.metric("base_bits_per_byte"), tuned]
                for row, of in known
                if (tuned := row.metric("bits_per_byte")) is not None
            ],
        ),
        "nights": (
            ["handle", *JUDGED_COLUMNS],
            [[of.handle, *judged.cells] for _, of in known for judged in of.nights],
        ),
    }


def predictions(rows: Sequence[Row]) -> Table:
    """The likeliest generated post of each account for each prompt that any of them was given."""
    prompts = list(dict.fromkeys(prompt for row in rows for prompt in row.summary.prompts))
    posts = [[row.summary.handle, *(row.summary.prompts.get(prompt) for prompt in prompts)] for row in rows]
    return ["account", *(prompt or "(no prompt)" for prompt in prompts)], posts


def _plots(rows: Sequence[Row], data: Mapping[str, str], draw: Drawer) -> list[Plot | None]:
    learned = [row for row in rows if row.summary.metrics and row.summary.curve]
    if not learned:
        return []
    again = [row for row in learned if len(row.summary.comparable) > 1]

    def plot(name: str, title: str, note: str, paint: Callable[[Sequence[Row]], str], over: Sequence[Row]) -> Plot:
        svg = draw(name, data[f"{name}.csv"], lambda: paint(over))
        return Plot(svg, title, f"{name}.csv", note)

    amounts = "Each account twice: above its base model, below its own."
    return [
        plot("curves", "Loss curves", "One line an account, while it was trained.", _curves, learned),
        plot("amounts", "Bits per byte and amount of text", amounts, _amounts, learned),
        plot("nights", "Models over time", "Bits per byte of every model.", _judged_models, again) if again else None,
    ]


def _line(rows: Sequence[Row], place: int, points: Sequence[Point], dots: bool = False) -> Line:
    """The line of one account among all: a few have a colour each, and a legend; many are told apart by the pointer."""
    name = rows[place].summary.handle
    if len(rows) > len(SERIES):
        return Line(points, name=name, width=0.8)
    return Line(points, SERIES[place], name, named=True, dots=dots)


def _curves(rows: Sequence[Row]) -> str:
    falls = {row.summary.handle: row.summary.curve[0][1] - row.summary.curve[-1][1] for row in rows}
    most, least = max(falls, key=falls.__getitem__), min(falls, key=falls.__getitem__)
    return lines(
        [_line(rows, place, row.summary.curve) for place, row in enumerate(rows)],
        "training step",
        "loss, nats per token",
        f"Training loss of {len(rows)} accounts: that of {most} falls most, by {falls[most]:.2f}, and that of {least} "
        f"least, by {falls[least]:.2f}.",
    )


def _amounts(rows: Sequence[Row]) -> str:
    pairs = [
        Line([(kept / 1000, bits)], ink, row.summary.handle, dots=True, joined=False)
        for row in rows
        for ink, bits in (("base", row.metric("base_bits_per_byte")), ("tuned", row.metric("bits_per_byte")))
        if (kept := row.summary.kept_characters) and bits and row.metric("on_test_posts")
    ]
    return lines(
        pairs,
        "kept text, thousand characters",
        "bits per byte",
        f"Bits per byte on test posts of {len(rows)} accounts, before and after training, over the amount of text.",
    )


def _judged_models(rows: Sequence[Row]) -> str:
    drawn = [
        _line(rows, place, [(judged.at, judged.bits_per_byte) for judged in row.summary.comparable], dots=True)
        for place, row in enumerate(rows)
    ]
    return over_time(drawn, "bits per byte", f"Bits per byte on test posts of all models of {len(rows)} accounts.")
