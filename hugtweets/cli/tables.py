"""Tables of figures for people: one line a row, whatever the width of the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import typer

NOTHING = "–"


def print_table(rows: Sequence[Mapping[str, object]]) -> None:
    """The keys of the first row are the head; numbers stand to the right."""
    head = list(rows[0])
    lines = [head, *([_shown(row[name]) for name in head] for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    right = [all(_is_figure(row[name]) for row in rows) for name in head]
    for line in lines:
        cells = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ]
        typer.echo("  ".join(cells).rstrip())


def _is_figure(value: object) -> bool:
    return value is None or isinstance(value, int | float)


def _shown(value: object) -> str:
    if value is None:
        return NOTHING
    return f"{value:.3f}" if isinstance(value, float) else str(value)
