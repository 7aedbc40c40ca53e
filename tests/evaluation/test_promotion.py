"""Which model is current: judged by a run, chosen by hand, restored, forgotten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hugtweets.errors import NothingKept
from hugtweets.evaluation.promotion import (
    best_of_last,
    current_model,
    judge,
    note_trial,
    previous_of,
    promote,
    read_promotions,
)
from hugtweets.steps.finetune import find_model
from hugtweets.storage.artifacts import Plan, Reference, create
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from tests.fixtures.scores import card


def model(home: Home, name: str) -> Reference:
    """A model of alice; only its digest matters here."""
    return create(home, Plan("finetune", 1, "alice", extra={"base_model": name}), lambda folder: {})


def test_the_first_good_model_is_current_and_a_worse_one_changes_nothing(home: Home) -> None:
    first, worse = model(home, "first"), model(home, "worse")
    judge(home, first, None, card(1.5), "run-1")
    standing = judge(home, worse, first, card(1.6, previous=1.5), "run-2")
    assert (standing.promoted, standing.current) == (False, first.digest)
    assert current_model(home, "alice") == first
    assert [decision.by for decision in read_promotions(home, "alice").decisions] == ["run-1", "run-2"]


def scored(home: Home, made: Reference, tuned: float, base: float = 2.0) -> None:
    """The scores of a model, of which only the figures in the manifest matter here."""
    figures = {"on_test_posts": True, "base_bits_per_byte": base, "bits_per_byte": tuned}
    create(home, Plan("evaluate", 3, "alice", (made,)), lambda folder: figures)


def test_a_model_is_compared_with_the_best_of_the_last_ones_too(home: Home) -> None:
    models = [model(home, f"night {number}") for number in range(4)]
    # A little worse every night, on posts that are harder to predict every night.
    for made, (tuned, base) in zip(models, [(1.5, 2.0), (1.6, 2.2), (1.7, 2.3), (1.8, 2.4)], strict=True):
        scored(home, made, tuned, base)
        judge(home, made, None, card(tuned, base), "night")
    assert best_of_last(home, model(home, "tonight")) == models[1]


def test_the_best_of_the_last_ones_is_not_compared_twice_nor_by_scores_of_validation_posts(home: Home) -> None:
    first, second = model(home, "first"), model(home, "second")
    judge(home, first, None, card(1.4), "night")
    scored(home, second, 1.5)
    judge(home, second, None, card(1.5), "night")
    assert best_of_last(home, model(home, "tonight")) is None


def test_what_was_the_best_when_a_model_was_judged_stays_what_it_was_compared_with(home: Home) -> None:
    best, previous, new = (model(home, name) for name in ("best", "previous", "new"))
    for made, tuned in ((best, 1.4), (previous, 1.5)):
        scored(home, made, tuned)
        judge(home, made, None, card(tuned), "night")
    standing = judge(home, new, previous, card(1.505, previous=1.5, best=1.4), "night", best=best_of_last(home, new))
    assert (standing.current, standing.reason) == (
        previous.digest,
        "kept the previous: 1.400 → 1.505 ± 0.010 bits per byte is clearly worse than the best of the last 10",
    )
    scored(home, new, 1.0)
    assert best_of_last(home, new) == best


def test_a_model_is_judged_once(home: Home) -> None:
    first = model(home, "first")
    before = judge(home, first, None, card(1.5), "run-1")
    assert judge(home, first, None, card(2.5), "run-2") == before
    assert len(read_promotions(home, "alice").decisions) == 1


def test_what_a_model_is_compared_with_stays_the_same_once_it_is_judged(home: Home) -> None:
    first, second = model(home, "first"), model(home, "second")
    judge(home, first, None, card(1.5), "run-1")
    assert previous_of(home, second) == first
    judge(home, second, first, card(1.4, previous=1.5), "run-2")
    assert current_model(home, "alice") == second
    assert previous_of(home, second) == first
    assert previous_of(home, first) is None


def test_a_choice_by_hand_outlasts_the_next_run_of_the_same_model(home: Home) -> None:
    first, second, third = (model(home, name) for name in ("first", "second", "third"))
    judge(home, first, None, card(1.5), "run-1")
    judge(home, second, first, card(1.4, previous=1.5), "run-2")
    promote(home, "alice", first.digest)
    standing = judge(home, second, first, card(1.4, previous=1.5), "run-3")
    assert (standing.promoted, standing.current) == (False, first.digest)
    assert "chosen by hand" in standing.reason
    # Something new is compared with what was chosen, and judged as ever.
    assert previous_of(home, third) == first
    assert judge(home, third, first, card(1.3, previous=1.5), "run-4").promoted


def test_a_trial_is_never_current_by_itself_and_is_judged_like_any_model(home: Home) -> None:
    plan = Plan("finetune", 1, "alice", extra={"base_model": "tried"})
    first = model(home, "first")
    note_trial(home, plan.reference(home), "sweep-1")
    tried = model(home, "tried")
    assert current_model(home, "alice") == first
    assert previous_of(home, tried) is None
    judge(home, first, None, card(1.5), "run-1")
    assert judge(home, tried, first, card(1.4, previous=1.5), "run-2").promoted
    assert current_model(home, "alice") == tried


def test_a_model_that_is_there_does_not_become_a_trial(home: Home) -> None:
    first = model(home, "first")
    note_trial(home, first, "sweep-1")
    assert (current_model(home, "alice"), read_promotions(home, "alice").trials) == (first, set())


def test_the_beginning_of_a_digest_names_a_model(home: Home) -> None:
    first, second = model(home, "first"), model(home, "second")
    assert promote(home, "alice", first.digest[:8]).model == first.digest
    assert promote(home, "alice", second.digest).previous == first.digest
    with pytest.raises(NothingKept, match="2 models of alice"):
        promote(home, "alice", "")
    with pytest.raises(NothingKept, match=f"no model of alice .* {second.digest}"):
        promote(home, "alice", "xyz")


def test_without_a_judgement_the_newest_model_is_current(home: Home) -> None:
    assert current_model(home, "alice") is None
    model(home, "first")
    second = model(home, "second")
    assert current_model(home, "alice") == second


def test_a_model_worse_than_its_base_is_used_only_by_hand(home: Home) -> None:
    bad = model(home, "bad")
    judge(home, bad, None, card(2.5), "run-1")
    with pytest.raises(NothingKept, match="hugtweets promote alice DIGEST"):
        find_model(home, "alice")
    promote(home, "alice", bad.digest)
    assert current_model(home, "alice") == bad


def test_when_the_current_model_is_gone_the_one_before_is_current_again(home: Home, tmp_path: Path) -> None:
    first, second = model(home, "first"), model(home, "second")
    judge(home, first, None, card(1.5), "run-1")
    judge(home, second, first, card(1.4, previous=1.5), "run-2")
    second.folder.rename(tmp_path / "second")
    assert current_model(home, "alice") == first
    first.folder.rename(tmp_path / "first")
    assert current_model(home, "alice") is None


def test_a_kept_previous_that_is_gone_makes_way(home: Home, tmp_path: Path) -> None:
    first, worse = model(home, "first"), model(home, "worse")
    judge(home, first, None, card(1.5), "run-1")
    judge(home, worse, first, card(1.6, previous=1.5), "run-2")
    first.folder.rename(tmp_path / "first")
    assert previous_of(home, worse) is None
    standing = judge(home, worse, None, card(1.6), "run-3")
    assert (standing.promoted, standing.current) == (True, worse.digest)


def test_a_previous_model_that_went_with_a_deleted_post_is_not_kept(home: Home, tmp_path: Path) -> None:
    first, worse = model(home, "first"), model(home, "worse")
    judge(home, first, None, card(1.5), "run-1")
    first.folder.rename(tmp_path / "first")
    standing = judge(home, worse, first, card(1.6, previous=1.5), "run-2")
    assert (standing.promoted, standing.reason) == (True, "promoted: it beats its base, 2.000 → 1.600 bits per byte")


def test_the_file_says_who_decided_what_and_why(home: Home) -> None:
    first = model(home, "first")
    judge(home, first, None, card(1.5), "refresh-1")
    kept = json.loads(home.promotions("alice").read_text(encoding="utf-8"))["decisions"][0]
    assert (kept["model"], kept["by"], kept["previous"]) == (first.digest, "refresh-1", None)
    assert kept["reason"].startswith("promoted")
    assert kept["at"].endswith("Z")


def test_machines_that_share_a_store_agree_on_the_current_model(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    here, there = Home(tmp_path / "here", store), Home(tmp_path / "there", store)
    first = model(here, "first")
    judge(here, first, None, card(1.5), "run-1")
    second = model(there, "second")
    found = previous_of(there, second)
    assert found is not None
    assert found.digest == first.digest
    judge(there, second, found, card(1.4, previous=1.5), "run-2")
    current = current_model(here, "alice")
    assert current is not None
    assert current.digest == second.digest
    assert [decision.by for decision in read_promotions(here, "alice").decisions] == ["run-1", "run-2"]
