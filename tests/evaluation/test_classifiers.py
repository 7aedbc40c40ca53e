"""The classifier of authors: as scikit-learn's naive Bayes judges, in a tenth of its memory."""

from __future__ import annotations

import random
import tracemalloc

from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from hugtweets.evaluation.classifiers import SET, AuthorshipClassifier

WORDS = ("harbour", "bicycle", "soup", "clock", "umbrella", "rain", "letter", "ferry", "sings", "keeps", "finds")


def posts_of(author: str, number: int = 30) -> list[str]:
    """Everybody draws from the same words, and from three of them more often than the others do."""
    draw = random.Random(author)
    own = draw.sample(WORDS, 3)
    return [" ".join(draw.choices([*WORDS, *own], k=12)) for _ in range(number)]


def test_it_judges_as_multinomial_naive_bayes_does() -> None:
    authors = {name: posts_of(name) for name in "abcdefgh"}
    counts = HashingVectorizer(
        analyzer="char", ngram_range=(2, 4), n_features=2**16, lowercase=False, norm=None, alternate_sign=False
    )
    reference = make_pipeline(counts, MultinomialNB(alpha=0.1, fit_prior=False))
    reference.fit([post for posts in authors.values() for post in posts], [name for name in authors for _ in range(30)])
    classifier = AuthorshipClassifier(authors.items())
    for name in authors:
        # Nothing to choose from: every set holds the same posts, in another order.
        posts = posts_of(name, 30 + SET)[30:]
        taken_for = reference.predict(["\n".join(posts)])[0]
        assert classifier.attribution_accuracy(posts, taken_for) == 1


def test_an_author_more_takes_less_than_half_a_megabyte() -> None:
    AuthorshipClassifier([("a", posts_of("a")), ("b", posts_of("b"))]).attribution_accuracy(posts_of("a"), "a")
    authors = {f"author{number}": posts_of(str(number), 5) for number in range(40)}
    tracemalloc.start()
    classifier = AuthorshipClassifier(authors.items())
    classifier.attribution_accuracy(posts_of("a"), "author0")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / len(authors) < 0.5e6
