"""Fine-tuning: the base model becomes the account's, by adapters (LoRA) or in every weight.

Importing this module imports torch and transformers. One training at a time: see :mod:`hugtweets.devices.queue`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import environment  # type: ignore[import-untyped]  # accelerate ships no types
from peft import get_peft_model
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainingArguments, set_seed
from transformers.loss.loss_utils import ForCausalLMLoss

from hugtweets.config import TrainConfig
from hugtweets.devices.memory import large_blocks_given_back
from hugtweets.devices.selection import DeviceChoice, choose_device
from hugtweets.errors import TrainingError
from hugtweets.models.cache import CACHE, load_base, load_weights
from hugtweets.models.packing import posts_share_rows
from hugtweets.models.registry import BaseModel
from hugtweets.models.shape import Shape
from hugtweets.models.tokens import AUTHOR, TextTokenizer, load_split
from hugtweets.training.callbacks import EvaluationCallback, Progress, ValidationPosts
from hugtweets.training.chunked_loss import chunked_nats
from hugtweets.training.collators import IGNORED, Collator, PackedPosts, PaddedPosts
from hugtweets.training.continual import Continuation
from hugtweets.training.lora import adapter_options, describe_layers, save_adapter, set_trainable
from hugtweets.training.memory import describe_rows, within_memory
from hugtweets.training.plan import MemoryPlan, PostLengths, hardware_to_plan_with, plan_memory
from hugtweets.training.precision import Bfloat16Steps, layers_twice
from hugtweets.training.rates import LearningRate, choose_rate, warmup_steps
from hugtweets.training.samplers import EqualShares, RowsOfTokens, expected_sum

log = logging.getLogger(__name__)

# Accelerate empties the environment of the process for a moment whenever a trainer is made, to learn the defaults of
# its own options. Another thread that looked just then found no token, no home and no address of X.
environment.clear_environment = nullcontext


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training.

    ``history`` has a row for each step (``train/loss`` in nats per token, ``train/lr``) and one for each evaluation
    (``held_out/loss`` in nats per token, ``held_out/bits_per_byte``, ``train/seconds`` spent in steps until then), the
    first at step 0, before any training. Bits per byte (of what it started from, and in the end) are None where nothing
    is held out. ``choice`` tells people what was chosen, and why; ``number_format`` is what its products were computed
    in.
    """

    history: list[dict[str, float]]
    start_bits_per_byte: float | None
    bits_per_byte: float | None
    best_epoch: int
    stopped_early: bool
    trained_parameters: int
    tokens_per_second: float
    choice: str
    number_format: str
    seconds: float


def finetune(
    base_model: BaseModel,
    tokens: Path,
    output: Path,
    config: TrainConfig,
    progress: Progress | None = None,
    earlier: Continuation | None = None,
    rate: str = "train.lr",
) -> TrainingResult:
    """Train on the posts of a token file and write the epoch that predicts the held-out posts best.

    Same inputs, seed and machine give the same weights, byte for byte. If memory runs out, it begins anew with fewer
    posts at a time and as many an update, which changes no more than rounding.

    Args:
        base_model: what to start from; it stays as it is.
        tokens: a Parquet file under :data:`hugtweets.models.tokens.TOKENS_SCHEMA`.
        output: a folder for the adapter or the full weights, as safetensors.
        config: how to train.
        progress: told steps done, steps in all, a note for people, and each row of the history.
        earlier: start from what it wrote, and train on its posts alone; None starts from the base model.
        rate: the option that whoever asked sets the learning rate by.

    Raises:
        TrainingError: there is no post to train on, or the loss is not a number.
        ConfigurationError: ``train.device`` is not there.
        OutOfMemory: it will not fit, so that nothing was loaded.
        torch.OutOfMemoryError: one post at a time is too much.
    """
    train = partial(_finetune, base_model, tokens, output, progress, earlier, rate)
    result, used = within_memory(train, config)
    return result if used == config else replace(result, choice=f"{result.choice}; {describe_rows(used)}")


def _finetune(
    base_model: BaseModel,
    tokens: Path,
    output: Path,
    progress: Progress | None,
    earlier: Continuation | None,
    rate: str,
    config: TrainConfig,
) -> TrainingResult:
    """One attempt of :func:`finetune`."""
    started = time.monotonic()
    posts = load_training_posts(tokens, earlier.posts if earlier else None)
    found = choose_rate(config, base_model)
    ends = TextTokenizer.of(base_model).ends
    plan = _plan(base_model, tokens, posts, config)
    config, choice = plan.config, plan.choice
    if choice.scales_gradients:
        rate += ", or set train.precision to float32"
    set_seed(config.seed)
    with _model_to_train(base_model, choice, config, earlier) as model:

        def save() -> None:
            if config.method == "full":
                model.save_pretrained(output)
            else:
                save_adapter(model, base_model, output)

        validation = ValidationPosts.of(tokens, ends)
        callback = EvaluationCallback(model, validation, save, config.patience, progress, rate)
        packed = posts_share_rows(base_model, model)
        collator = PackedPosts(ends) if packed else PaddedPosts(ends)
        trainer = make_trainer(model, posts, collator, callback, output, choice, config, found.value)
        trainer.chunked_loss, trainer.checkpointing = plan.chunked_loss, plan.checkpointing
        with ExitStack() as saving:
            if plan.checkpointing:
                saving.enter_context(layers_twice(model))
            if plan.chunked_loss and choice.device == "cpu":
                saving.enter_context(large_blocks_given_back())
            trainer.train()
        trained = sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
        where = f" in {describe_layers(model, config.layers)}" if config.layers != "all" else ""
        rows = "" if packed else ", a row for each post,"
    what = f"{config.method}{where}{rows} {describe_rate(found, trainer)}{plan.measures}"
    return result_of(callback, posts, trained, config, what, choice, started)


def load_training_posts(tokens: Path, ids: Sequence[str] | None = None) -> Any:
    """The posts of a token file to train on, or those of them that ``ids`` names.

    Raises:
        TrainingError: there is none.
    """
    posts = load_split(tokens, "train", ids)
    if len(posts) == 0:
        raise TrainingError(f"{tokens} holds no training post: fetch more posts, or lower clean.held_out_share")
    return posts


def _plan(base_model: BaseModel, tokens: Path, posts: Any, config: TrainConfig) -> MemoryPlan:
    """How the training fits, told."""
    hardware, choice = hardware_to_plan_with(config), choose_device(config)
    plan = plan_memory(Shape.of(base_model), PostLengths.of(posts, tokens), hardware, choice, config)
    log.info("Memory: %s.", plan.sentence)
    return plan


@contextmanager
def _model_to_train(
    base_model: BaseModel, choice: DeviceChoice, config: TrainConfig, earlier: Continuation | None
) -> Iterator[Any]:
    """The model, while it is trained; afterwards the cached base model is what it was, or gone if it learned itself."""
    if config.method == "full":
        model = load_weights(base_model, earlier.weights, choice) if earlier else load_base(base_model, choice)
        try:
            set_trainable(model, config.layers)
            yield model
        finally:
            CACHE.clear()
        return
    if earlier:
        model = load_weights(base_model, earlier.weights, choice, trainable=True)
    else:
        base = load_base(base_model, choice)
        model = get_peft_model(base, adapter_options(base, config))
    with CACHE.attached(model):
        yield model


def result_of(
    callback: EvaluationCallback,
    posts: Any,
    trained: int,
    config: TrainConfig,
    what: str,
    choice: DeviceChoice,
    started: float,
) -> TrainingResult:
    """What came of it: ``trained`` parameters learned, ``what`` names them, and it all ``started`` at a time."""
    lengths = [len(ids) + 2 for ids in posts["input_ids"]]
    mixed = AUTHOR in posts.column_names
    tokens_seen = callback.epochs * (expected_sum(lengths, posts[AUTHOR]) if mixed else sum(lengths))
    return TrainingResult(
        history=callback.history,
        start_bits_per_byte=callback.scores[0] if callback.scores else None,
        bits_per_byte=callback.scores[callback.best_epoch] if callback.scores else None,
        best_epoch=callback.best_epoch,
        stopped_early=callback.epochs < config.epochs,
        trained_parameters=trained,
        tokens_per_second=round(tokens_seen / callback.training_seconds, 1),
        choice=f"{what}; {choice.reason}",
        number_format=choice.trains_in,
        seconds=round(time.monotonic() - started, 2),
    )


def describe_rate(rate: LearningRate, trainer: PostTrainer) -> str:
    """The rate, why it is this one, and how it rises; once the schedule is there."""
    rising = f"reached after {trainer.args.warmup_steps} of {trainer.state.max_steps} steps"
    return f"at learning rate {rate.value:g}, {rate.reason}, {rising}"


class PostTrainer(Trainer):
    """Computes in bfloat16 in the steps alone: the option ``bf16`` would make evaluations inexact as well."""

    autocast: str | None = None
    tokens_per_step: int | None = None
    evaluation: EvaluationCallback
    chunked_loss = False
    checkpointing = False
    warmup_share: float | None = None

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """How the rate rises and falls: only here it is known over how many steps."""
        self.args.warmup_steps = warmup_steps(self.warmup_share, num_training_steps)
        return super().create_scheduler(num_training_steps, optimizer)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The posts in rows of as many posts, or of as many tokens."""
        if self.tokens_per_step is None:
            return super().get_train_dataloader()
        posts: Any = self.train_dataset
        order: Any = self._get_train_sampler(posts)
        rows = RowsOfTokens(order, [len(ids) + 2 for ids in posts["input_ids"]], self.tokens_per_step)
        collate, pin = self.data_collator, self.args.dataloader_pin_memory
        loader: DataLoader[Any] = DataLoader(posts, batch_sampler=rows, collate_fn=collate, pin_memory=pin)
        prepared: DataLoader[Any] = self.accelerator.prepare(loader)
        return prepared

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int] | None:
        """The order of the posts; those of a mix come in equal shares."""
        posts: Any = self.train_dataset
        if AUTHOR in posts.column_names:
            return EqualShares(posts[AUTHOR])
        return super()._get_train_sampler(train_dataset)

    def training_step(self, *arguments: Any, **options: Any) -> torch.Tensor:
        """Gradients of one pack of posts; its loss is kept for the history without waiting for it."""
        twice = self.autocast and (self.chunked_loss or self.checkpointing)
        # What the backward pass computes again has to meet the weights that the forward pass met.
        with self._bfloat16.weights() if twice else nullcontext():
            loss = super().training_step(*arguments, **options)
        self.evaluation.add_loss(loss)
        return loss

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The mean loss of the tokens of an update, whole or in pieces.

        The model is not asked for it: some families do not shift the labels, some weigh each row alike.
        """
        predicted = (inputs["labels"] != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch
        if self.chunked_loss:
            return chunked_nats(getattr(model, "get_base_model", lambda: model)(), inputs) / predicted
        given = {name: tensor for name, tensor in inputs.items() if name != "labels"}
        # Said here as well: a multimodal model asks the configuration of its text part, and with a cache packed posts
        # attend across their borders.
        logits = model(**given, use_cache=False).logits
        return ForCausalLMLoss(logits, inputs["labels"], logits.shape[-1], predicted)

    def _clip_grad_norm(self, model: Any) -> Any:
        """Of the true gradients, where they are scaled."""
        if self.accelerator.scaler is not None:
            wrapped: Any = self.optimizer
            self.accelerator.scaler.unscale_(wrapped.optimizer)
        return super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> AbstractContextManager[Any]:
        """Around the forward pass of a step."""
        return self._bfloat16.step() if self.autocast else nullcontext()

    @cached_property
    def _bfloat16(self) -> Bfloat16Steps:
        """Made with the first step: multi-adapter training computes the steps of its trainers itself."""
        return Bfloat16Steps(self.model, self.args.device.type, self.autocast or "bfloat16")


def make_trainer(
    model: Any,
    posts: Any,
    collator: Collator,
    callback: EvaluationCallback,
    output: Path,
    choice: DeviceChoice,
    config: TrainConfig,
    rate: float,
) -> PostTrainer:
    """The trainer of one account, at a learning rate; it sets all random states to ``train.seed``."""
    arguments = TrainingArguments(
        output_dir=str(output),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.posts_per_step,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        learning_rate=rate,
        lr_scheduler_type="constant_with_warmup" if config.schedule == "constant" else config.schedule,
        weight_decay=config.weight_decay,
        optim="adamw_torch_fused" if choice.device != "mps" else "adamw_torch",
        seed=config.seed,
        use_cpu=choice.device == "cpu",
        dataloader_pin_memory=choice.device == "cuda",
        remove_unused_columns=False,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        logging_strategy="no",
        logging_nan_inf_filter=False,
        disable_tqdm=True,
    )
    # Several GPUs would split the one row of packed posts.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    trainer = PostTrainer(
        model=model, args=arguments, train_dataset=posts, data_collator=collator, callbacks=[callback]
    )
    trainer.autocast, trainer.tokens_per_step, trainer.evaluation = choice.autocast, config.tokens_per_step, callback
    trainer.warmup_share = config.warmup_share
    if choice.scales_gradients:
        trainer.accelerator.scaler = torch.amp.GradScaler(choice.device)
    trainer.remove_callback(PrinterCallback)
    return trainer
