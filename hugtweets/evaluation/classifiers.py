"""Two classifiers that judge generated posts: are they real or generated, and which account wrote them?"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

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
    """

    def __init__(self, training_posts: Iterable[tuple[str, Sequence[str]]]) -> None:
        # Takes a second to import: only where posts are compared.
        import numpy as np
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.naive_bayes import MultinomialNB
        from sklearn.pipeline import make_pipeline

        texts: list[str] = []
        authors: list[str] = []
        for handle, posts in training_posts:
            chosen = posts if len(posts) <= POSTS else random.Random(SEED).sample(posts, POSTS)
            texts += chosen
            authors += [handle] * len(chosen)
        counts = HashingVectorizer(
            analyzer="char",
            ngram_range=(2, 4),
            n_features=2**16,
            lowercase=False,
            norm=None,
            alternate_sign=False,
            dtype=np.float32,
        )
        self._model = make_pipeline(counts, MultinomialNB(alpha=0.1, fit_prior=False)).fit(texts, authors)

    def attribution_accuracy(self, posts: Sequence[str], handle: str) -> float | None:
        """Share of random sets of 20 of these posts that are attributed to the account; None for fewer than 20."""
        if len(posts) < SET:
            return None
        rng = random.Random(SEED)
        sets = ["\n".join(rng.sample(posts, SET)) for _ in range(SETS)]
        return float((self._model.predict(sets) == handle).mean())
