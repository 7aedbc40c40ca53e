"""What people read of a scorecard."""

from __future__ import annotations

from typing import Any

from hugtweets.evaluation.reading import prediction

FIGURES: dict[str, Any] = {
    "on_test_posts": True,
    "held_out_posts": 30,
    "held_out_bytes": 3000,
    "base_bits_per_byte": 2.0,
    "bits_per_byte": 1.5,
    "bits_per_byte_low": 1.4,
    "bits_per_byte_high": 1.6,
    "over_base": -0.5,
}


def test_the_headline_says_by_which_posts_and_how_sure_it_is() -> None:
    assert prediction(FIGURES) == (
        "bits per byte on 30 test posts: base 2.000 → tuned 1.500 (-25 %; lower is better), "
        "95 % interval 1.400 to 1.600"
    )


def test_of_a_few_posts_it_says_that_they_are_too_few() -> None:
    few = FIGURES | {"held_out_posts": 9, "bits_per_byte_low": None, "bits_per_byte_high": None}
    assert prediction(few).endswith("too few posts to say how sure that is (20 are needed)")


def test_scores_from_before_there_were_test_posts_are_shown_as_such() -> None:
    old = {name: value for name, value in FIGURES.items() if name != "on_test_posts"}
    assert "on 30 validation posts: base 2.000 → tuned 1.500" in prediction(old)
    assert "not comparable with scores on those" in prediction(old)
