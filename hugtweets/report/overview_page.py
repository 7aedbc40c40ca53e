"""The pages over all accounts: the overview, the comparison of two, and the CSV files beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hugtweets.report.account_page import Plot, Table
from hugtweets.report.csv_files import to_csv
from hugtweets.report.figures import Figures
from hugtweets.report.plots import SERIES, Line, lines, over_time
from hugtweets.report.templating import clipped, render
from hugtweets.report.wording import change, number, percent
from hugtweets.storage.handles import kind_of

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
    Column("Bits per byte", "base model → tuned model, on held-out posts"),
    Column("Gain", "change of the bits per byte"),
    Column("Author", "sets of 20 generated posts that are taken for the account's"),
    Column("Copied", "generated posts with 8 words in a row from one real post"),
    Column("Refreshed", "when the source last answered, or something was made"),
    Column("Spent", "on X, at list prices"),
    Column("A generated post", sorts=False),
)


@dataclass(frozen=True)
class Row:
    """An account in the overview: its figures, and what only this home knows of it."""

    figures: Figures
    refreshed: datetime
    usd: float

    def metric(self, name: str) -> float | None:
        """A figure of the scorecard."""
        return self.figures.metrics.get(name)

    def value(self, figure: float | None) -> str:
        """What the table is sorted by; empty goes last."""
        return "" if figure is None else f"{figure:.6g}"

    @property
    def cells(self) -> dict[str, object]:
        """What the template shows."""
        base, tuned, author, copied = map(
            self.metric, ("base_bits_per_byte", "bits_per_byte", "taken_for_author", "copied_share")
        )
        return {
            "figures": self.figures,
            "refreshed": self.refreshed,
            "usd": self.usd,
            "kept": number(self.figures.kept),
            "change": change(self.figures),
            "bars": (base, tuned) if base and tuned else None,
            "tuned_value": self.value(tuned),
            "gain": percent(self.figures.gain, signed=True),
            "gain_value": self.value(self.figures.gain),
            "author": percent(author),
            "author_value": self.value(author),
            "copied": percent(copied),
            "copied_value": self.value(copied),
        }


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
        rows=[row.cells for row in rows],
        columns=COLUMNS,
        most=max((row.metric("base_bits_per_byte") or 1.0 for row in rows), default=1.0),
        plots=[plot for plot in _plots(rows, data, draw) if plot],
        now=now,
        run=run.name if run else "",
        run_url=run.url if run else None,
    )
    return {**data, "index.html": page, "compare.html": _comparison(rows)}


def _heading(rows: Sequence[Row]) -> str:
    """``3 accounts, 1 mix, 2 blends``."""
    numbers = Counter(kind_of(row.figures.handle) for row in rows)
    counted = [(numbers["account"], "account", "accounts"), (numbers["mix"], "mix", "mixes")]
    counted += [(numbers["blend"], "blend", "blends")]
    said = [f"{number} {one if number == 1 else many}" for number, one, many in counted if number]
    return ", ".join(said) or "No accounts"


def _comparison(rows: Sequence[Row]) -> str:
    labels = [label for label, _ in COMPARED]
    accounts = {
        row.figures.handle: {
            "figures": [show(row) for _, show in COMPARED],
            "posts": [
                (clipped(prompt, POST_CHARACTERS), clipped(text, POST_CHARACTERS))
                for prompt, text in row.figures.prompts.items()
            ],
        }
        for row in rows
    }
    return render(
        "compare.html", script="compare.js", handles=list(accounts), data={"labels": labels, "accounts": accounts}
    )


COMPARED: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("Posts fetched", lambda row: number(row.figures.fetched)),
    ("Posts kept", lambda row: number(row.figures.kept)),
    ("Characters kept", lambda row: number(row.figures.kept_characters)),
    ("Bits per byte, base → tuned", lambda row: change(row.figures)),
    ("Gain", lambda row: percent(row.figures.gain, signed=True)),
    ("Taken for the author's", lambda row: percent(row.metric("taken_for_author"))),
    ("Real posts taken for the author's", lambda row: percent(row.metric("held_out_taken_for_author"))),
    ("Told from real posts", lambda row: percent(row.metric("told_apart"))),
    ("With 8 words in a row from one real post", lambda row: percent(row.metric("copied_share"))),
    ("Distinct pairs of words", lambda row: percent(row.metric("distinct_2"))),
    ("Characters of a generated post", lambda row: number(row.metric("mean_length"))),
    ("Characters of a real post", lambda row: number(row.metric("held_out_mean_length"))),
    ("Models judged", lambda row: number(len(row.figures.nights))),
    ("Refreshed", lambda row: f"{row.refreshed:%Y-%m-%d}"),
    ("Spent on X", lambda row: f"${row.usd:.2f}"),
)


def tables(rows: Sequence[Row]) -> Mapping[str, Table]:
    """What the overview shows and what its plots are drawn from, as columns and rows, by name."""
    measured = sorted({name for row in rows for name in row.figures.metrics})
    return {
        "overview": (
            ["handle", "fetched", "kept", "kept_characters", *measured, "refreshed", "usd", "generated_post"],
            [
                [
                    row.figures.handle,
                    row.figures.fetched,
                    row.figures.kept,
                    row.figures.kept_characters,
                    *(row.metric(name) for name in measured),
                    row.refreshed,
                    row.usd,
                    row.figures.post,
                ]
                for row in rows
            ],
        ),
        "curves": (
            ["handle", "step", "loss"],
            [[row.figures.handle, *point] for row in rows for point in row.figures.curve],
        ),
        "amounts": (
            ["handle", "kept_characters", "base_bits_per_byte", "bits_per_byte"],
            [
                [row.figures.handle, row.figures.kept_characters, row.metric("base_bits_per_byte"), tuned]
                for row in rows
                if (tuned := row.metric("bits_per_byte")) is not None
            ],
        ),
        "nights": (
            ["handle", "judged", "model", "base_bits_per_byte", "bits_per_byte", "promoted"],
            [
                [
                    row.figures.handle,
                    night.at,
                    night.model,
                    night.base_bits_per_byte,
                    night.bits_per_byte,
                    night.promoted,
                ]
                for row in rows
                for night in row.figures.nights
            ],
        ),
    }


def predictions(rows: Sequence[Row]) -> Table:
    """The likeliest generated post of each account for each prompt that any of them was given."""
    prompts = list(dict.fromkeys(prompt for row in rows for prompt in row.figures.prompts))
    posts = [[row.figures.handle, *(row.figures.prompts.get(prompt) for prompt in prompts)] for row in rows]
    return ["account", *(prompt or "(no prompt)" for prompt in prompts)], posts


def _plots(rows: Sequence[Row], data: Mapping[str, str], draw: Drawer) -> list[Plot | None]:
    learned = [row for row in rows if row.figures.metrics and row.figures.curve]
    if not learned:
        return []
    again = [row for row in learned if len(row.figures.nights) > 1]

    def plot(name: str, title: str, note: str, paint: Callable[[Sequence[Row]], str], over: Sequence[Row]) -> Plot:
        svg = draw(name, data[f"{name}.csv"], lambda: paint(over))
        return Plot(svg, title, f"{name}.csv", note)

    return [
        plot("curves", "Loss curves", "One line an account, while it was trained.", _curves, learned),
        plot(
            "amounts",
            "Bits per byte and amount of text",
            "Each account twice: above its base model, below its own.",
            _amounts,
            learned,
        ),
        plot("nights", "Night after night", "Bits per byte of every model since.", _nights, again) if again else None,
    ]


def _line(rows: Sequence[Row], place: int, points: Sequence[tuple[float, float]], dots: bool = False) -> Line:
    """The line of one account among all: a few have a colour each, and a legend; many are told apart by the pointer."""
    name = rows[place].figures.handle
    if len(rows) > len(SERIES):
        return Line(points, name=name, width=0.8)
    return Line(points, SERIES[place], name, named=True, dots=dots)


def _curves(rows: Sequence[Row]) -> str:
    falls = {row.figures.handle: row.figures.curve[0][1] - row.figures.curve[-1][1] for row in rows}
    most, least = max(falls, key=falls.__getitem__), min(falls, key=falls.__getitem__)
    return lines(
        [_line(rows, place, row.figures.curve) for place, row in enumerate(rows)],
        "training step",
        "loss, nats per token",
        f"Training loss of {len(rows)} accounts: that of {most} falls most, by {falls[most]:.2f}, and that of {least} "
        f"least, by {falls[least]:.2f}.",
    )


def _amounts(rows: Sequence[Row]) -> str:
    pairs = [
        Line([(kept / 1000, bits)], ink, row.figures.handle, dots=True, joined=False)
        for row in rows
        for ink, bits in (("base", row.metric("base_bits_per_byte")), ("tuned", row.metric("bits_per_byte")))
        if (kept := row.figures.kept_characters) and bits
    ]
    return lines(
        pairs,
        "kept text, thousand characters",
        "bits per byte",
        f"Held-out bits per byte of {len(rows)} accounts, before and after training, over the amount of their text.",
    )


def _nights(rows: Sequence[Row]) -> str:
    drawn = [
        (
            _line(rows, place, [(0.0, night.bits_per_byte) for night in row.figures.nights], dots=True),
            [night.at for night in row.figures.nights],
        )
        for place, row in enumerate(rows)
    ]
    return over_time(drawn, "bits per byte", f"Held-out bits per byte of the models of {len(rows)} accounts over time.")
