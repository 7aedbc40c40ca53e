"""Verification: posts beside those of an account and of imposters."""

from __future__ import annotations

import random

from hugtweets.evaluation.verification import Verifier, choose_imposters
from tests.fixtures.invented import write_like


def test_posts_of_the_account_are_nearer_to_it_than_to_any_imposter() -> None:
    verifier = Verifier(write_like("keeper", 80), [write_like(name, 40) for name in ("cook", "cyclist")])
    own, foreign, third = (verifier.verify(write_like(name, 60, seed=1)) for name in ("keeper", "cook", "gardener"))
    assert own is not None and foreign is not None and third is not None
    assert own > 0.95
    assert foreign < 0.05
    assert third < 0.8


def test_fewer_posts_than_a_set_are_not_verified() -> None:
    verifier = Verifier(write_like("keeper", 80), [write_like("cook", 40)])
    assert verifier.verify(write_like("keeper", 19)) is None


def test_imposters_are_chosen_among_the_others_the_same_ones_each_time() -> None:
    handles = [f"account{number}" for number in range(30)]
    chosen = choose_imposters(random.Random(0).sample(handles, 30), "account3")
    assert chosen == choose_imposters(handles, "account3")
    assert "account3" not in chosen
    assert len(set(chosen)) == 10
