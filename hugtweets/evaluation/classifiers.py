"""Two classifiers that judge generated posts: are they real or generated, and which account wrote them?"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

SEED = 0
# The detector is trained on four fifths of the posts and judges the last one. Fewer posts than two a fold say nothing.
FOLDS = 5
LEAST = 2 * FOLDS
# Posts are short: one by one they say little of who wrote them, twenty together do.
SET = 20
# Sets drawn from the posts at hand; they overlap where there are fewer than SET * SETS posts.
SETS = 100
# What is learned of each account: no more, so that hundreds of accounts take seconds.
POSTS = 200
# N-grams are told apart by that many hashes; one that an account never wrote counts as a tenth of one.
FEATURES = 2**16
SMOOTHING = 0.1
# Accounts whose shares are computed at a time: a few megabytes.
BLOCK = 64


def detector_accuracy(real: Sequence[str], generated: Sequence[str]) -> float | None:
    """Share of posts that a detector judges rightly: 0.5 is indistinguishable, 1 is never mistaken; None for too few.

    The classifier two-sample test (Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests"): a logistic
    regression on n-grams of one to three characters, cross-validated, so that no post is judged by a detector that has
    seen it. Both kinds count equally: of the longer list only the first posts are taken. Seeded.
    """
    number = min(len(real), len(generated))
    if number < LEAST:
        return None
    # Takes a second to import: only where posts are compared.
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline

    texts = [*real[:number], *generated[:number]]
    kinds = [False] * number + [True] * number
    detector = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False, sublinear_tf=True),
        LogisticRegression(C=10, solver="liblinear"),
    )
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    judged = cross_val_predict(detector, texts, kinds, cv=folds)
    return float((judged == kinds).mean())


class AuthorshipClassifier:
    """Knows several accounts by their training posts: a multinomial naive Bayes model over n-grams of characters.

    Character n-grams are the features that authorship attribution relies on (Stamatatos 2009, "A Survey of Modern
    Authorship Attribution Methods", section 3.2). Naive Bayes learns in one pass, and for a set it adds up what its
    posts say.

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
        self._totals = self._counts.sum(axis=1, dtype=np.float64) + SMOOTHING * FEATURES

    def attribution_accuracy(self, posts: Sequence[str], handle: str) -> float | None:
        """Share of random sets of 20 of these posts that are attributed to the account; None for fewer than 20."""
        if len(posts) < SET:
            return None
        rng = random.Random(SEED)
        sets = self._counter.transform(["\n".join(rng.sample(posts, SET)) for _ in range(SETS)])
        likeliest = self._log_likelihoods(sets).argmax(axis=1)
        return float((likeliest == self._authors.index(handle)).mean())

    def _log_likelihoods(self, sets: Any) -> np.ndarray[Any, Any]:
        """Of each set, by each account."""
        present = np.unique(sets.indices)
        occurring = sets[:, present].astype(np.float64)
        shares = []
        for start in range(0, len(self._authors), BLOCK):
            block = slice(start, start + BLOCK)
            smoothed = self._counts[block][:, present].toarray().astype(np.float64) + SMOOTHING
            shares.append(occurring @ (np.log(smoothed) - np.log(self._totals[block, None])).T)
        return np.hstack(shares)
