"""Attribution: which of several accounts wrote these posts, or is it somebody else?"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hugtweets.evaluation.intervals import Interval, ratio_interval

SEED = 0
# Posts are short: one by one they say little of who wrote them, twenty together do.
SET = 20
# What is learned of each account: no more, so that hundreds of accounts take seconds.
POSTS = 200
# N-grams are told apart by that many hashes; one that an account never wrote counts as a tenth of one.
FEATURES = 2**16
SMOOTHING = 0.1
# Accounts whose shares are computed at a time: a few megabytes.
BLOCK = 64


class Attribution(NamedTuple):
    """For whose some posts are taken.

    ``accuracy`` is the share of ``sets`` of 20 posts, no post in two of them, that are attributed to the account; None
    if there is no set. ``log_odds`` says how many bits a post speaks for the account rather than for everybody else:
    positive for, negative against; ``interval`` is that of 95 % over posts, None for too few.
    """

    accuracy: float | None
    sets: int
    log_odds: float
    interval: Interval | None


class AuthorshipClassifier:
    """Knows several accounts by their training posts: a multinomial naive Bayes model over n-grams of characters.

    Character n-grams are the features that authorship attribution relies on (Stamatatos 2009, "A Survey of Modern
    Authorship Attribution Methods", section 3.2). Naive Bayes learns in one pass, and for a set it adds up what its
    posts say.

    From three accounts on, one more author can be chosen: everybody else, the posts of all other accounts together.
    What is written like nobody in particular is taken for theirs, and not for the account's that comes nearest.

    Only what an account has written is kept, a tenth of a megabyte for each. The model of scikit-learn fills several
    tables of accounts and all n-grams, and one of posts and accounts: gigabytes for a thousand accounts.
    """

    def __init__(self, training_posts: Iterable[tuple[str, Sequence[str]]]) -> None:
        # Takes a second to import: only where posts are compared.
        from scipy.sparse import csr_array, vstack
        from sklearn.feature_extraction.text import HashingVectorizer

        self._counter = HashingVectorizer(
            analyzer="char",
            ngram_range=(2, 4),
            n_features=FEATURES,
            lowercase=False,
            norm=None,
            alternate_sign=False,
            dtype=np.float32,
        )
        self._authors: list[str] = []
        counts: list[Any] = []
        for handle, posts in training_posts:
            chosen = posts if len(posts) <= POSTS else random.Random(SEED).sample(posts, POSTS)
            self._authors.append(handle)
            counts.append(csr_array(self._counter.transform(chosen).sum(axis=0).reshape(1, -1)))
        self._counts = vstack(counts, format="csr")
        self._totals = self._counts.sum(axis=1, dtype=np.float64)

    def attribute(self, posts: Sequence[str], handle: str) -> Attribution | None:
        """For whose these posts are taken, which no author was learned by; None if there is none."""
        if not posts:
            return None
        place, others = self._authors.index(handle), self._others(handle)
        counts = self._counter.transform(posts)
        own = self._of_authors(counts, slice(place, place + 1))[:, 0]
        bits = ((own - _log_likelihoods(counts, others[None])[:, 0]) / math.log(2)).tolist()
        sets = disjoint_sets(posts)
        accuracy = self._accuracy(sets, place, others) if sets else None
        return Attribution(accuracy, len(sets), float(np.mean(bits)), ratio_interval(bits, [1] * len(bits)))

    def _accuracy(self, sets: Sequence[Sequence[str]], place: int, others: np.ndarray[Any, Any]) -> float:
        counts = self._counter.transform(["\n".join(posts) for posts in sets])
        blocks = [slice(start, start + BLOCK) for start in range(0, len(self._authors), BLOCK)]
        found = [self._of_authors(counts, block) for block in blocks]
        if len(self._authors) > 2:
            found.append(_log_likelihoods(counts, others[None]))
        return float((np.hstack(found).argmax(axis=1) == place).mean())

    def _of_authors(self, counts: Any, authors: slice) -> np.ndarray[Any, Any]:
        return _log_likelihoods(counts, self._counts[authors].toarray())

    def _others(self, handle: str) -> np.ndarray[Any, Any]:
        """The counts of everybody else, as many in all as the account's own: neither is known better than the other."""
        place = self._authors.index(handle)
        others = self._counts.sum(axis=0, dtype=np.float64) - self._counts[[place]].toarray()[0]
        return np.asarray(others * (self._totals[place] / others.sum()))


def disjoint_sets(posts: Sequence[str]) -> list[list[str]]:
    """Sets of 20 posts, chosen at random, seeded; what is left over is in none."""
    mixed = random.Random(SEED).sample(posts, len(posts))
    return [mixed[start : start + SET] for start in range(0, len(mixed) - SET + 1, SET)]


def _log_likelihoods(counts: Any, authors: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Of each row of n-grams, by each author."""
    present = np.unique(counts.indices)
    totals = authors.sum(axis=1, dtype=np.float64) + SMOOTHING * FEATURES
    smoothed = authors[:, present].astype(np.float64) + SMOOTHING
    found = counts[:, present].astype(np.float64) @ (np.log(smoothed) - np.log(totals[:, None])).T
    return np.asarray(found)
