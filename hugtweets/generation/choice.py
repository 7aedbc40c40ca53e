"""Choosing among generated posts: those that a reader finds as likely, and as differently likely, as the account's."""

from __future__ import annotations

from collections.abc import Sequence


def spread_as(wanted: Sequence[float], found: Sequence[float], number: int) -> list[int]:
    """Places of ``number`` of the found values that are spread as the wanted ones: nearest to their quantiles.

    They come in the order of the quantiles; all places if there are no more of them. The likeliest posts alone would be
    safer than what the account writes.
    """
    # Both take a moment to import.
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    if len(found) <= number:
        return list(range(len(found)))
    quantiles = np.quantile(wanted, (np.arange(number) + 0.5) / number)
    distances = np.abs(quantiles[:, None] - np.asarray(found)[None])
    return [int(place) for place in linear_sum_assignment(distances)[1]]
