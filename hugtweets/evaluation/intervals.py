"""How sure a figure is: over test posts, had others been set aside, or over accounts, had others been asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 2_000
SEED = 0
# Of fewer posts the interval holds the truth too seldom, see benchmarks/intervals.py: in 87 % of the cases of 10.
FEWEST_POSTS = 20
# Two-sided: one figure in forty would lie below, one above.
COVERAGE = 0.95
# Resampled posts that are held in memory at once.
BATCH = 2**21


class Interval(NamedTuple):
    """The bounds of a confidence interval."""

    low: float
    high: float


def ratio_interval(numerators: Sequence[float], denominators: Sequence[float]) -> Interval | None:
    """The 95 % interval of ``sum(numerators) / sum(denominators)`` over posts; None for too few, :data:`FEWEST_POSTS`.

    The BCa bootstrap (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 14): posts are drawn with
    replacement, numerator and denominator together, so that long posts weigh what they weigh in the ratio itself. With
    differences as numerators it is a paired interval. Seeded: the same posts give the same interval.
    """
    import numpy as np
    from scipy.stats import bootstrap

    if len(numerators) < FEWEST_POSTS:
        return None
    parts, wholes = np.asarray(numerators, float), np.asarray(denominators, float)
    ratio = _ratio(parts, wholes)
    if np.allclose(parts, ratio * wholes):
        # Where all posts have the same ratio, the correction of BCa would divide zero by zero.
        return Interval(float(ratio), float(ratio))
    found = bootstrap(
        (parts, wholes),
        _ratio,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=max(1, BATCH // len(parts)),
        confidence_level=COVERAGE,
        method="BCa",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def share_interval(number: int, of: int) -> Interval:
    """The 95 % interval of a share, by Wilson's score: it holds for few cases and at the ends as well."""
    from scipy.stats import binomtest

    found = binomtest(number, of).proportion_ci(COVERAGE, method="wilson")
    return Interval(float(found.low), float(found.high))


def mean_interval(values: Sequence[float]) -> Interval | None:
    """The 95 % interval of a mean over accounts, by Student's t; None for fewer than three.

    No bootstrap: accounts are few, and of few values it is too narrow (Hesterberg 2015, "What Teachers Should Know
    About the Bootstrap", section 4). With differences as values it is a paired interval.
    """
    import numpy as np
    from scipy.stats import t

    number = len(values)
    if number < 3:
        return None
    margin = t.ppf((1 + COVERAGE) / 2, number - 1) * np.std(values, ddof=1) / np.sqrt(number)
    return Interval(float(np.mean(values) - margin), float(np.mean(values) + margin))


def _ratio(parts: np.ndarray[Any, Any], wholes: np.ndarray[Any, Any], axis: int = -1) -> Any:
    return parts.sum(axis) / wholes.sum(axis)
