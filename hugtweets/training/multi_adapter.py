"""Adapters of several accounts, trained in one batch: a row an account, each with its own optimiser and schedule.

The base model multiplies the tokens of all accounts at once. What each account gets is what it gets alone from
:func:`hugtweets.training.trainer.finetune`, up to rounding, unless the base model has dropout, which is left out
here. On a processor it takes as long as one account after the other (see benchmarks/LOG.md), so that the flows do not
use it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence
from transformers import set_seed

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import DeviceChoice, choose_device
from hugtweets.errors import ConfigurationError
from hugtweets.models.cache import CACHE, load_base
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import TextTokenizer
from hugtweets.training.callbacks import EvaluationCallback, Progress, ValidationPosts
from hugtweets.training.collators import IGNORED, PackedPosts
from hugtweets.training.lora import adapter_options, save_adapter
from hugtweets.training.precision import Bfloat16Steps
from hugtweets.training.rates import choose_rate
from hugtweets.training.trainer import (
    TrainingResult,
    load_training_posts,
    make_trainer,
    result_of,
    training_format,
)

# Token ids, labels and position ids of some posts, each of shape (1, tokens).
Pack = dict[str, torch.Tensor]


@dataclass(frozen=True)
class AdapterTask:
    """An adapter to train for one account: from which token file, into which folder, and how, by ``lora``."""

    tokens: Path
    output: Path
    config: TrainConfig
    progress: Progress | None = None


def finetune_together(base_model: BaseModel, tasks: Sequence[AdapterTask]) -> list[TrainingResult]:
    """Train an adapter for each account and write the epoch that predicts its held-out posts best.

    Accounts may have different options, numbers of posts and of epochs; one that is done leaves the batch.

    Raises:
        TrainingError: an account has no post to train on, or its loss is not a number.
        ConfigurationError: an account is not to be trained by ``lora``, or ``train.device`` of the first one, where all
            are trained, is not there.
    """
    if any(task.config.method != "lora" for task in tasks):
        raise ConfigurationError(
            "several adapters at once and train.method=full exclude each other: only adapters share a base model"
        )
    started = time.monotonic()
    choice = training_format(choose_device(tasks[0].config), tasks[0].config)
    base = load_base(base_model, choice)
    # Before the first adapter is attached: afterwards its own parts would be taken for the base model's.
    step = Bfloat16Steps(base, choice.device).step if choice.autocast else nullcontext
    options = [adapter_options(base, task.config) for task in tasks]
    set_seed(tasks[0].config.seed)
    with CACHE.attached(get_peft_model(base, options[0], adapter_name="0")) as model:
        accounts = []
        for number, task in enumerate(tasks):
            name = str(number)
            if number > 0:
                set_seed(task.config.seed)
                model.add_adapter(name, options[number])
                model.set_adapter(name)
            accounts.append(_Account(name, task, model, base_model, choice))
        _Batch(model, accounts, step).train()
    return [account.result(choice, started) for account in accounts]


class _Account:
    """One account while it learns; it is made while its adapter is the only active one."""

    def __init__(self, name: str, task: AdapterTask, model: Any, base_model: BaseModel, choice: DeviceChoice) -> None:
        self.name = name
        ends = TextTokenizer.of(base_model).ends
        validation = ValidationPosts.of(task.tokens, ends)
        save = partial(save_adapter, model, base_model, task.output, name)
        self.callback = EvaluationCallback(model, validation, save, task.config.patience, task.progress)
        self._config = task.config
        self._posts = load_training_posts(task.tokens)
        collator = PackedPosts(ends)
        self._rate = choose_rate(task.config, base_model).value
        trainer = make_trainer(
            model, self._posts, collator, self.callback, task.output, choice, task.config, self._rate
        )
        self._loader = trainer.get_train_dataloader()
        self._weights = [weights for weights in model.parameters() if weights.requires_grad]
        self._updates: deque[list[Pack]] = deque()
        self._packs_seen = 0
        # What a callback is told of the training.
        self.situation = (trainer.args, trainer.state, trainer.control)
        self._arguments, self._state, self._control = self.situation
        updates = -(-len(self._loader) // self._arguments.gradient_accumulation_steps)
        self._state.max_steps = int(self._arguments.num_train_epochs) * updates
        trainer.create_optimizer_and_scheduler(self._state.max_steps)
        self._optimizer: Any = trainer.optimizer
        self._schedule: Any = trainer.lr_scheduler

    @property
    def is_done(self) -> bool:
        """Whether all epochs are over, or the training has stopped early."""
        return bool(self._control.should_training_stop) or self._state.global_step == self._state.max_steps

    @property
    def has_ended_epoch(self) -> bool:
        """Whether every post was seen as often as every other."""
        return not self._updates

    def next_update(self) -> list[Pack]:
        """The packs of posts that the next update is computed from."""
        if not self._updates:
            packs: list[Pack] = list(self._loader)
            several = self._arguments.gradient_accumulation_steps
            self._updates.extend(packs[start : start + several] for start in range(0, len(packs), several))
        self.callback.on_step_begin(*self.situation)
        packs = self._updates.popleft()
        self._packs_seen += len(packs)
        return packs

    def update(self, loss: float) -> None:
        """Change the weights by the gradients that are there."""
        clip_grad_norm_(self._weights, self._arguments.max_grad_norm)
        self._optimizer.step()
        rate = float(self._schedule.get_last_lr()[0])
        self._schedule.step()
        self._optimizer.zero_grad()
        self._state.global_step += 1
        self._state.epoch = self._packs_seen / len(self._loader)
        self.callback.on_step_end(*self.situation)
        self.callback.on_log(*self.situation, logs={"loss": loss, "learning_rate": rate})

    def result(self, choice: DeviceChoice, started: float) -> TrainingResult:
        """What came of the training, in which all accounts share the time since it ``started``."""
        trained = sum(weights.numel() for weights in self._weights)
        what = f"lora, several at once, at learning rate {self._rate:g}"
        return result_of(self.callback, self._posts, trained, self._config, what, choice, started)


class _Batch:
    """All accounts, and the model that has their adapters; ``step`` is around each forward pass."""

    def __init__(
        self, model: Any, accounts: Sequence[_Account], step: Callable[[], AbstractContextManager[None]]
    ) -> None:
        # What peft refuses while training, several adapters in a batch, it does otherwise, gradients and all.
        self._model = model.eval()
        self._accounts = accounts
        self._step = step

    def train(self) -> None:
        """Until every account is done."""
        for account in self._accounts:
            with self._alone(account):
                account.callback.on_train_begin(*account.situation)
        going = list(self._accounts)
        while going:
            losses = self._add_gradients([(account.name, account.next_update()) for account in going])
            for account, loss in zip(going, losses, strict=True):
                account.update(loss)
                if account.has_ended_epoch:
                    with self._alone(account):
                        account.callback.on_epoch_end(*account.situation)
            going = [account for account in going if not account.is_done]

    def _add_gradients(self, updates: Sequence[tuple[str, Sequence[Pack]]]) -> list[float]:
        """The loss of each update in nats per token, whose gradients are left at the weights."""
        predicted = [sum(int((pack["labels"] != IGNORED).sum()) for pack in packs) for _, packs in updates]
        losses = [0.0] * len(updates)
        for turn in range(max(len(packs) for _, packs in updates)):
            places = [place for place, (_, packs) in enumerate(updates) if turn < len(packs)]
            nats = self._nats([(updates[place][0], updates[place][1][turn]) for place in places])
            shares = nats / torch.tensor([predicted[place] for place in places], device=nats.device)
            shares.sum().backward()  # type: ignore[no-untyped-call]
            for place, share in zip(places, shares.tolist(), strict=True):
                losses[place] += share
        return losses

    def _nats(self, rows: Sequence[tuple[str, Pack]]) -> torch.Tensor:
        """The summed loss of each row under its adapter; padding is a row of posts of one token, not predicted."""
        ids, labels, positions = (
            pad_sequence([pack[name][0] for _, pack in rows], batch_first=True, padding_value=padding)
            for name, padding in (("input_ids", 0), ("labels", IGNORED), ("position_ids", 0))
        )
        with self._step():
            logits = self._model(
                input_ids=ids, position_ids=positions, use_cache=False, adapter_names=[name for name, _ in rows]
            ).logits
        losses = cross_entropy(
            logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="none"
        )
        return losses.view(len(rows), -1).sum(1)

    @contextmanager
    def _alone(self, account: _Account) -> Iterator[None]:
        """With no other adapter but that of one account."""
        self._model.set_adapter(account.name)
        yield
        self._model.base_model.set_adapter([each.name for each in self._accounts])
