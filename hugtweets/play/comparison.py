"""A blind comparison: two models of an account write a post each. Which one writes more like the account?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from hugtweets.errors import NothingKept
from hugtweets.evaluation.people import Answers, PreferenceAnswer
from hugtweets.evaluation.promotion import current_model, previous_of
from hugtweets.generation.posts import GeneratedPost
from hugtweets.play.messages import Comparison, Revealed
from hugtweets.play.open_questions import OpenQuestions
from hugtweets.play.registry import Batch
from hugtweets.steps.authors import Author
from hugtweets.steps.finetune import base_model_of
from hugtweets.storage.artifacts import Reference, learned_posts, obtain, references
from hugtweets.storage.home import Home


def plan_comparison(home: Home, account: str, models: Sequence[str] | None) -> list[Batch]:
    """Two models of an account, each in a batch of its own: the current one and the one before it, or those named.

    Raises:
        NothingKept: there are not both of them, or what one was made from is gone.
        BaseModelError: a base model cannot be found any more, or is another one now.
    """
    handle = home.spelling(account)
    pair = [_named(home, handle, digest) for digest in models] if models else _newest_two(home, handle)
    return [_batch(home, model) for model in pair]


class Comparisons:
    """Comparisons that were asked for and not yet decided; the decisions are kept."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._open: OpenQuestions[tuple[str, list[str]]] = OpenQuestions()

    def ask(self, handle: str, posts: Sequence[GeneratedPost]) -> Comparison:
        """Two posts in random order.

        Raises:
            NothingKept: a model wrote only copies of real posts.
        """
        if len(posts) < 2:
            raise NothingKept(f"a model of {handle} wrote only copies of real posts this time: ask again")
        mixed = random.SystemRandom().sample(posts, 2)
        name = self._open.add((handle, [post.model for post in mixed]))
        return Comparison(id=name, handle=handle, texts=[post.text for post in mixed])

    def answer(self, name: str, choice: int) -> Revealed:
        """Which models they were; which one was preferred is kept. Whatever is not the first post is the second.

        Raises:
            NothingKept: no such comparison is open.
        """
        handle, models = self._open.take(name)
        preferred, other = models if choice == 0 else reversed(models)
        now = datetime.now(UTC)
        self._answers.add(PreferenceAnswer(handle=handle, answered_at=now, preferred=preferred, other=other))
        return Revealed(models=models)


def _newest_two(home: Home, handle: str) -> list[Reference]:
    current = current_model(home, handle)
    before = previous_of(home, current) if current else None
    if current is None or before is None:
        raise NothingKept(f"there are not two models of {handle} to compare: a later run makes another one")
    return [current, before]


def _named(home: Home, handle: str, digest: str) -> Reference:
    found = next((model for model in references(home, handle, "finetune") if model.digest == digest), None)
    if found is None:
        raise NothingKept(f"there is no model {digest[:40]} of {handle}: `hugtweets show {handle}` lists them")
    return found


def _batch(home: Home, model: Reference) -> Batch:
    clean = learned_posts(home, model) if obtain(home, model) else None
    if clean is None:
        raise NothingKept(f"the posts that a model of {model.handle} was made from are gone: compare others")
    base_model = base_model_of(model, home)
    return Batch(base_model, (Author(model.handle, model, clean, base_model),))
