"""Whose is it? Which of several accounts a classifier takes for the author of a set of posts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

# Posts are short: one by one they say little of who wrote them, twenty together do.
SET = 20
# Sets drawn from the posts at hand; they overlap where there are fewer than SET * SETS posts.
SETS = 100
# What is learned of each account: no more, so that hundreds of accounts take seconds.
POSTS = 200
SEED = 0


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

        chosen = {handle: _choose(posts, POSTS) for handle, posts in training_posts}
        counts = HashingVectorizer(
            analyzer="char",
            ngram_range=(2, 4),
            n_features=2**16,
            lowercase=False,
            norm=None,
            alternate_sign=False,
            dtype=np.float32,
        )
        self._model = make_pipeline(counts, MultinomialNB(alpha=0.1, fit_prior=False))
        authors = [handle for handle, posts in chosen.items() for _ in posts]
        self._model.fit([post for posts in chosen.values() for post in posts], authors)

    def share_attributed(self, posts: Sequence[str], handle: str) -> float | None:
        """Share of random sets of 20 of these posts that are taken for the account's; None for fewer than 20 posts."""
        if len(posts) < SET:
            return None
        rng = random.Random(SEED)
        sets = ["\n".join(rng.sample(posts, SET)) for _ in range(SETS)]
        return float((self._model.predict(sets) == handle).mean())


def _choose(posts: Sequence[str], number: int) -> Sequence[str]:
    return posts if len(posts) <= number else random.Random(SEED).sample(posts, number)
