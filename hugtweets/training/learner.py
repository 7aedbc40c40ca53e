"""One account while it learns beside others: its posts, optimiser, schedule, and when it ends."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_

from hugtweets.devices.progress import reporter
from hugtweets.devices.selection import DeviceChoice
from hugtweets.models.registry import BaseModel
from hugtweets.models.stacked import StackedAdapters
from hugtweets.models.tokens import TextTokenizer
from hugtweets.training.adapter_task import AdapterTask
from hugtweets.training.callbacks import EvaluationCallback, ValidationPosts
from hugtweets.training.collators import PackedPosts
from hugtweets.training.lora import write_adapter
from hugtweets.training.rates import choose_rate
from hugtweets.training.trainer import TrainingResult, describe_rate, load_training_posts, make_trainer, result_of

# Token ids, labels and position ids of some posts, each of shape (1, tokens).
Pack = dict[str, torch.Tensor]


class Learner:
    """An account in a place of the stack.

    Raises:
        TrainingError: the account has no post to train on.
    """

    def __init__(
        self,
        place: int,
        task: AdapterTask,
        base_model: BaseModel,
        base: Any,
        adapters: StackedAdapters,
        choice: DeviceChoice,
    ) -> None:
        self.place, self._task = place, task
        self._adapters, self._choice, self._started = adapters, choice, time.monotonic()
        ends, earlier = TextTokenizer.of(base_model).ends, task.earlier
        validation = ValidationPosts.of(task.tokens, ends)
        self._callback = EvaluationCallback(
            base, validation, partial(self._save, base_model), task.config.patience, reporter(task.handle, "finetune")
        )
        self._posts = load_training_posts(task.tokens, earlier.posts if earlier else None)
        self._rate = choose_rate(task.config, base_model)
        self._trainer = make_trainer(
            base, self._posts, PackedPosts(ends), self._callback, task.output, choice, task.config, self._rate.value
        )
        self._loader = self._trainer.get_train_dataloader()
        self._arguments, self._state, self._control = self._trainer.args, self._trainer.state, self._trainer.control
        self._updates: deque[list[Pack]] = deque()
        self._packs_seen = 0
        updates = -(-len(self._loader) // self._arguments.gradient_accumulation_steps)
        self._state.max_steps = int(self._arguments.num_train_epochs) * updates
        self._factors = adapters.begin(place, task.config.seed, earlier.weights if earlier else None)
        decay, fused = self._arguments.weight_decay, choice.device != "mps"
        self._optimizer = torch.optim.AdamW(self._factors, self._rate.value, weight_decay=decay, fused=fused)
        self._schedule: Any = self._trainer.create_scheduler(self._state.max_steps, self._optimizer)
        self._adapters.assign(place)
        self._callback.on_train_begin(*self._situation)

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
        self._callback.on_step_begin(*self._situation)
        packs = self._updates.popleft()
        self._packs_seen += len(packs)
        return packs

    def update(self, loss: float) -> None:
        """Change the weights by the gradients that are there, and evaluate where an epoch ends.

        Raises:
            TrainingError: the loss is not a number.
        """
        clip_grad_norm_(self._factors, self._arguments.max_grad_norm)
        self._optimizer.step()
        rate = float(self._schedule.get_last_lr()[0])
        self._schedule.step()
        self._optimizer.zero_grad(set_to_none=False)
        self._state.global_step += 1
        self._state.epoch = self._packs_seen / len(self._loader)
        self._callback.on_step_end(*self._situation)
        self._callback.on_log(*self._situation, logs={"loss": loss, "learning_rate": rate})
        if not self._updates:
            self._adapters.assign(self.place)
            self._callback.on_epoch_end(*self._situation)

    def result(self) -> TrainingResult:
        """What came of the training; the seconds are those in which other accounts learned as well."""
        what = f"lora, in one batch with other accounts, {describe_rate(self._rate, self._trainer)}"
        trained = sum(factor.numel() for factor in self._factors)
        return result_of(self._callback, self._posts, trained, self._task.config, what, self._choice, self._started)

    def _save(self, base_model: BaseModel) -> None:
        write_adapter(self._adapters.state(self.place), self._adapters.options, base_model, self._task.output)
