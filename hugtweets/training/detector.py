"""A detector that reads: the base model itself, fine-tuned to tell an account's posts from generated ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from peft import get_peft_model
from torch.nn import Linear
from torch.nn.functional import cross_entropy

from hugtweets.config import TrainConfig
from hugtweets.evaluation.detector import LEAST, MOST, SEED, Detection
from hugtweets.models.cache import CACHE
from hugtweets.training.lora import adapter_options

# Fewer than the n-gram detector has: each fold is a training.
FOLDS = 3
EPOCHS = 4
BATCH = 16
LAYERS = 6
ADAPTER_RATE, HEAD_RATE = 1e-3, 3e-3

Documents = Sequence[Sequence[int]]


def detect_by_model(base: Any, real: Documents, generated: Documents, ends: tuple[int, int]) -> Detection | None:
    """How well a fine-tuned base model tells two kinds of posts from each other; None for too few.

    Adapters in the top layers and a linear map from the mean of the last states to the two kinds learn together, and
    are cross-validated as those of :func:`hugtweets.evaluation.detector.detect` are, on as many posts. Seeded.

    Args:
        base: the bare base model, from the cache; it is bare again afterwards.
        real: token ids of the account's posts, without end-of-text.
        generated: the same of generated posts.
        ends: the token that stands before a post and the one after it.
    """
    number = min(len(real), len(generated), MOST)
    if number < LEAST:
        return None
    posts = [[ends[0], *post, ends[1]] for post in [*real[:number], *generated[:number]]]
    return Detection.of(sum(right_in_fold(base, posts, fold) for fold in range(FOLDS)), number)


def right_in_fold(base: Any, posts: Documents, fold: int) -> int:
    """How many posts of one fold are judged rightly by a detector that learned the others; minutes with a large base.

    Args:
        base: the bare base model, from the cache; it is bare again afterwards.
        posts: token ids between end-of-text, the account's first, as many of both kinds.
        fold: counted from 0, less than :data:`FOLDS`.
    """
    from sklearn.model_selection import StratifiedKFold

    half = len(posts) // 2
    kinds = [0] * half + [1] * half
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    learned, judged = list(folds.split(posts, kinds))[fold]
    detector = _Detector(base, [posts[place] for place in learned], [kinds[place] for place in learned])
    found = detector.judge([posts[place] for place in judged])
    return sum(kind == kinds[place] for kind, place in zip(found, judged, strict=True))


class _Detector:
    """Trained on some posts when it is made, and good for one list of posts: then the base model is bare again."""

    def __init__(self, base: Any, posts: Documents, kinds: Sequence[int]) -> None:
        self._base = base
        with torch.random.fork_rng(enabled=True):
            torch.manual_seed(SEED)
            layers = min(LAYERS, int(base.config.get_text_config().num_hidden_layers))
            self._adapted = get_peft_model(base, adapter_options(base, TrainConfig(layers=f"top:{layers}")))
            self._head = Linear(base.config.get_text_config().hidden_size, 2, device=base.device)
            CACHE.attach(self._adapted)
            self._train(posts, torch.tensor(kinds, device=base.device))

    def judge(self, posts: Documents) -> list[int]:
        """The kind of each post."""
        with torch.no_grad():
            places = range(0, len(posts), BATCH)
            found = [self._scores(posts[start : start + BATCH]).argmax(dim=1).tolist() for start in places]
        CACHE.detach()
        return [kind for kinds in found for kind in kinds]

    def _train(self, posts: Documents, kinds: torch.Tensor) -> None:
        adapters = [weight for weight in self._adapted.parameters() if weight.requires_grad]
        groups = [{"params": adapters, "lr": ADAPTER_RATE}, {"params": self._head.parameters(), "lr": HEAD_RATE}]
        optimiser = torch.optim.AdamW(groups)
        steps = EPOCHS * -(-len(posts) // BATCH)
        schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, steps)
        for _ in range(EPOCHS):
            for chosen in torch.split(torch.randperm(len(posts)), BATCH):
                loss = cross_entropy(self._scores([posts[place] for place in chosen.tolist()]), kinds[chosen])
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()

    def _scores(self, posts: Documents) -> torch.Tensor:
        """Of each kind for each post, padded on the right, where it changes nothing before it."""
        width = max(map(len, posts))
        rows = [[*post] + [post[-1]] * (width - len(post)) for post in posts]
        states = self._base.get_decoder()(torch.tensor(rows, device=self._base.device), use_cache=False)
        lengths = torch.tensor([len(post) for post in posts], device=self._base.device)
        there = torch.arange(width, device=lengths.device) < lengths[:, None]
        means = (states.last_hidden_state.float() * there[..., None]).sum(dim=1) / lengths[:, None]
        return self._head(means)  # type: ignore[no-any-return]
