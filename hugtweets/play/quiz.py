"""Guess who: one post was written by the account, the others by its model. Which one is real?"""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pyarrow.parquet as pq

from hugtweets.cleaning.length import x_length
from hugtweets.errors import NothingKept
from hugtweets.evaluation.people import Answers, GuessAnswer
from hugtweets.generation.posts import MOST_CHARACTERS, GeneratedPost
from hugtweets.play.messages import Quiz, Verdict
from hugtweets.play.open_questions import OpenQuestions
from hugtweets.steps.clean import CLEAN, of_split
from hugtweets.steps.finetune import find_model
from hugtweets.storage.home import Home

# Beside the real post.
GENERATED = 3


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

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._open: OpenQuestions[OpenQuestion] = OpenQuestions()

    def ask(self, handle: str, real: RealPost, generated: Sequence[GeneratedPost]) -> Quiz:
        """A question.

        Raises:
            NothingKept: there is no generated post.
        """
        if not generated:
            raise NothingKept(f"the model of {handle} wrote only copies of real posts this time: ask again")
        place = secrets.randbelow(len(generated) + 1)
        texts = [post.text for post in generated]
        texts.insert(place, real.text)
        verdict = Verdict(right=False, real=place, written_at=real.written_at)
        name = self._open.add(OpenQuestion(handle, generated[0].model, len(texts), verdict))
        return Quiz(id=name, handle=handle, texts=texts)

    def answer(self, name: str, choice: int) -> Verdict:
        """Whether a guess is right, which is kept. There is one guess for a question.

        Raises:
            NothingKept: no such question is open.
        """
        question = self._open.take(name)
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
