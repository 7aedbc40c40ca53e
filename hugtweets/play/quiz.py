"""Guess who: one post was written by the account, the others by its model. Which one is real?"""

from __future__ import annotations

import random
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow.parquet as pq

from hugtweets.cleaning.length import x_length
from hugtweets.errors import NothingKept
from hugtweets.evaluation.people import Answers, GuessAnswer
from hugtweets.generation.posts import MOST_CHARACTERS, GeneratedPost
from hugtweets.play.messages import Quiz, Verdict
from hugtweets.steps.clean import CLEAN, of_split
from hugtweets.steps.finetune import find_model
from hugtweets.storage.home import Home

# Beside the real post.
GENERATED = 3
MOST_OPEN = 1_000


class RealPost(NamedTuple):
    """A post that the account wrote, cleaned as the model has seen its posts."""

    text: str
    written_at: datetime


def real_post(home: Home, handle: str) -> RealPost:
    """A post that the current model was not trained on, and that fits on X like the generated ones.

    Raises:
        NothingKept: there is no such post, or no model.
    """
    _, clean = find_model(home, handle)
    table = pq.read_table(clean.file(CLEAN), columns=["text", "created_at", "split"])
    unseen = of_split(table, "validation", "test").to_pylist()
    fitting = [row for row in unseen if x_length(row["text"]) <= MOST_CHARACTERS]
    if not fitting:
        raise NothingKept(f"no held-out post of {handle} could be guessed: choose another account")
    chosen = random.choice(fitting)
    return RealPost(chosen["text"], chosen["created_at"])


class OpenQuestion(NamedTuple):
    """What is known of a question that nobody has answered yet."""

    handle: str
    model: str
    choices: int
    verdict: Verdict


class Quizzes:
    """Questions that were asked and not yet answered; the answers are kept."""

    def __init__(self, answers: Answers, most: int = MOST_OPEN) -> None:
        self._answers = answers
        self._most = most
        self._open: OrderedDict[str, OpenQuestion] = OrderedDict()

    def ask(self, handle: str, real: RealPost, generated: Sequence[GeneratedPost]) -> Quiz:
        """A question; the oldest one without an answer is dropped if there are too many.

        Raises:
            NothingKept: there is no generated post.
        """
        if not generated:
            raise NothingKept(f"the model of {handle} wrote only copies of real posts this time: ask again")
        place = secrets.randbelow(len(generated) + 1)
        texts = [post.text for post in generated]
        texts.insert(place, real.text)
        quiz = Quiz(id=secrets.token_urlsafe(12), handle=handle, texts=texts)
        verdict = Verdict(right=False, real=place, written_at=real.written_at)
        self._open[quiz.id] = OpenQuestion(handle, generated[0].model, len(texts), verdict)
        while len(self._open) > self._most:
            self._open.popitem(last=False)
        return quiz

    def answer(self, name: str, choice: int) -> Verdict:
        """Whether a guess is right, which is kept. There is one guess for a question.

        Raises:
            NothingKept: no such question is open.
        """
        if name not in self._open:
            raise NothingKept("this question was answered before, or is too old: ask for another one")
        question = self._open.pop(name)
        verdict = question.verdict.model_copy(update={"right": choice == question.verdict.real})
        self._answers.add(
            GuessAnswer(
                handle=question.handle,
                answered_at=datetime.now(UTC),
                model=question.model,
                choices=question.choices,
                right=verdict.right,
            )
        )
        return verdict
