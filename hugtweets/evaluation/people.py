"""People as judges: what they took for real, and which of two models they preferred, ``answers.jsonl`` of the home.

Answers hold no posts, only whose and what was asked. They are only ever added; those about an account go with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from hugtweets.evaluation.intervals import Interval, share_interval
from hugtweets.storage.home import Home
from hugtweets.storage.json_lines import JsonLines


class Answer(BaseModel):
    """What somebody answered about the posts of an account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    handle: str
    answered_at: datetime


class GuessAnswer(Answer):
    """Which of some posts is the real one."""

    kind: Literal["guess"] = "guess"
    model: str = Field(description="digest of the model that wrote the others")
    choices: int = Field(description="how many posts there were to choose from")
    right: bool


class PreferenceAnswer(Answer):
    """Which of two models writes more like the account; nobody was told which wrote what."""

    kind: Literal["preference"] = "preference"
    preferred: str = Field(description="digest of the model whose post was chosen")
    other: str = Field(description="digest of the other model")


AnyAnswer = GuessAnswer | PreferenceAnswer
ANSWER: TypeAdapter[AnyAnswer] = TypeAdapter(Annotated[AnyAnswer, Field(discriminator="kind")])


class Tally(NamedTuple):
    """So many answers of so many, and how many there would be by chance."""

    number: int
    of: int
    by_chance: float

    @property
    def interval(self) -> Interval:
        """Of the share, 95 %."""
        return share_interval(self.number, self.of)


class Answers:
    """All answers of a home, oldest first."""

    def __init__(self, home: Home) -> None:
        self._file: JsonLines[AnyAnswer] = JsonLines(home.answers, home.locks / "answers.lock", ANSWER)

    def all(self) -> list[AnyAnswer]:
        """Every one of them."""
        return self._file.all()

    def of(self, names: Collection[str]) -> list[AnyAnswer]:
        """Those about some accounts and mixes; X handles ignore case."""
        wanted = {name.casefold() for name in names}
        return [answer for answer in self.all() if answer.handle.casefold() in wanted]

    def add(self, answer: AnyAnswer) -> None:
        """Keep an answer."""
        self._file.change(lambda answers: [*answers, answer])

    def forget(self, names: Collection[str]) -> None:
        """Remove those about some accounts and mixes."""
        self._file.remove(self.of(names))


def told_real(answers: Iterable[AnyAnswer], model: str) -> Tally | None:
    """How often people told the real post from those of a model; None if nobody was asked."""
    guesses = [answer for answer in answers if isinstance(answer, GuessAnswer) and answer.model == model]
    if not guesses:
        return None
    return Tally(sum(guess.right for guess in guesses), len(guesses), sum(1 / guess.choices for guess in guesses))


def preferred(answers: Iterable[AnyAnswer], model: str) -> dict[str, Tally]:
    """How often people preferred a model, by the other one that they compared it with."""
    asked: dict[str, list[bool]] = {}
    for answer in answers:
        if isinstance(answer, PreferenceAnswer) and model in (answer.preferred, answer.other):
            is_preferred = answer.preferred == model
            asked.setdefault(answer.other if is_preferred else answer.preferred, []).append(is_preferred)
    return {other: Tally(sum(answered), len(answered), len(answered) / 2) for other, answered in asked.items()}


def what_people_say(answers: Iterable[AnyAnswer], model: str) -> list[str]:
    """Everything that people answered about a model, in sentences."""
    given = list(answers)
    told = told_real(given, model)
    said = [f"people told real from generated in {_describe(told)}"] if told else []
    compared = preferred(given, model)
    return said + [f"people preferred it to {other} in {_describe(tally)}" for other, tally in compared.items()]


def _describe(tally: Tally) -> str:
    low, high = tally.interval
    sure = f"95 % interval {100 * low:.0f} to {100 * high:.0f} %"
    return f"{tally.number} of {tally.of} ({tally.by_chance:.0f} by mere chance, {sure})"
