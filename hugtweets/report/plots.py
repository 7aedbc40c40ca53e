"""Plots as SVG to stand in a page: text as text, colours from the page's style, so that light and dark both fit.

matplotlib draws; every colour it is given is a stand-in for one of :data:`INKS`, which the style sheet defines. No
``style`` attribute is left, so that a page needs no more than its own style sheet.
"""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import regex

if TYPE_CHECKING:
    from datetime import datetime

    from matplotlib.axes import Axes

# Stand-in colours, which nothing else has, and what the page puts for them.
INKS = {
    "text": ("#000101", "currentColor"),
    "grid": ("#000202", "var(--line)"),
    "tuned": ("#000303", "var(--tuned)"),
    "base": ("#000404", "var(--base)"),
    "faint": ("#000505", "var(--faint)"),
    **{f"series-{number}": (f"#0006{number:02}", f"var(--series-{number})") for number in range(1, 7)},
}
SERIES = [ink for ink in INKS if ink.startswith("series")]
_INCHES = (6.0, 3.0)
_MARGINS = (0.15, 0.19, 0.83, 0.78)
# That of a phone in style.css, where it is largest: what fits there fits everywhere.
_FONT_SIZE = 14.0
_NAMED = "name-"

_STYLE = regex.compile(r' style="([^"]*)"')
_ID = regex.compile(r' id="([^"]*)"')
_REFERRED = regex.compile(r'(?:href="|url\()#([^")]+)')
_LEVEL = regex.compile(r' transform="rotate\(-0 [^)]*\)"')
_LONG_NUMBER = regex.compile(r"(\d\.\d\d)\d+")


# Across stands a number or a time.
Point = tuple["float | datetime", float]


@dataclass(frozen=True)
class Line:
    """A line over numbers or times; ``name`` is shown under the pointer, and in a legend if it is ``named``."""

    points: Sequence[Point]
    ink: str = "tuned"
    name: str = ""
    named: bool = False
    dots: bool = False
    joined: bool = True
    width: float = 1.8


def lines(drawn: Sequence[Line], x: str, y: str, says: str) -> str:
    """Lines over numbers; ``says`` tells in words what is to be seen."""

    def paint(axes: Axes) -> None:
        for line in drawn:
            _add(axes, line)
        axes.set(xlabel=x, ylabel=y)

    return _draw(paint, says)


def over_time(drawn: Sequence[Line], y: str, says: str) -> str:
    """Lines over days."""

    def paint(axes: Axes) -> None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        for line in drawn:
            _add(axes, line)
        axes.set_ylabel(y)

    return _draw(paint, says)


def bars(numbers: Sequence[int], labels: Sequence[str], every: int, x: str, y: str, says: str) -> str:
    """One bar a number; every so many of them are labelled."""

    def paint(axes: Axes) -> None:
        axes.bar(range(len(numbers)), numbers, width=0.85, color=INKS["tuned"][0])
        axes.set_xticks(range(0, len(labels), every), labels[::every])
        axes.set(xlabel=x, ylabel=y)

    return _draw(paint, says)


def _add(axes: Axes, line: Line) -> None:
    axes.plot(
        [point[0] for point in line.points],  # type: ignore[arg-type]
        [point[1] for point in line.points],
        color=INKS[line.ink][0],
        linewidth=line.width,
        linestyle="-" if line.joined else "none",
        marker="o" if line.dots else "",
        markersize=5,
        gid=f"{_NAMED}{line.name}" if line.name else None,
        label=line.name if line.named else None,
    )


def _draw(paint: Callable[[Axes], None], says: str) -> str:
    # Half a second to import, for a run that makes no page.
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    text, grid = INKS["text"][0], INKS["grid"][0]
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "hugtweets", "font.size": _FONT_SIZE}):
        figure = Figure(figsize=_INCHES, facecolor="none")
        axes = figure.add_axes(_MARGINS, facecolor="none")
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(grid)
        axes.tick_params(color=grid, labelcolor=text, length=0)
        axes.grid(axis="y", color=grid, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.yaxis.set_major_locator(MaxNLocator(4))
        paint(axes)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(
                frameon=False, labelcolor=text, fontsize=_FONT_SIZE, borderpad=0, borderaxespad=0.4, labelspacing=0.2
            )
        axes.xaxis.label.set_color(text)
        axes.yaxis.label.set_color(text)
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return _for_page(drawn.getvalue(), says)


def _for_page(svg: str, says: str) -> str:
    """The element alone, without what is of use in a file of its own only."""
    body = svg[svg.index("<svg") :]
    body = regex.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", "", body, flags=regex.DOTALL)
    body = _STYLE.sub(lambda found: _attributes(found[1]), body)
    referred = set(_REFERRED.findall(body))
    body = _ID.sub(lambda found: found[0] if found[1] in referred or found[1].startswith(_NAMED) else "", body)
    body = regex.sub(rf'<g id="{_NAMED}([\w+]+)">', r"<g><title>\1</title>", body)
    body = _LONG_NUMBER.sub(r"\1", _LEVEL.sub("", body))
    body = regex.sub(r"\s*\n\s*", " ", body)
    opening = f'<svg class="plot" role="img" aria-label="{html.escape(says)}" viewBox='
    return regex.sub(r"<svg [^>]*?viewBox=", lambda _: opening, body, count=1)


def _attributes(style: str) -> str:
    """``fill: none; stroke: #000101`` as attributes of their own, with the page's inks."""
    pairs = [pair.split(":", 1) for pair in style.split(";") if ":" in pair]
    inks = dict(INKS.values())
    kept = {name.strip(): value.strip() for name, value in pairs if name.strip() != "font-family"}
    return "".join(f' {name}="{inks.get(value, value)}"' for name, value in kept.items())
