"""Adapters of several accounts, trained in one batch: a row an account, each with its own optimiser and schedule.

The base model multiplies the tokens of all accounts at once. What each account gets is what it gets alone from
:func:`hugtweets.training.trainer.finetune`, up to rounding, unless the base model has dropout, which is left out
here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import DeviceChoice, choose_device
from hugtweets.errors import ConfigurationError
from hugtweets.models.cache import load_base
from hugtweets.models.packing import posts_share_rows
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import TextTokenizer
from hugtweets.training.callbacks import EvaluationCallback, Progress, ValidationPosts
from hugtweets.training.collators import IGNORED, PackedPosts
from hugtweets.training.lora import adapter_options, write_adapter
from hugtweets.training.precision import Bfloat16Steps
from hugtweets.training.rates import choose_rate
from hugtweets.training.stacked import StackedAdapters
from hugtweets.training.trainer import (
    TrainingResult,
    load_training_posts,
    make_trainer,
    result_of,
    training_format,
)

# Accounts that learn at once, and tokens of a batch with padding: not measured yet, ask benchmarks/multi_adapter.py.
PLACES = {"cpu": 8, "cuda": 64, "mps": 16}
MOST_TOKENS = {"cpu": 512, "cuda": 32_768, "mps": 4_096}
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

    Accounts may have different numbers of posts and of epochs; the next one takes the place of one that is done. Those
    whose adapters differ in size or place learn after one another.

    Raises:
        TrainingError: an account has no post to train on, or its loss is not a number.
        ConfigurationError: an account is not to be trained by ``lora``, the base model sees across posts in a row, or
            ``train.device`` of the first account, where all are trained, is not there.
    """
    if any(task.config.method != "lora" for task in tasks):
        raise ConfigurationError(
            "several adapters at once and train.method=full exclude each other: only adapters share a base model"
        )
    choice = training_format(choose_device(tasks[0].config), tasks[0].config)
    base = load_base(base_model, choice)
    if not posts_share_rows(base_model, base):
        raise ConfigurationError(
            f"several adapters at once and {base_model.name} exclude each other: it sees across the posts of a row"
        )
    groups: dict[tuple[object, ...], list[AdapterTask]] = {}
    for task in tasks:
        groups.setdefault((task.config.lora_rank, task.config.lora_alpha, task.config.layers), []).append(task)
    results: dict[int, TrainingResult] = {}
    for group in groups.values():
        results |= {id(task): result for task, result in _train(base_model, base, choice, group)}
    return [results[id(task)] for task in tasks]


def _train(
    base_model: BaseModel, base: Any, choice: DeviceChoice, tasks: Sequence[AdapterTask]
) -> Iterator[tuple[AdapterTask, TrainingResult]]:
    """Accounts whose adapters have the same shape."""
    # Before the first adapter is attached: afterwards its own parts would be taken for the base model's.
    step = Bfloat16Steps(base, choice.device).step if choice.autocast else nullcontext
    places = min(PLACES[choice.device], len(tasks))
    adapters = StackedAdapters(base, adapter_options(base, tasks[0].config), places)
    try:
        batch = _Batch(base, adapters, step, MOST_TOKENS[choice.device])
        waiting, learning = deque(tasks), dict[int, _Account]()
        while waiting or learning:
            for place in set(range(places)) - learning.keys():
                if waiting:
                    learning[place] = _Account(place, waiting.popleft(), base_model, base, adapters, choice)
            batch.update(list(learning.values()))
            for place, account in list(learning.items()):
                if account.is_done:
                    yield account.task, account.result()
                    del learning[place]
    finally:
        adapters.detach()


class _Account:
    """One account while it learns, in a place of the stack."""

    def __init__(
        self,
        place: int,
        task: AdapterTask,
        base_model: BaseModel,
        base: Any,
        adapters: StackedAdapters,
        choice: DeviceChoice,
    ) -> None:
        self.place, self.task = place, task
        self._adapters, self._choice, self._started = adapters, choice, time.monotonic()
        ends = TextTokenizer.of(base_model).ends
        validation = ValidationPosts.of(task.tokens, ends)
        self.callback = EvaluationCallback(
            base, validation, partial(self._save, base_model), task.config.patience, task.progress
        )
        self._posts = load_training_posts(task.tokens)
        self._rate = choose_rate(task.config, base_model).value
        trainer = make_trainer(
            base, self._posts, PackedPosts(ends), self.callback, task.output, choice, task.config, self._rate
        )
        self._loader = trainer.get_train_dataloader()
        self._arguments, self._state, self._control = trainer.args, trainer.state, trainer.control
        self._updates: deque[list[Pack]] = deque()
        self._packs_seen = 0
        updates = -(-len(self._loader) // self._arguments.gradient_accumulation_steps)
        self._state.max_steps = int(self._arguments.num_train_epochs) * updates
        self._factors = adapters.begin(place, task.config.seed)
        decay = self._arguments.weight_decay
        self._optimizer = torch.optim.AdamW(self._factors, self._rate, weight_decay=decay, fused=choice.device != "mps")
        self._schedule: Any = trainer.create_scheduler(self._state.max_steps, self._optimizer)
        with self.alone():
            self.callback.on_train_begin(*self._situation)

    @property
    def _situation(self) -> tuple[Any, Any, Any]:
        """What a callback is told of the training."""
        return self._arguments, self._state, self._control

    @property
    def is_done(self) -> bool:
        """Whether all epochs are over, or the training has stopped early."""
        return bool(self._control.should_training_stop) or self._state.global_step == self._state.max_steps

    def next_update(self) -> list[Pack]:
        """The packs of posts that the next update is computed from."""
        if not self._updates:
            packs: list[Pack] = list(self._loader)
            several = self._arguments.gradient_accumulation_steps
            self._updates.extend(packs[start : start + several] for start in range(0, len(packs), several))
        self.callback.on_step_begin(*self._situation)
        packs = self._updates.popleft()
        self._packs_seen += len(packs)
        return packs

    def update(self, loss: float) -> None:
        """Change the weights by the gradients that are there, and evaluate where an epoch ends."""
        clip_grad_norm_(self._factors, self._arguments.max_grad_norm)
        self._optimizer.step()
        rate = float(self._schedule.get_last_lr()[0])
        self._schedule.step()
        self._optimizer.zero_grad(set_to_none=False)
        self._state.global_step += 1
        self._state.epoch = self._packs_seen / len(self._loader)
        self.callback.on_step_end(*self._situation)
        self.callback.on_log(*self._situation, logs={"loss": loss, "learning_rate": rate})
        if not self._updates:
            with self.alone():
                self.callback.on_epoch_end(*self._situation)

    def alone(self) -> AbstractContextManager[None]:
        """With this account's adapter for all rows."""
        return self._adapters.owned_by(self.place)

    def _save(self, base_model: BaseModel) -> None:
        write_adapter(self._adapters.state(self.place), self._adapters.options, base_model, self.task.output)

    def result(self) -> TrainingResult:
        """What came of the training; the seconds are those in which other accounts learned as well."""
        what = f"lora, several at once, at learning rate {self._rate:g}"
        trained, config = sum(factor.numel() for factor in self._factors), self.task.config
        return result_of(self.callback, self._posts, trained, config, what, self._choice, self._started)


@dataclass(frozen=True)
class _Batch:
    """The base model with all adapters; ``step`` is around each forward pass of ``most_tokens`` with padding."""

    base: Any
    adapters: StackedAdapters
    step: Callable[[], AbstractContextManager[None]]
    most_tokens: int

    def update(self, accounts: Sequence[_Account]) -> None:
        """One update of each account."""
        updates = [account.next_update() for account in accounts]
        predicted = [sum(int((pack["labels"] != IGNORED).sum()) for pack in packs) for packs in updates]
        losses = [0.0] * len(accounts)
        rows = [(number, pack) for number, packs in enumerate(updates) for pack in packs]
        for batch in self._of_similar_length(rows):
            nats = self._nats([(accounts[number].place, pack) for number, pack in batch])
            shares = nats / torch.tensor([predicted[number] for number, _ in batch], device=nats.device)
            shares.sum().backward()  # type: ignore[no-untyped-call]
            for (number, _), share in zip(batch, shares.tolist(), strict=True):
                losses[number] += share
        for account, loss in zip(accounts, losses, strict=True):
            account.update(loss)

    def _of_similar_length(self, rows: Sequence[tuple[int, Pack]]) -> Iterator[list[tuple[int, Pack]]]:
        """Rows in batches of at most ``most_tokens`` with padding, or of one row."""
        batch: list[tuple[int, Pack]] = []
        for row in sorted(rows, key=lambda row: row[1]["input_ids"].shape[1]):
            if batch and row[1]["input_ids"].shape[1] * (len(batch) + 1) > self.most_tokens:
                yield batch
                batch = []
            batch.append(row)
        yield batch

    def _nats(self, rows: Sequence[tuple[int, Pack]]) -> torch.Tensor:
        """The summed loss of each row under its adapter; padding is a row of posts of one token, not predicted."""
        ids, labels, positions = (
            pad_sequence([pack[name][0] for _, pack in rows], batch_first=True, padding_value=padding)
            for name, padding in (("input_ids", 0), ("labels", IGNORED), ("position_ids", 0))
        )
        with self.step(), self.adapters.owned_by([place for place, _ in rows]):
            logits = self.base(input_ids=ids, position_ids=positions, use_cache=False).logits
        losses = cross_entropy(
            logits[:, :-1].flatten(0, 1).float(), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="none"
        )
        return losses.view(len(rows), -1).sum(1)
