"""Adapters of several accounts, trained in one batch, each with its own optimiser and schedule.

The base model multiplies the tokens of all accounts at once. What each account gets is what it gets alone from
:func:`hugtweets.training.trainer.finetune`, up to rounding.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any

import torch
from torch.nn import Dropout

from hugtweets.config import TrainConfig
from hugtweets.devices.gathering import Group, Member
from hugtweets.devices.memory import is_out_of_memory
from hugtweets.devices.selection import DeviceChoice, choose_device, training_format, unscaled
from hugtweets.errors import ConfigurationError
from hugtweets.models.cache import load_base
from hugtweets.models.packing import posts_share_rows
from hugtweets.models.registry import BaseModel
from hugtweets.models.shape import Shape
from hugtweets.models.stacked import StackedAdapters
from hugtweets.models.tokens import load_split
from hugtweets.training.adapter_task import AdapterTask
from hugtweets.training.collators import IGNORED
from hugtweets.training.learner import Learner
from hugtweets.training.lora import adapter_options
from hugtweets.training.places import Places, plan_places
from hugtweets.training.plan import PostLengths, hardware_to_plan_with
from hugtweets.training.precision import Bfloat16Steps
from hugtweets.training.shared_rows import SharedRows
from hugtweets.training.trainer import TrainingResult

Accounts = Group[AdapterTask, TrainingResult]

log = logging.getLogger(__name__)


def finetune_together(base_model: BaseModel, accounts: Accounts) -> None:
    """Train an adapter for each account and write the epoch that predicts its held-out posts best.

    Their adapters have one shape, see :func:`hugtweets.training.adapter_task.shape_of`. Accounts may have different
    numbers of posts and of epochs: the next one takes the place of one that is done, and so may one that comes later.
    What each comes to is told as soon as it is known, an error of its own included.

    Raises:
        ConfigurationError: the base model sees across posts in a row or drops some of what it computes by chance, or
            ``train.device`` is not there.
        OutOfMemory: there is no room for two, so that nothing was loaded.
        torch.OutOfMemoryError: all together are too much all the same.
    """
    config = accounts.members[0].item.config
    choice = unscaled(training_format(choose_device(config), config))
    places = _plan_places(base_model, accounts, choice, config)
    base: Any = load_base(base_model, choice)
    _check_is_shareable(base_model, base)
    # Before the first adapter is attached: afterwards its own parts would be taken for the base model's.
    step = Bfloat16Steps(base, choice.device).step if choice.autocast else nullcontext
    adapters = StackedAdapters(base, adapter_options(base, config), places.accounts)
    try:
        rows = SharedRows(base, adapters, step, places.tokens, choice.device == "cpu")
        _Training(base_model, base, choice, adapters, rows).learn(accounts, places.accounts)
    finally:
        adapters.detach()


def _plan_places(base_model: BaseModel, accounts: Accounts, choice: DeviceChoice, config: TrainConfig) -> Places:
    """For how many accounts there is room, told."""
    found = []
    for task in (member.item for member in accounts.members):
        posts = load_split(task.tokens, "train", task.earlier.posts if task.earlier else None)
        found.append((PostLengths.of(posts, task.tokens), task.config))
    places = plan_places(Shape.of(base_model), found, hardware_to_plan_with(config), choice, accounts.is_open)
    log.info("Memory: %s.", places.sentence)
    return places


def _check_is_shareable(base_model: BaseModel, base: Any) -> None:
    reason = ""
    if not posts_share_rows(base_model, base):
        reason = "sees across the posts of a row"
    elif _drops_by_chance(base):
        reason = "has dropout, by chance another one in a batch"
    if reason:
        raise ConfigurationError(f"several accounts in one batch and {base_model.name} exclude each other: it {reason}")


def _drops_by_chance(base: Any) -> bool:
    """Whether a model computes something else each time while it learns; many drop numbers without a module for it."""
    if any(isinstance(module, Dropout) and module.p > 0 for module in base.modules()):
        return True
    ids = torch.arange(16, device=base.device)[None]
    with torch.random.fork_rng(), torch.no_grad():
        base.train()
        try:
            first, second = (base(input_ids=ids, use_cache=False).logits.float() for _ in range(2))
        finally:
            base.eval()
    return not torch.allclose(first, second, rtol=1e-3, atol=1e-3)


class _Training:
    """Accounts in the places of the stack while they learn."""

    def __init__(
        self, base_model: BaseModel, base: Any, choice: DeviceChoice, adapters: StackedAdapters, rows: SharedRows
    ) -> None:
        self._base_model, self._base, self._choice = base_model, base, choice
        self._adapters, self._rows = adapters, rows
        self._learning: dict[int, tuple[Member[AdapterTask, TrainingResult], Learner]] = {}

    def learn(self, accounts: Accounts, places: int) -> None:
        """Train whoever comes, until all are done."""
        while True:
            for place in set(range(places)) - self._learning.keys():
                self._begin(place, accounts)
            if not self._learning:
                return
            self._update()

    def _begin(self, place: int, accounts: Accounts) -> None:
        """Give a place to the next account that can begin, if there is one."""
        while member := accounts.next():
            try:
                learner = Learner(place, member.item, self._base_model, self._base, self._adapters, self._choice)
            except Exception as error:
                _fail(member, error)
            else:
                self._learning[place] = member, learner
                return

    def _update(self) -> None:
        """One update of each account."""
        packs, predicted = [], dict[int, int]()
        for place, (_, learner) in self._learning.items():
            own = learner.next_update()
            predicted[place] = sum(int((pack["labels"] != IGNORED).sum()) for pack in own)
            packs += [(place, pack) for pack in own]
        losses = dict.fromkeys(self._learning, 0.0)
        for batch, nats in self._rows.nats(packs):
            places = [packs[number][0] for number in batch]
            shares = nats / nats.new_tensor([predicted[place] for place in places])
            shares.sum().backward()  # type: ignore[no-untyped-call]
            for place, share in zip(places, shares.tolist(), strict=True):
                losses[place] += share
        for place, loss in losses.items():
            self._conclude(place, loss)

    def _conclude(self, place: int, loss: float) -> None:
        """Update the weights of an account; its place is free when it is done, or has failed."""
        member, learner = self._learning[place]
        try:
            learner.update(loss)
            if not learner.is_done:
                return
            member.outcome.set_result(learner.result())
        except Exception as error:
            _fail(member, error)
        del self._learning[place]


def _fail(member: Member[AdapterTask, TrainingResult], error: Exception) -> None:
    """An error of this account alone; a lack of memory is one of all."""
    if is_out_of_memory(error):
        raise error
    member.outcome.set_exception(error)
