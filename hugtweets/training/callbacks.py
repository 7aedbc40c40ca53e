"""Evaluates a model while it is trained: keeps its history and the best weights, and stops when it gets no better."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState

from hugtweets.errors import TrainingError
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.models.tokens import load_split

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

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The score of what the training starts from comes first."""
        self._evaluate(state)

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Start the clock."""
        self._step_began = time.monotonic()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop the clock."""
        self.training_seconds += time.monotonic() - self._step_began

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Keep the loss of each step; a loss that is not a number ends the training."""
        logs = kwargs["logs"]
        if "loss" not in logs:
            return
        loss = logs["loss"]
        if not math.isfinite(loss):
            raise TrainingError(f"the loss became {loss} at step {state.global_step}: lower {self.rate}")
        self._record(state, {"train/loss": loss, "train/lr": logs["learning_rate"]}, f"loss {loss:.2f}")

    def on_epoch_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Evaluate, save the weights if they are the best so far, and stop if patience is used up."""
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
        self._record(state, scores, f"{score:.3f} bits per byte held out")

    def _record(self, state: TrainerState, scores: dict[str, float], note: str) -> None:
        row = {"step": state.global_step, "epoch": round(state.epoch or 0.0, 4)} | scores
        self.history.append(row)
        if self.progress:
            self.progress(state.global_step, state.max_steps, note, row)
