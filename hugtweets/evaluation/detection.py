"""Real or generated? How often a detector tells an account's own posts from those that a model wrote."""

from __future__ import annotations

from collections.abc import Sequence

FOLDS = 5
SEED = 0
# Fewer posts of each kind than this, and the share says nothing.
LEAST = 2 * FOLDS


def share_told_apart(real: Sequence[str], generated: Sequence[str]) -> float | None:
    """Share of posts that a detector judges rightly: 0.5 is indistinguishable, 1 is never mistaken; None for too few.

    The classifier two-sample test (Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests"): a logistic
    regression on n-grams of one to three characters is trained on four fifths of the posts and judges the last fifth,
    five times, so that no post is judged by a detector that has seen it. Both kinds count equally: of the longer list
    only the first posts are taken. Seeded.
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
