"""The data of tables and plots as CSV, for whoever wants to reckon with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

# Columns and rows.
Table = tuple[Sequence[str], Sequence[Sequence[object]]]

# A spreadsheet takes a cell that begins like this for a formula, and runs it (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The rows under their columns; what strangers wrote is kept from being a formula by an apostrophe before it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.lstrip(" \n").startswith(_FORMULA) else cell
