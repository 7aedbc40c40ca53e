"""MAUVE: how much of the account's kinds of posts the model writes, and the other way round."""

from __future__ import annotations

from typing import Any

import numpy as np

SEED = 0
# Of fewer posts a side the clusters hold too few to say anything.
FEWEST = 200
# As in the paper: a cluster for ten posts, and divergences of mixtures in steps of a twenty-fifth, scaled by five.
POSTS_A_CLUSTER = 10
MIXTURES = 25
SCALE = 5
# Of the variance of the hidden states, before they are clustered.
EXPLAINED = 0.9

Array = np.ndarray[Any, Any]


def mauve(real: Array, generated: Array) -> float | None:
    """From 0, nothing in common, to 1, the same; None for fewer than :data:`FEWEST` posts a side. Seeded.

    Pillutla et al. 2021, "MAUVE: Measuring the Gap Between Neural Text and Human Text": posts are quantised by
    clustering hidden states of a language model, and the score is the area under the curve of the divergences of both
    histograms from their mixtures. Of the longer side only the first posts are taken.

    Args:
        real: a row of features for each post, see :func:`hugtweets.evaluation.hidden_states.hidden_states`.
        generated: the same of generated posts.
    """
    number = min(len(real), len(generated))
    if number < FEWEST:
        return None
    clusters = number // POSTS_A_CLUSTER
    labels = _clusters(np.vstack([real[:number], generated[:number]]), clusters)
    ours, theirs = (np.bincount(part, minlength=clusters) / number for part in (labels[:number], labels[number:]))
    return _area([_divergences(ours, theirs, weight) for weight in np.linspace(0, 1, MIXTURES + 1)[1:-1]])


def _clusters(states: Array, number: int) -> Any:
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import normalize

    reduced = PCA(EXPLAINED, whiten=False, svd_solver="full").fit_transform(normalize(states))
    return KMeans(number, n_init=5, random_state=SEED).fit_predict(normalize(reduced))


def _divergences(some: Array, others: Array, weight: float) -> tuple[float, float]:
    """How far both are from their mixture, each as a number from 0 (far) to 1."""
    mixture = weight * some + (1 - weight) * others
    return np.exp(-SCALE * _kl(others, mixture)), np.exp(-SCALE * _kl(some, mixture))


def _kl(some: Array, mixture: Array) -> float:
    there = some > 0
    return float((some[there] * np.log(some[there] / mixture[there])).sum())


def _area(points: list[tuple[float, float]]) -> float:
    """Under the curve through the points, from one axis to the other."""
    curve = sorted([(0.0, 1.0), *points, (1.0, 0.0)], key=lambda point: (point[0], -point[1]))
    return float(np.trapezoid([y for _, y in curve], [x for x, _ in curve]))
