"""Guess who: one post was written by the account, the others by its model. Which one is real?"""

from __future__ import annotations

import random
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import pyarrow.parquet as pq

from hugtweets.cleaning.length import x_length
from hugtweets.errors import NothingKept
from hugtweets.generation.posts import MOST_CHARACTERS
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


class Quizzes:
    """Questions that were asked and not yet answered."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        self._most = most
        self._open: OrderedDict[str, Verdict] = OrderedDict()

    def ask(self, handle: str, real: RealPost, generated: Sequence[str]) -> Quiz:
        """A question; the oldest one without an answer is dropped if there are too many."""
        place = secrets.randbelow(len(generated) + 1)
        texts = [*generated[:place], real.text, *generated[place:]]
        quiz = Quiz(id=secrets.token_urlsafe(12), handle=handle, texts=texts)
        self._open[quiz.id] = Verdict(right=False, real=place, written_at=real.written_at)
        while len(self._open) > self._most:
            self._open.popitem(last=False)
        return quiz

    def answer(self, name: str, choice: int) -> Verdict:
        """Whether a guess is right. There is one guess for a question.

        Raises:
            NothingKept: no such question is open.
        """
        if name not in self._open:
            raise NothingKept("this question was answered before, or is too old: ask for another one")
        verdict = self._open.pop(name)
        return verdict.model_copy(update={"right": choice == verdict.real})
