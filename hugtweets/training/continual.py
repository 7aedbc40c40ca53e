"""Going on from an earlier model of an account: which posts it learns now, and which it is reminded of."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from hugtweets.models.tokens import load_ids


@dataclass(frozen=True)
class Continuation:
    """An earlier training to go on from, and the ids of the posts to train on: those it never saw, and a replay."""

    weights: Path
    new: tuple[str, ...]
    replayed: tuple[str, ...]

    @property
    def posts(self) -> list[str]:
        """All posts of this training."""
        return [*self.new, *self.replayed]


def continue_training(weights: Path, then: Path, now: Path, replay: float, seed: str) -> Continuation:
    """Go on from the folder that an earlier training wrote, with the token files of ``then`` and ``now``.

    For each new post, ``replay`` posts of the earlier training come again, as far as there are so many; ``seed``
    chooses which.
    """
    trained, wanted = set(load_ids(then, "train")), load_ids(now, "train")
    new = tuple(post for post in wanted if post not in trained)
    old = [post for post in wanted if post in trained]
    again = random.Random(seed).sample(old, min(len(old), round(replay * len(new))))
    return Continuation(weights, new, tuple(again))
