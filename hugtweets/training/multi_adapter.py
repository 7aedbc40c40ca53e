"""Adapters of several accounts, trained in one batch: a row an account, each with its own optimiser and schedule.

The base model multiplies the tokens of all accounts at once. What each account gets is what it gets alone from
:func:`hugtweets.training.trainer.finetune`, up to rounding, unless the base model has dropout, which is left out
here. On a processor it takes as long as one account after the other (see benchmarks/LOG.md), so that the flows do not
use it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import get_peft_model
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_
from torch.nn.utils.rnn import pad_sequence
from transformers import Trainer, set_seed

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import DeviceChoice, choose_device
from hugtweets.errors import ConfigurationError, TrainingError
from hugtweets.models.cache import load_base, take_off, wear
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import TextTokenizer, load_split
from hugtweets.training.callbacks import Coach, HeldOut, Progress
from hugtweets.training.precision import Bfloat16Steps
from hugtweets.training.trainer import (
    PostCollator,
    TrainingResult,
    adapter_options,
    make_trainer,
    result_of,
    save_adapter,
    training_format,
)

# The label of what is not predicted.
IGNORED = -100
# Token ids, labels and position ids of some posts, each of shape (1, tokens).
Pack = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Pupil:
    """One account: its token file, a folder for its adapter, and how to train, by ``lora``."""

    tokens: Path
    output: Path
    config: TrainConfig
    progress: Progress | None = None


def finetune_together(base_model: BaseModel, pupils: Sequence[Pupil]) -> list[TrainingResult]:
    """Train an adapter for each account and write the epoch that predicts its held-out posts best.

    Accounts may have different options, numbers of posts and of epochs; one that is done leaves the batch.

    Raises:
        TrainingError: an account has no post to train on, or its loss is not a number.
        ConfigurationError: an account is not to be trained by ``lora``, or ``train.device`` of the first one, where all
            are trained, is not there.
    """
    if any(pupil.config.method != "lora" for pupil in pupils):
        raise ConfigurationError("a cohort and train.method=full exclude each other: only adapters share a base model")
    started = time.monotonic()
    choice = training_format(choose_device(pupils[0].config), pupils[0].config)
    try:
        cohort = _Cohort(base_model, pupils, choice)
        cohort.train()
    finally:
        take_off()
    return [
        result_of(member.coach, member.posts, member.trained, pupil.config, "lora in a cohort", choice, started)
        for member, pupil in zip(cohort.members, pupils, strict=True)
    ]


class _Member:
    """One account while it learns; it is made while its adapter is the only active one."""

    def __init__(self, name: str, model: Any, posts: Any, trainer: Trainer, coach: Coach) -> None:
        self.name = name
        self.posts = posts
        self.coach = coach
        self._trainer = trainer
        self._loader = trainer.get_train_dataloader()
        self._weights = [weights for weights in model.parameters() if weights.requires_grad]
        self._updates: deque[list[Pack]] = deque()
        self._packs_seen = 0
        arguments, state = trainer.args, trainer.state
        updates = -(-len(self._loader) // arguments.gradient_accumulation_steps)
        state.max_steps = int(arguments.num_train_epochs) * updates
        trainer.create_optimizer_and_scheduler(state.max_steps)
        self._optimizer: Any = trainer.optimizer
        self._schedule: Any = trainer.lr_scheduler

    @property
    def trained(self) -> int:
        """How many parameters learn."""
        return sum(weights.numel() for weights in self._weights)

    @property
    def is_done(self) -> bool:
        """Whether all epochs are over, or the coach has seen enough."""
        state, control = self._trainer.state, self._trainer.control
        return bool(control.should_training_stop) or state.global_step == state.max_steps

    @property
    def has_ended_epoch(self) -> bool:
        """Whether every post was seen as often as every other."""
        return not self._updates

    def examine_first(self) -> None:
        """Before any training."""
        self.coach.on_train_begin(self._trainer.args, self._trainer.state, self._trainer.control)

    def end_epoch(self) -> None:
        """Examine, and save what is best."""
        self.coach.on_epoch_end(self._trainer.args, self._trainer.state, self._trainer.control)

    def next_update(self) -> list[Pack]:
        """The packs of posts that the next update is computed from."""
        if not self._updates:
            packs: list[Pack] = list(self._loader)
            several = self._trainer.args.gradient_accumulation_steps
            self._updates.extend(packs[start : start + several] for start in range(0, len(packs), several))
        self.coach.on_step_begin(self._trainer.args, self._trainer.state, self._trainer.control)
        packs = self._updates.popleft()
        self._packs_seen += len(packs)
        return packs

    def update(self, loss: float) -> None:
        """Change the weights by the gradients that are there."""
        arguments, state, control = self._trainer.args, self._trainer.state, self._trainer.control
        clip_grad_norm_(self._weights, arguments.max_grad_norm)
        self._optimizer.step()
        rate = float(self._schedule.get_last_lr()[0])
        self._schedule.step()
        self._optimizer.zero_grad()
        state.global_step += 1
        state.epoch = self._packs_seen / len(self._loader)
        self.coach.on_step_end(arguments, state, control)
        self.coach.on_log(arguments, state, control, logs={"loss": loss, "learning_rate": rate})


class _Cohort:
    """All accounts, and the base model that wears their adapters."""

    def __init__(self, base_model: BaseModel, pupils: Sequence[Pupil], choice: DeviceChoice) -> None:
        self._choice = choice
        base = load_base(base_model, choice)
        # Before the first adapter is worn: afterwards its own parts would be taken for the base model's.
        self._step = Bfloat16Steps(base, choice.device).step if choice.autocast else nullcontext
        options = [adapter_options(base, pupil.config) for pupil in pupils]
        self.members: list[_Member] = []
        self._model: Any
        for number, pupil in enumerate(pupils):
            name = str(number)
            set_seed(pupil.config.seed)
            if number == 0:
                self._model = get_peft_model(base, options[0], adapter_name=name)
                wear(self._model)
            else:
                self._model.add_adapter(name, options[number])
                self._model.set_adapter(name)
            self.members.append(self._enrol(name, base_model, pupil))
        # What peft refuses while training, several adapters in a batch, it does otherwise, gradients and all.
        self._model.eval()

    def _enrol(self, name: str, base_model: BaseModel, pupil: Pupil) -> _Member:
        posts = load_split(pupil.tokens, "train")
        if len(posts) == 0:
            raise TrainingError(
                f"{pupil.tokens} holds no training post: fetch more posts, or lower clean.held_out_share"
            )
        end_of_text = TextTokenizer.of(base_model).end_of_text
        coach = Coach(
            self._model,
            HeldOut.of(pupil.tokens, end_of_text),
            lambda: save_adapter(self._model, base_model, pupil.output, name),
            pupil.config.patience,
            pupil.progress,
        )
        collator = PostCollator(end_of_text)
        trainer = make_trainer(self._model, posts, collator, coach, pupil.output, self._choice, pupil.config)
        return _Member(name, self._model, posts, trainer, coach)

    def train(self) -> None:
        """Until every account is done."""
        for member in self.members:
            with self._alone(member):
                member.examine_first()
        going = list(self.members)
        while going:
            losses = self._add_gradients([(member.name, member.next_update()) for member in going])
            for member, loss in zip(going, losses, strict=True):
                member.update(loss)
                if member.has_ended_epoch:
                    with self._alone(member):
                        member.end_epoch()
            going = [member for member in going if not member.is_done]

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
    def _alone(self, member: _Member) -> Iterator[None]:
        """With no other adapter but that of one account."""
        self._model.set_adapter(member.name)
        yield
        self._model.base_model.set_adapter([each.name for each in self.members])
