"""Verification: are these posts the account's, whoever else may have written them? Nothing is trained for it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hugtweets.evaluation.attribution import disjoint_sets

SEED = 0
ROUNDS = 100
# Sets of posts by the account, and as many by others.
SETS = 10
# N-grams of four characters, the most frequent ones; in each round half of them are looked at.
NGRAM = 4
FEATURES = 5_000


class Verifier:
    """Compares posts with an account's and with those of others, by the General Imposters method.

    Koppel and Winter 2014, "Determining if Two Documents Are Written by the Same Author": again and again a random
    half of the features is looked at, and posts count as the account's as often as they are nearer to its posts than to
    those of all imposters. Sets of posts stand for documents.
    """

    def __init__(self, own: Sequence[str], imposters: Sequence[Sequence[str]]) -> None:
        """``own`` are posts by the account, at least 20; of each imposter there are 20 or more, and one at least."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        known = disjoint_sets(own)[:SETS]
        theirs = _in_turns([disjoint_sets(posts) for posts in imposters])[: len(known)]
        # The same number of both, or the one with more would be nearer by chance.
        documents = ["\n".join(posts) for posts in [*known[: len(theirs)], *theirs]]
        self._own = len(theirs)
        self._counter = TfidfVectorizer(
            analyzer="char", ngram_range=(NGRAM, NGRAM), lowercase=False, sublinear_tf=True, max_features=FEATURES
        )
        self._known = self._counter.fit_transform(documents).toarray()

    def verify(self, posts: Sequence[str]) -> float | None:
        """How often posts count as the account's, 0 to 1, the mean of their sets; None for fewer than 20. Seeded."""
        sets = disjoint_sets(posts)
        if not sets:
            return None
        asked = self._counter.transform(["\n".join(posts) for posts in sets]).toarray()
        rng = np.random.default_rng(SEED)
        return float(np.mean([self._round(asked, rng) for _ in range(ROUNDS)]))

    def _round(self, asked: np.ndarray[Any, Any], rng: np.random.Generator) -> float:
        """The share of sets whose nearest set, by half of the features, is the account's."""
        features = rng.permutation(asked.shape[1])[: asked.shape[1] // 2]
        nearest = _cosines(asked[:, features], self._known[:, features]).argmax(axis=1)
        return float((nearest < self._own).mean())


def choose_imposters(authors: Iterable[str], handle: str) -> list[str]:
    """Some of the other accounts, others for each account; seeded."""
    others = sorted(set(authors) - {handle})
    return random.Random(f"{SEED} {handle}").sample(others, min(SETS, len(others)))


def _in_turns(sets: Sequence[Sequence[list[str]]]) -> list[list[str]]:
    """The first set of each, then the second of each, and so on."""
    longest = max(map(len, sets))
    return [some[place] for place in range(longest) for some in sets if place < len(some)]


def _cosines(some: np.ndarray[Any, Any], others: np.ndarray[Any, Any]) -> Any:
    lengths = np.linalg.norm(some, axis=1)[:, None] * np.linalg.norm(others, axis=1)
    return (some @ others.T) / np.maximum(lengths, np.finfo(float).tiny)
