"""The classifier of authors: as scikit-learn's naive Bayes judges, in a tenth of its memory."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline

from hugtweets.evaluation.attribution import SET, AuthorshipClassifier, disjoint_sets
from tests.fixtures.invented import SUBJECTS, write_like

WORDS = ("harbour", "bicycle", "soup", "clock", "umbrella", "rain", "letter", "ferry", "sings", "keeps", "finds")


def posts_of(author: str, number: int = 30) -> list[str]:
    """Everybody draws from the same words, and from three of them more often than the others do."""
    draw = random.Random(author)
    own = draw.sample(WORDS, 3)
    return [" ".join(draw.choices([*WORDS, *own], k=12)) for _ in range(number)]


@pytest.mark.parametrize("pair", ["ab", "cd", "ef", "gh"])
def test_it_judges_as_multinomial_naive_bayes_does(pair: str) -> None:
    """Of two accounts: from three on there is somebody else to choose, whom naive Bayes does not know."""
    authors = {name: posts_of(name) for name in pair}
    counts = HashingVectorizer(
        analyzer="char", ngram_range=(2, 4), n_features=2**16, lowercase=False, norm=None, alternate_sign=False
    )
    reference = make_pipeline(counts, MultinomialNB(alpha=0.1, fit_prior=False))
    reference.fit([post for posts in authors.values() for post in posts], [name for name in authors for _ in range(30)])
    classifier = AuthorshipClassifier(authors.items())
    for name in authors:
        # Nothing to choose from: every set holds the same posts, in another order.
        posts = posts_of(name, 30 + SET)[30:]
        found = classifier.attribute(posts, reference.predict(["\n".join(posts)])[0])
        assert found
        assert (found.accuracy, found.sets) == (1, 1)


def test_no_post_is_in_two_sets_and_what_is_left_over_in_none() -> None:
    posts = [str(number) for number in range(3 * SET - 1)]
    sets = disjoint_sets(posts)
    assert [len(each) for each in sets] == [SET, SET]
    assert len({post for each in sets for post in each}) == 2 * SET


def test_posts_speak_for_their_author_and_against_all_others_with_an_interval() -> None:
    classifier = AuthorshipClassifier((person, write_like(person, 60)) for person in SUBJECTS)
    own, foreign = (classifier.attribute(write_like(person, 40, seed=1), "cook") for person in ("cook", "keeper"))
    assert own and own.interval and foreign and foreign.interval
    assert own.interval.low > 0 > foreign.interval.high
    assert own.interval.low < own.log_odds < own.interval.high


def test_what_is_written_like_nobody_in_particular_is_taken_for_everybody_elses() -> None:
    """A set must go to one of the accounts unless somebody else can be chosen."""
    classifier = AuthorshipClassifier((name, posts_of(name)) for name in "abcdefgh")
    draw = random.Random(1)
    generic = [" ".join(draw.choices(WORDS, k=12)) for _ in range(5 * SET)]
    shares = [found.accuracy for name in "abcdefgh" if (found := classifier.attribute(generic, name))]
    assert sum(share or 0 for share in shares) < 0.5


def test_few_posts_have_odds_and_no_sets_and_none_have_nothing() -> None:
    classifier = AuthorshipClassifier((name, posts_of(name)) for name in "ab")
    found = classifier.attribute(posts_of("a", SET - 1), "a")
    assert found
    assert (found.accuracy, found.interval) == (None, None)
    assert found.log_odds > 0
    assert classifier.attribute([], "a") is None


def test_an_author_more_takes_less_than_half_a_megabyte() -> None:
    AuthorshipClassifier([("a", posts_of("a")), ("b", posts_of("b"))]).attribute(posts_of("a"), "a")
    authors = {f"author{number}": posts_of(str(number), 5) for number in range(40)}
    tracemalloc.start()
    classifier = AuthorshipClassifier(authors.items())
    classifier.attribute(posts_of("a"), "author0")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / len(authors) < 0.5e6
