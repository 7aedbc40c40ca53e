"""Watches a training: keeps its history, examines each epoch, keeps the best weights, and says when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from hugtweets.errors import TrainingError
from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
from hugtweets.models.tokens import load_split

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class HeldOut:
    """The newest posts, never trained on: token ids without end-of-text, and UTF-8 bytes."""

    documents: Sequence[Sequence[int]]
    byte_counts: Sequence[int]
    end_of_text: int

    @classmethod
    def of(cls, tokens: Path, end_of_text: int) -> HeldOut:
        """The held-out posts of a token file."""
        posts = load_split(tokens, "validation")
        return cls(list(posts["input_ids"]), list(posts["bytes"]), end_of_text)

    def examine(self, model: Any) -> dict[str, float]:
        """Loss (nats per token) and bits per byte, exact over all posts."""
        nats = post_nats(model, self.documents, self.end_of_text)
        predicted = sum(len(document) + 1 for document in self.documents)
        return {
            "held_out/loss": math.fsum(nats) / predicted,
            "held_out/bits_per_byte": bits_per_byte(nats, self.byte_counts),
        }


@dataclass
class Coach(TrainerCallback):
    """Told by the trainer what happens; ``save`` writes the weights as they are.

    ``scores`` are bits per byte of the held-out posts before training and after each epoch; empty if none are held
    out, and then the last epoch is the best. ``training_seconds`` is spent in steps, not in examinations. ``rate`` is
    the option that sets the learning rate.
    """

    model: Any
    held_out: HeldOut
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

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The base model's score comes first."""
        self._examine(state)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self._step_began = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop the clock."""
        self.training_seconds += time.monotonic() - self._step_began

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Keep the loss of each step; a loss that is not a number ends the training."""
        if not logs or "loss" not in logs:
            return
        loss = logs["loss"]
        if not math.isfinite(loss):
            raise TrainingError(f"the loss became {loss} at step {state.global_step}: lower {self.rate}")
        self.history.append(self._row(state) | {"train/loss": loss, "train/lr": logs["learning_rate"]})
        if self.progress:
            self.progress(state.global_step, state.max_steps, f"loss {loss:.2f}")

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Examine, keep the weights if they are the best so far, and stop if patience is used up."""
        self.epochs += 1
        self._examine(state)
        if not self.scores or self.scores[-1] <= min(self.scores[1:]):
            self.best_epoch = self.epochs
            self.save()
        elif self.epochs - self.best_epoch >= self.patience:
            control.should_training_stop = True

    def _examine(self, state: TrainerState) -> None:
        if not self.held_out.documents:
            return
        examined = self.held_out.examine(self.model)
        score = examined["held_out/bits_per_byte"]
        if not math.isfinite(score):
            raise TrainingError(f"the held-out loss became {score} after step {state.global_step}: lower {self.rate}")
        self.scores.append(score)
        self.history.append(self._row(state) | examined | {"train/seconds": round(self.training_seconds, 2)})
        if self.progress:
            self.progress(state.global_step, state.max_steps, f"{score:.3f} bits per byte held out")

    @staticmethod
    def _row(state: TrainerState) -> dict[str, float]:
        return {"step": state.global_step, "epoch": round(state.epoch or 0.0, 4)}
