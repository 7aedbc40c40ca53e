"""People as judges: their answers are kept, counted, and forgotten with the account."""

from __future__ import annotations

from datetime import UTC, datetime

from hugtweets.evaluation.people import Answers, AnyAnswer, GuessAnswer, PreferenceAnswer, what_people_say
from hugtweets.jobs.forgetting import remove_account
from hugtweets.report.artifacts import fingerprint
from hugtweets.storage.home import Home

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def guesses(right: int, wrong: int, handle: str = "alice", model: str = "m1") -> list[AnyAnswer]:
    given = [True] * right + [False] * wrong
    return [GuessAnswer(handle=handle, answered_at=NOW, model=model, choices=4, right=each) for each in given]


def preference(preferred: str, other: str) -> AnyAnswer:
    return PreferenceAnswer(handle="alice", answered_at=NOW, preferred=preferred, other=other)


def test_answers_are_read_back_as_they_were_given_and_hold_no_posts(home: Home) -> None:
    given = [*guesses(1, 1), preference("m2", "m1")]
    for answer in given:
        Answers(home).add(answer)
    assert Answers(home).all() == given
    assert home.answers.read_text().count("\n") == 3
    assert "text" not in home.answers.read_text()


def test_guesses_are_counted_for_their_model_beside_what_chance_would_give() -> None:
    [said] = what_people_say([*guesses(61, 39), *guesses(9, 0, model="m2")], "m1")
    assert said == "people told real from generated in 61 of 100 (25 by mere chance, 95 % interval 51 to 70 %)"


def test_preferences_are_counted_for_each_pair_of_models() -> None:
    answers = [preference("m2", "m1")] * 3 + [preference("m1", "m2"), preference("m2", "m0")]
    newer = what_people_say(answers, "m2")
    assert [line.partition(" (")[0] for line in newer] == [
        "people preferred it to m1 in 3 of 4",
        "people preferred it to m0 in 1 of 1",
    ]
    assert what_people_say(answers, "m1")[0].startswith("people preferred it to m2 in 1 of 4")
    assert what_people_say(answers, "m9") == []


def test_whoever_is_forgotten_takes_the_answers_along(home: Home) -> None:
    for answer in [*guesses(1, 0), *guesses(0, 1, handle="bob")]:
        Answers(home).add(answer)
    remove_account(home, "Alice")
    assert [answer.handle for answer in Answers(home).all()] == ["bob"]


def test_a_page_is_made_again_when_somebody_answered(home: Home) -> None:
    before = fingerprint(home, "alice"), fingerprint(home, "bob")
    Answers(home).add(guesses(1, 0)[0])
    assert fingerprint(home, "alice") != before[0]
    assert fingerprint(home, "bob") == before[1]
