"""What a model must show to become current."""

from __future__ import annotations

from typing import Any

import pytest

from hugtweets.evaluation.scorecard import Scorecard
from hugtweets.evaluation.verdict import verdict
from tests.fixtures.scores import card


def unsure(name: str, posts: int = 9) -> dict[str, Any]:
    """Too few posts for an interval."""
    return {f"over_{name}_low": None, f"over_{name}_high": None, f"{name}_held_out_posts": posts}


FEW = unsure("base") | {"held_out_posts": 9}


@pytest.mark.parametrize(
    ("scores", "promoted", "says"),
    [
        (card(1.5), True, "promoted: it beats its base, 2.000 → 1.500 bits per byte"),
        (card(2.0), False, "not promoted: it does not beat its base, 2.000 → 2.000 bits per byte"),
        (card(2.1, previous=2.2), False, "not promoted: it does not beat its base"),
        (card(1.9, margin=0.2), False, "it may be no better than its base, 2.000 → 1.900 bits per byte"),
        (card(1.4, previous=1.5), True, "promoted: 1.500 → 1.400 ± 0.010 bits per byte is not worse than the previous"),
        (card(1.505, previous=1.5), True, "is not worse than the previous"),
        (card(1.53, previous=1.5), False, "kept the previous: 1.500 → 1.530 ± 0.010 bits per byte is clearly worse"),
        (card(1.51, previous=1.5, margin=0.1), False, "may be worse than the previous by more than 2 %"),
        (card(1.45, previous=1.5, margin=0.1), True, "is not worse than the previous"),
    ],
)
def test_a_model_must_beat_its_base_for_sure_and_not_be_worse_than_the_previous(
    scores: Scorecard, promoted: bool, says: str
) -> None:
    decided, reason = verdict(scores)
    assert decided is promoted
    assert says in reason


def test_of_too_few_shared_posts_nobody_can_tell_and_the_previous_stays() -> None:
    kept = verdict(card(1.3, previous=1.5, **unsure("previous")))
    too_few = "9 test posts that neither it nor the previous has learned are too few to tell, 20 are needed"
    assert kept == (False, f"kept the previous: {too_few}")


def test_where_there_is_no_model_yet_a_few_posts_suffice_and_the_doubt_is_told() -> None:
    beaten = "promoted: it beats its base, 2.000 → 1.500 bits per byte"
    assert verdict(card(1.5, **FEW)) == (True, f"{beaten}, though 9 test posts are too few to tell, 20 are needed")
    assert not verdict(card(2.1, **FEW)).promoted


def test_a_slow_way_downhill_ends_where_the_best_of_the_last_models_is_clearly_better() -> None:
    nights = [verdict(card(1.5 + 0.004 * night, previous=1.496 + 0.004 * night, best=1.5)) for night in range(1, 6)]
    assert [night.promoted for night in nights] == [True, True, False, False, False]
    assert "clearly worse than the best of the last 10" in nights[-1].reason
