"""Figures as people read them, the same wherever they stand."""

from __future__ import annotations

from hugtweets.report.figures import Figures

MISSING = "–"


def percent(share: float | None, signed: bool = False) -> str:
    """``-24 %`` for -0.24; a dash for what was not measured."""
    if share is None:
        return MISSING
    return f"{100 * share:+.0f} %".replace("-", "−") if signed else f"{100 * share:.0f} %"


def number(value: float | None, digits: int = 0) -> str:
    """``1,234`` or ``1.626``."""
    return MISSING if value is None else f"{value:,.{digits}f}"


def change(figures: Figures) -> str:
    """``2.129 → 1.626``: bits per byte of the base and of the tuned model."""
    metrics = figures.metrics
    if not metrics:
        return MISSING
    return f"{number(metrics['base_bits_per_byte'], 3)} → {number(metrics['bits_per_byte'], 3)}"
