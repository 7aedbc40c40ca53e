"""Evaluates a model while it is trained: keeps its history and the best weights, and stops when it gets no better."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState

from hugtweets.errors import TrainingError
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.models.tokens import load_split

# A GPU has to be waited for until it tells a loss, so that losses are fetched together, this often: by estimate, since
# none could be had, ten steps of 50 ms at once. Slower steps, as on a processor, are told one by one.
FETCH_SECONDS = 0.5
# Steps done, steps in all, a note for people, and the row that is added to the history.
Progress = Callable[[int, int, str, dict[str, float]], None]


@dataclass(frozen=True)
class ValidationPosts:
    """The newest posts, never trained on: token ids without end-of-text, and UTF-8 bytes."""

    documents: Sequence[Sequence[int]]
    byte_counts: Sequence[int]
    ends: tuple[int, int]

    @classmethod
    def of(cls, tokens: Path, ends: tuple[int, int]) -> ValidationPosts:
        """Those of a token file."""
        posts = load_split(tokens, "validation")
        return cls(list(posts["input_ids"]), list(posts["bytes"]), ends)

    def evaluate(self, model: Any) -> dict[str, float]:
        """Loss (nats per token) and bits per byte, exact over all posts."""
        nats = post_nats(model, self.documents, self.ends)
        predicted = sum(len(document) + 1 for document in self.documents)
        return {
            "held_out/loss": math.fsum(nats) / predicted,
            "held_out/bits_per_byte": bits_per_byte(nats, self.byte_counts),
        }


@dataclass
class EvaluationCallback(TrainerCallback):
    """Evaluates before training and after each epoch, has the best weights saved, and stops early.

    ``scores`` are bits per byte of the validation posts, the first before training; without such posts there are none,
    and the last epoch is the best. ``training_seconds`` is spent in steps, not in evaluations. ``rate`` is the option
    that sets the learning rate.
    """

    model: Any
    validation: ValidationPosts
    save: Callable[[], None]
    patience: int
    progress: Progress | None = None
    rate: str = "train.lr"
    history: list[dict[str, float]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best_epoch: int = 0
    epochs: int = 0
    training_seconds: float = 0.0
    _step_began: float = 0.0
    _fetched: float = 0.0
    # Of the step that goes on, and of those whose losses were not fetched yet.
    _losses: list[torch.Tensor] = field(default_factory=list)
    _rows: list[dict[str, float]] = field(default_factory=list)
    _row_losses: list[torch.Tensor] = field(default_factory=list)

    def add_loss(self, loss: torch.Tensor) -> None:
        """Take the loss of a pack of posts; those of one update add up to its loss."""
        self._losses.append(loss)

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The score of what the training starts from comes first."""
        self._evaluate(state)

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Start the clock."""
        self._step_began = time.monotonic()

    def on_optimizer_step(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Note the learning rate of an update before the schedule changes it."""
        self._rows.append({"train/lr": float(kwargs["optimizer"].param_groups[0]["lr"])})

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Keep the loss of the step, fetch losses if it is time to, and stop the clock."""
        if self._losses:
            self._rows[-1] = _place(state) | self._rows[-1]
            self._row_losses.append(torch.stack(self._losses).sum())
            self._losses.clear()
            if time.monotonic() - self._fetched >= FETCH_SECONDS:
                self._fetch(state)
        self.training_seconds += time.monotonic() - self._step_began

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Keep the loss of a step that is told as a number."""
        logs = kwargs["logs"]
        if "loss" in logs:
            self._keep_step(state, _place(state) | {"train/lr": logs["learning_rate"]}, logs["loss"])

    def on_epoch_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Evaluate, save the weights if they are the best so far, and stop if patience is used up."""
        self._fetch(state)
        self.epochs += 1
        self._evaluate(state)
        if not self.scores or self.scores[-1] <= min(self.scores[1:]):
            self.best_epoch = self.epochs
            self.save()
        elif self.epochs - self.best_epoch >= self.patience:
            control.should_training_stop = True

    def _evaluate(self, state: TrainerState) -> None:
        if not self.validation.documents:
            return
        scores = self.validation.evaluate(self.model)
        score = scores["held_out/bits_per_byte"]
        if not math.isfinite(score):
            raise TrainingError(f"the held-out loss became {score} after step {state.global_step}: lower {self.rate}")
        self.scores.append(score)
        scores["train/seconds"] = round(self.training_seconds, 2)
        self._record(state, _place(state) | scores, f"{score:.3f} bits per byte held out")

    def _fetch(self, state: TrainerState) -> None:
        """Wait for the device, and keep the losses of all steps since the last time."""
        if self._row_losses:
            for row, loss in zip(self._rows, torch.stack(self._row_losses).tolist(), strict=True):
                self._keep_step(state, row, loss)
            self._rows, self._row_losses = [], []
        self._fetched = time.monotonic()

    def _keep_step(self, state: TrainerState, row: dict[str, float], loss: float) -> None:
        """Add a step to the history; a loss that is not a number ends the training."""
        if not math.isfinite(loss):
            raise TrainingError(f"the loss became {loss} at step {row['step']:.0f}: lower {self.rate}")
        self._record(state, row | {"train/loss": loss}, f"loss {loss:.2f}")

    def _record(self, state: TrainerState, row: dict[str, float], note: str) -> None:
        self.history.append(row)
        if self.progress:
            self.progress(int(row["step"]), state.max_steps, note, row)


def _place(state: TrainerState) -> dict[str, float]:
    """How far a training is, as the rows of its history say it."""
    return {"step": state.global_step, "epoch": round(state.epoch or 0.0, 4)}
