"""A detector that judges post by post: did the account write it, or its model?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hugtweets.evaluation.intervals import share_interval

SEED = 0
# The detector is trained on four fifths of the posts and judges the last one. Fewer posts than two a fold say nothing.
FOLDS = 5
LEAST = 2 * FOLDS
# Of each kind. More would make every detector better, so that figures of different numbers could not be compared.
MOST = 100


class Detection(NamedTuple):
    """Share of posts that a detector judged rightly, its 95 % interval, and how many posts there were of each kind.

    0.5 is indistinguishable, 1 is never mistaken.
    """

    accuracy: float
    low: float
    high: float
    posts: int

    @classmethod
    def of(cls, right: int, posts: int) -> Detection:
        """So many of the posts of both kinds were judged rightly."""
        interval = share_interval(right, 2 * posts)
        return cls(right / (2 * posts), interval.low, interval.high, posts)


def detect(real: Sequence[str], generated: Sequence[str]) -> Detection | None:
    """How well a detector tells two kinds of posts from each other; None for fewer than :data:`LEAST` of a kind.

    The classifier two-sample test (Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests"): a logistic
    regression on n-grams of one to three characters, cross-validated, so that no post is judged by a detector that has
    seen it. Both kinds count equally: of the longer list only the first posts are taken, of both at most
    :data:`MOST`. Seeded.
    """
    number = min(len(real), len(generated), MOST)
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
    return Detection.of(int((judged == kinds).sum()), number)
