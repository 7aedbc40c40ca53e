"""The scorecard on constructed cases where the answer is known."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest

from hugtweets.evaluation.attribution import AuthorshipClassifier
from hugtweets.evaluation.bits_per_byte import Nats
from hugtweets.evaluation.copying import WordCorpus, copied_share, copied_share_before
from hugtweets.evaluation.detector import MOST, detect
from hugtweets.evaluation.intervals import ratio_interval, share_interval
from hugtweets.evaluation.prediction import comparison_scores, prediction_scores
from hugtweets.evaluation.writing import distinct_n, equal_amounts, writing_scores

HARBOUR = ["harbour", "gull", "tide", "mooring", "lantern", "fog", "bell", "ferry", "net", "rope", "anchor", "pier"]
KITCHEN = ["soup", "onion", "kettle", "butter", "bread", "oven", "pepper", "spoon", "plate", "garlic", "salt", "stew"]
COMMON = ["the", "and", "is", "was", "so", "very", "never", "always", "again", "today", "quite", "rather"]


def posts(number: int, vocabulary: Sequence[str], seed: int, length: int = 12) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choice(vocabulary) for _ in range(length)) for _ in range(number)]


def test_a_copier_copies_every_post() -> None:
    training = posts(50, HARBOUR + COMMON, 1)
    scores = writing_scores(training[:20], posts(20, HARBOUR + COMMON, 2), [], training)
    assert (scores["copied_share"], scores["longest_copied_words"]) == (1.0, 12)
    assert scores["held_out_copied_share"] == 0.0


def test_eight_words_in_a_row_are_a_copy_and_seven_are_none() -> None:
    corpus = WordCorpus(["one two three four five six seven eight", "nine ten"])
    runs = [
        corpus.longest_copy(text)
        for text in (
            "ONE two three four five six seven eight!",
            "one two three four five six seven",
            "eight nine",
            "twofold one",
        )
    ]
    assert runs == [8, 7, 1, 1]
    assert copied_share(runs) == 1 / 4


def test_copies_that_were_not_kept_are_counted_before() -> None:
    # Of 10 posts asked for 2 were left out; of the other 8 one is a copy by 8 words, and one was generated again.
    assert copied_share_before(1 / 8, kept=8, again=1, left_out=2) == pytest.approx(0.4)


def test_a_detector_of_posts_of_the_same_kind_guesses() -> None:
    found = [detect(posts(40, COMMON, seed), posts(40, COMMON, 100 + seed)) for seed in range(6)]
    assert np.mean([each.accuracy for each in found if each]) == pytest.approx(0.5, abs=0.07)
    assert sum(each.low < 0.5 < each.high for each in found if each) >= 4


def test_a_detector_of_posts_of_another_kind_is_always_right() -> None:
    found = detect(posts(40, HARBOUR, 1), posts(60, KITCHEN, 2))
    assert found
    assert (found.accuracy, found.posts) == (1.0, 40)
    assert found.low < 0.97


def test_a_detector_needs_ten_posts_of_each_kind_and_looks_at_a_hundred() -> None:
    assert detect(posts(9, HARBOUR, 1), posts(60, KITCHEN, 2)) is None
    found = detect(posts(130, HARBOUR, 1), posts(120, KITCHEN, 2))
    assert found and found.posts == MOST


def test_a_detector_is_never_shown_what_the_model_was_trained_on() -> None:
    # The training posts would give themselves away; without them there are too few real ones.
    scores = writing_scores(posts(30, COMMON, 1), posts(4, COMMON, 2), posts(5, COMMON, 3), posts(50, HARBOUR, 4))
    assert scores["told_apart"] is None
    enough = writing_scores(posts(30, COMMON, 1), posts(10, COMMON, 2), posts(20, COMMON, 3), posts(50, HARBOUR, 4))
    assert (enough["told_apart"] or 1) < 0.7
    assert enough["held_out_told_apart"] == 1.0


def test_the_interval_of_a_share_holds_at_the_ends_as_well() -> None:
    low, high = share_interval(61, 100)
    assert (low, high) == pytest.approx((0.512, 0.700), abs=0.001)
    assert share_interval(10, 10).low == pytest.approx(0.72, abs=0.01)


@pytest.fixture(scope="module")
def classifier() -> AuthorshipClassifier:
    """Knows three authors, two of them by words of their own."""
    writes = {"sailor": HARBOUR + COMMON, "cook": KITCHEN + COMMON, "nobody": COMMON}
    return AuthorshipClassifier((handle, posts(60, words, 3)) for handle, words in writes.items())


def share_of(classifier: AuthorshipClassifier, texts: list[str], handle: str) -> float:
    found = classifier.attribute(texts, handle)
    assert found and found.accuracy is not None
    return found.accuracy


def test_sets_of_an_author_are_attributed_to_the_author(classifier: AuthorshipClassifier) -> None:
    assert share_of(classifier, posts(40, HARBOUR + COMMON, 4), "sailor") == 1.0
    assert share_of(classifier, posts(40, KITCHEN + COMMON, 4), "cook") == 1.0
    assert share_of(classifier, posts(40, COMMON, 5), "sailor") == 0.0


def test_authors_whose_posts_were_shuffled_score_the_floor() -> None:
    mixed = posts(1000, HARBOUR + KITCHEN + COMMON, 6)
    shuffled = AuthorshipClassifier((str(number), mixed[number * 100 :][:60]) for number in range(10))
    shares = [share_of(shuffled, mixed[number * 100 + 60 :][:40], str(number)) for number in range(10)]
    assert np.mean(shares) < 0.35


def test_diversity_compares_the_same_number_of_words() -> None:
    one, other = equal_amounts(["a b c d", "e f, g"], ["w x", "y z w x y z"])
    assert (one, other) == (["a b c d", "e f, g"], ["w x", "y z w x y z"])
    one, other = equal_amounts(["a b c d", "e f, g"], ["w x", "y"])
    assert (one, other) == (["a b c"], ["w x", "y"])


def test_a_model_that_repeats_itself_is_less_diverse_than_its_author() -> None:
    scores = writing_scores(["so it goes again"] * 20, posts(20, HARBOUR + COMMON, 2, length=4), [], ["unlike"])
    assert scores["distinct_1"] == 0.05
    assert (scores["held_out_distinct_3"] or 0) > 0.9
    assert distinct_n(["so it goes again"], 1) == 1.0


def test_real_posts_are_as_many_as_generated_ones_and_the_newest() -> None:
    validation = ["a long post of many words"] * 30 + ["short"] * 10
    assert writing_scores(["brief"] * 10, validation, [], ["training"] * 20)["held_out_mean_length"] == 5.0


def test_without_generated_posts_nothing_is_said_of_them() -> None:
    assert writing_scores([], ["real"], [], ["training"]) == {}


def test_the_interval_holds_the_true_value_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(100):
        sizes = rng.integers(20, 280, 60)
        nats = sizes * rng.normal(1.0, 0.3, 60)
        interval = ratio_interval(nats.tolist(), sizes.tolist())
        assert interval is not None
        held += interval.low <= 1.0 <= interval.high
    assert 88 <= held <= 99


def test_an_interval_of_equal_posts_is_a_point_and_a_few_posts_have_none() -> None:
    assert ratio_interval([2.0, 4.0] * 10, [1, 2] * 10) == pytest.approx((2.0, 2.0))
    assert ratio_interval([2.0, 4.1] * 9, [1, 2] * 9) is None


def test_the_paired_interval_is_narrower_than_those_of_its_sides() -> None:
    rng = np.random.default_rng(8)
    sizes = rng.integers(20, 280, 80).tolist()
    base = (np.array(sizes) * rng.normal(1.5, 0.5, 80)).tolist()
    tuned = [value - 0.1 * size for value, size in zip(base, sizes, strict=True)]
    scores = prediction_scores(nats(base), nats(tuned), sizes)
    assert scores["over_base"] == pytest.approx(-0.1 / math.log(2), abs=1e-4)
    assert scores["over_base_low"] == pytest.approx(scores["over_base_high"], abs=1e-4)
    assert (scores["bits_per_byte_high"] or 0) - (scores["bits_per_byte_low"] or 0) > 0.1


def test_a_previous_model_that_is_the_same_makes_no_difference() -> None:
    scores = comparison_scores("previous", nats([3.0, 4.0]), nats([3.0, 4.0]), [2, 2])
    assert (scores["over_previous"], scores["previous_held_out_posts"]) == (0.0, 2)
    assert comparison_scores("previous", nats([]), nats([]), []) == {"previous_held_out_posts": 0}


def nats(posts: Sequence[float], end: float = 1.0) -> Nats:
    """Posts whose ends are all equally hard to predict."""
    return Nats(list(posts), [end] * len(posts))


def test_the_end_of_a_post_is_counted_and_told_apart() -> None:
    scores = prediction_scores(nats([4.0, 4.0], 2.0), nats([3.0, 3.0], 1.0), [2, 2])
    assert scores["base_bits_per_byte"] == pytest.approx(2 / math.log(2), abs=1e-4)
    assert scores["base_bits_per_byte_without_end"] == pytest.approx(1 / math.log(2), abs=1e-4)
    assert scores["bits_per_byte_without_end"] == pytest.approx(1 / math.log(2), abs=1e-4)
