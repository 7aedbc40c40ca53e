"""What :mod:`benchmarks.tries` tries: each a training like the default's with one part exchanged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from peft import LoraConfig, get_peft_model
from torch.nn.functional import cross_entropy
from transformers import DataCollatorWithFlattening, TrainerCallback

from hugtweets.config import TrainConfig
from hugtweets.training.collators import IGNORED, PackedPosts

LAYERS = 30
EVERY_MAP = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@dataclass
class Lesson:
    """A training before its first step; what is done to ``trainer`` counts, since that is what trains."""

    trainer: Any
    config: TrainConfig
    rate: float

    @property
    def model(self) -> Any:
        """The base model with its adapters."""
        return self.trainer.model

    def learning(self) -> list[tuple[str, Any]]:
        """The weights that learn, with their names."""
        return [(name, weights) for name, weights in self.model.named_parameters() if weights.requires_grad]

    def rate_by_name(self, factor: Callable[[str], float]) -> None:
        """Give each weight the learning rate times a factor."""
        groups = [{"params": [weights], "lr": self.rate * factor(name)} for name, weights in self.learning()]
        self.trainer.optimizer = torch.optim.AdamW(groups, weight_decay=0.0, fused=True)


def _same(given: Any) -> Any:
    return given


def _nothing(lesson: Lesson) -> None:
    pass


@dataclass(frozen=True)
class Try:
    """The parts of a training: options of ours, adapters, documents, how they become a row, and the last touch."""

    options: dict[str, Any] = field(default_factory=dict)
    adapters: Callable[[LoraConfig], LoraConfig] = _same
    documents: Callable[[Dataset], Dataset] = _same
    collator: Callable[[tuple[int, int]], Any] = PackedPosts
    prepare: Callable[[Lesson], None] = _nothing

    def adapted(self, base: Any, usual: LoraConfig) -> Any:
        """The base model with adapters."""
        return get_peft_model(base, self.adapters(usual))


def _with(**changes: Any) -> Callable[[LoraConfig], LoraConfig]:
    """The usual adapters with other options of peft."""

    def changed(usual: LoraConfig) -> LoraConfig:
        for name, value in changes.items():
            setattr(usual, name, value)
        return usual

    return changed


class _Averaging(TrainerCallback):
    """Ends with an average of the weights after each step of the last half."""

    def __init__(self, lesson: Lesson) -> None:
        self._weights = [weights for _, weights in lesson.learning()]
        self._mean: list[Any] = []
        self._number = 0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step <= state.max_steps // 2:
            return
        self._number += 1
        share = 1 / self._number
        now = [weights.detach().clone() for weights in self._weights]
        self._mean = [mean.lerp(new, share) for mean, new in zip(self._mean, now, strict=True)] if self._mean else now

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        with torch.no_grad():
            for weights, mean in zip(self._weights, self._mean, strict=True):
                weights.copy_(mean)


def _averaging(lesson: Lesson) -> None:
    lesson.trainer.add_callback(_Averaging(lesson))


class _Fading(TrainerCallback):
    """Ends with an average of the weights after all steps, in which each step counts 0.95 times as much as the next."""

    def __init__(self, lesson: Lesson) -> None:
        self._weights = [weights for _, weights in lesson.learning()]
        self._sums = [torch.zeros_like(weights) for weights in self._weights]
        self._count = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._count = 0.95 * self._count + 1
        for weights, total in zip(self._weights, self._sums, strict=True):
            total.mul_(0.95).add_(weights.detach())

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        with torch.no_grad():
            for weights, total in zip(self._weights, self._sums, strict=True):
                weights.copy_(total / self._count)


def _fading(lesson: Lesson) -> None:
    lesson.trainer.add_callback(_Fading(lesson))


def _rate_by_layer(step: float, slower_below: bool) -> Callable[[Lesson], None]:
    """Each layer learns ``step`` times as fast as its neighbour above, or below."""

    def factor(name: str) -> float:
        layer = int(name.split(".layers.")[1].split(".")[0])
        distance: int = LAYERS - 1 - layer if slower_below else layer
        return float(step**distance)

    return lambda lesson: lesson.rate_by_name(factor)


def _rate_of_b(lesson: Lesson) -> None:
    """LoRA+ (Hayou et al. 2024): the second factor learns four times as fast, the first half as fast as usual."""
    lesson.rate_by_name(lambda name: 2.0 if "lora_B" in name else 0.5)


def _in_context(number: int) -> Callable[[Dataset], Dataset]:
    """Documents of so many consecutive posts, end-of-text (0) between them; every post once."""

    def grouped(posts: Dataset) -> Dataset:
        ids = list(posts["input_ids"])
        groups = [ids[start : start + number] for start in range(0, len(ids), number)]
        return Dataset.from_dict({"input_ids": [_joined(group) for group in groups]})

    return grouped


def _behind_the_last(posts: Dataset) -> Dataset:
    """Each post behind the one before it, which is given and not predicted."""
    ids = list(posts["input_ids"])
    before = [[], *ids[:-1]]
    return Dataset.from_dict(
        {
            "input_ids": [_joined([first, post] if first else [post]) for first, post in zip(before, ids, strict=True)],
            "skip": [len(first) + 1 if first else 0 for first in before],
        }
    )


def _after_words(number: int) -> Callable[[Dataset], Dataset]:
    """The first tokens of each post are given, as a prompt is."""
    return lambda posts: posts.add_column("skip", [min(number, len(ids)) for ids in posts["input_ids"]])


def _joined(posts: Sequence[Sequence[int]]) -> list[int]:
    return [token for place, post in enumerate(posts) for token in ([0, *post] if place else post)]


class Skipping:
    """As :class:`PackedPosts`, but the first ``skip`` tokens of a document are not predicted."""

    def __init__(self, ends: tuple[int, int]) -> None:
        self._start, self._end = ends
        self._flatten = DataCollatorWithFlattening(return_tensors="pt")  # type: ignore[no-untyped-call]

    def __call__(self, posts: Sequence[dict[str, Any]]) -> Any:
        """As :class:`PackedPosts`; the opening token is not predicted either."""
        documents = []
        for post in posts:
            ids, unpredicted = [self._start, *post["input_ids"], self._end], 1 + post["skip"]
            documents.append({"input_ids": ids, "labels": [IGNORED] * unpredicted + ids[unpredicted:]})
        return self._flatten(documents)


class _Across(PackedPosts):
    """Positions go on, so that each post of a row attends to those before it."""

    def __call__(self, posts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        batch = super().__call__(posts)
        del batch["position_ids"]
        return batch


class _Sixteens(PackedPosts):
    """Rows filled up to a multiple of 16 tokens, so that fewer different shapes are multiplied."""

    def __call__(self, posts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        batch = super().__call__(posts)
        missing = -batch["input_ids"].shape[1] % 16
        fillers = {"input_ids": 0, "labels": IGNORED, "position_ids": 0}
        return {name: torch.nn.functional.pad(row, (0, missing), value=fillers[name]) for name, row in batch.items()}


def _plain_adamw(lesson: Lesson) -> None:
    weights = [weights for _, weights in lesson.learning()]
    lesson.trainer.optimizer = torch.optim.AdamW(weights, lesson.rate, weight_decay=0.0, foreach=False)


def _smoothing(lesson: Lesson) -> None:
    def loss(outputs: Any, labels: Any, num_items_in_batch: Any) -> Any:
        logits = outputs.logits[0, :-1].float()
        return cross_entropy(logits, labels[0, 1:], reduction="sum", label_smoothing=0.1) / num_items_in_batch

    lesson.trainer.compute_loss_func = loss


class _LossAtOnce(torch.autograd.Function):
    """Cross-entropy whose gradient takes the place of the logits in the forward pass: one array instead of four."""

    @staticmethod
    def forward(ctx: Any, logits: Any, labels: Any, number: Any) -> Any:
        wide, known, target = logits.float(), labels != IGNORED, labels.clamp(min=0)[:, None]
        whole = wide.logsumexp(-1, keepdim=True)
        loss = ((whole - wide.gather(1, target))[:, 0] * known).sum() / number
        wide.sub_(whole).exp_().scatter_add_(1, target, torch.full_like(whole, -1.0)).mul_((known / number)[:, None])
        ctx.save_for_backward(wide.to(logits.dtype))
        return loss

    @staticmethod
    def backward(ctx: Any, *above: Any) -> Any:
        return ctx.saved_tensors[0] * above[0], None, None


def _loss_at_once(lesson: Lesson) -> None:
    def loss(outputs: Any, labels: Any, num_items_in_batch: Any) -> Any:
        following = torch.nn.functional.pad(labels[0, 1:], (0, 1), value=IGNORED)
        return _LossAtOnce.apply(outputs.logits[0], following, num_items_in_batch)  # type: ignore[no-untyped-call]

    lesson.trainer.compute_loss_func = loss


def _plain_attention(lesson: Lesson) -> None:
    lesson.model.get_base_model().set_attn_implementation("eager")


def _autocast_alone(lesson: Lesson) -> None:
    """As before :mod:`hugtweets.training.precision`: frozen weights converted in every step, attention in bfloat16."""
    lesson.trainer.autocast_smart_context_manager = lambda: torch.autocast("cpu", torch.bfloat16)


def _compile(lesson: Lesson) -> None:
    """Each layer, since thirty of them share what is compiled; any length of row."""
    for layer in lesson.model.get_base_model().model.layers:
        layer.compile(dynamic=True)


TRIES: dict[str, Try] = {
    "default": Try(),
    "dropout 0.1": Try(adapters=_with(lora_dropout=0.1)),
    "average of the last half": Try(prepare=_averaging),
    "constant rate and average": Try(options={"schedule": "constant"}, prepare=_averaging),
    "lower layers slower": Try(prepare=_rate_by_layer(0.95, slower_below=True)),
    "upper layers slower": Try(prepare=_rate_by_layer(0.95, slower_below=False)),
    "rank 16, none on the unembedding": Try(options={"lora_rank": 16}, adapters=_with(target_modules=EVERY_MAP)),
    "rank 8": Try(options={"lora_rank": 8}),
    "warm-up over a fifth": Try(options={"warmup_share": 0.2}),
    "weight decay 1": Try(options={"weight_decay": 1.0}),
    "LoRA+": Try(prepare=_rate_of_b),
    "four posts in context": Try(options={"posts_per_step": 1}, documents=_in_context(4)),
    "two posts in context": Try(options={"posts_per_step": 2}, documents=_in_context(2)),
    "behind its predecessor": Try(documents=_behind_the_last, collator=Skipping),
    "exponential average": Try(prepare=_fading),
    "DoRA": Try(adapters=_with(use_dora=True)),
    "adapters on the embedding": Try(
        options={"lora_rank": 16}, adapters=_with(target_modules=[*EVERY_MAP, "embed_tokens"])
    ),
    "attention across posts": Try(collator=_Across),
    "after three tokens": Try(documents=_after_words(3), collator=Skipping),
    "label smoothing 0.1": Try(prepare=_smoothing),
    "loss at once": Try(prepare=_loss_at_once),
    "rows in sixteens": Try(collator=_Sixteens),
    "plain attention": Try(prepare=_plain_attention),
    "autocast alone": Try(prepare=_autocast_alone),
    "compiled": Try(prepare=_compile),
    "AdamW not fused": Try(prepare=_plain_adamw),
}
