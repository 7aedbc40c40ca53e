"""How sure a figure is: over held-out posts, had others been held out, or over accounts, had others been asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

RESAMPLES = 2_000
SEED = 0
# Two-sided: one figure in forty would lie below, one above.
COVERAGE = 0.95


class Interval(NamedTuple):
    """The bounds of a confidence interval."""

    low: float
    high: float


def ratio_interval(numerators: Sequence[float], denominators: Sequence[float]) -> Interval | None:
    """The 95 % interval of ``sum(numerators) / sum(denominators)`` over posts; None for fewer than two posts.

    The percentile bootstrap of a ratio estimator (Efron and Tibshirani 1993, "An Introduction to the Bootstrap",
    chapters 10 and 13): posts are drawn with replacement, numerator and denominator together, so that long posts weigh
    what they weigh in the ratio itself. With differences as numerators it is a paired interval. Seeded: the same posts
    give the same interval.
    """
    import numpy as np

    number = len(numerators)
    if number < 2:
        return None
    draws = np.random.default_rng(SEED).multinomial(number, np.full(number, 1 / number), size=RESAMPLES)
    ratios = (draws @ np.asarray(numerators, float)) / (draws @ np.asarray(denominators, float))
    low, high = np.quantile(ratios, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return Interval(float(low), float(high))


def mean_interval(values: Sequence[float]) -> Interval | None:
    """The 95 % interval of a mean over accounts, by Student's t; None for fewer than three.

    Accounts are few, and a bootstrap of few values is too narrow (Hesterberg 2015, "What Teachers Should Know About the
    Bootstrap", section 4). With differences as values it is a paired interval.
    """
    import numpy as np
    from scipy.stats import t

    number = len(values)
    if number < 3:
        return None
    margin = t.ppf((1 + COVERAGE) / 2, number - 1) * np.std(values, ddof=1) / np.sqrt(number)
    return Interval(float(np.mean(values) - margin), float(np.mean(values) + margin))
