"""Fine-tuning: the base model becomes the account's, by adapters (LoRA) or in every weight.

Importing this module imports torch and transformers. One training at a time: see :mod:`hugtweets.devices.queue`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate.utils import environment  # type: ignore[import-untyped]  # accelerate ships no types
from transformers import DataCollatorWithFlattening, PrinterCallback, Trainer, TrainingArguments, set_seed

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import DeviceChoice, choose_device
from hugtweets.errors import TrainingError
from hugtweets.models.cache import load_base, load_weights, release, take_off, wear
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import AUTHOR, TextTokenizer, load_split
from hugtweets.training.callbacks import Coach, HeldOut, Progress
from hugtweets.training.continual import Continuation
from hugtweets.training.lora import describe_layers, freeze_others, linear_names
from hugtweets.training.precision import Bfloat16Steps
from hugtweets.training.samplers import EqualShares, expected_sum

if TYPE_CHECKING:
    from peft import LoraConfig

# With the output among what learns, 17 MB for SmolLM2-135M; rank 8 predicts worse by 0.8 %: see benchmarks/LOG.md.
LORA_RANK = 12
# Found on SmolLM2-135M with four posts a step: adapters on accounts of 300 to 1,200 posts, full weights on one of 600.
LEARNING_RATES = {"lora": 2e-3, "full": 2e-4}

# Accelerate empties the environment of the process for a moment whenever a trainer is made, to learn the defaults of
# its own options. Another thread that looked just then found no token, no home and no address of X.
environment.clear_environment = nullcontext


@dataclass(frozen=True)
class TrainingResult:
    """What came of a training.

    ``history`` has a row for each step (``train/loss`` in nats per token, ``train/lr``) and one for each held-out
    examination (``held_out/loss`` in nats per token, ``held_out/bits_per_byte``, ``train/seconds`` spent in steps until
    then), the first at step 0, before any training. Bits per byte (of what it started from, and in the end) are None
    where nothing is held out. ``choice`` tells people what was chosen, and why.
    """

    history: list[dict[str, float]]
    start_bits_per_byte: float | None
    bits_per_byte: float | None
    best_epoch: int
    stopped_early: bool
    trained_parameters: int
    tokens_per_second: float
    choice: str
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

    Same inputs, seed and machine give the same weights, byte for byte.

    Args:
        base_model: what to start from; it stays as it is.
        tokens: a Parquet file under :data:`hugtweets.models.tokens.TOKENS_SCHEMA`.
        output: a folder for the adapter or the full weights, as safetensors.
        config: how to train.
        progress: told steps done, steps in all, and a note for people.
        earlier: start from what it wrote, and train on its posts alone; None starts from the base model.
        rate: the option that whoever asked sets the learning rate by.

    Raises:
        TrainingError: there is no post to train on, or the loss is not a number.
        ConfigurationError: ``train.device`` is not there.
    """
    started = time.monotonic()
    posts = load_split(tokens, "train", earlier.posts if earlier else None)
    if len(posts) == 0:
        raise TrainingError(f"{tokens} holds no training post: fetch more posts, or lower clean.held_out_share")
    end_of_text = TextTokenizer.of(base_model).end_of_text
    choice = training_format(choose_device(config), config)
    set_seed(config.seed)
    try:
        model, save = _trainable(base_model, output, choice, config, earlier)
        coach = Coach(model, HeldOut.of(tokens, end_of_text), save, config.patience, progress, rate)
        make_trainer(model, posts, PostCollator(end_of_text), coach, output, choice, config).train()
        trained = sum(weights.numel() for weights in model.parameters() if weights.requires_grad)
        where = f" in {describe_layers(model, config.layers)}" if config.layers != "all" else ""
    finally:
        take_off()
        if config.method == "full":
            release()
    return result_of(coach, posts, trained, config, f"{config.method}{where}", choice, started)


def result_of(
    coach: Coach, posts: Any, trained: int, config: TrainConfig, what: str, choice: DeviceChoice, started: float
) -> TrainingResult:
    """What the coach saw; ``trained`` parameters learned, ``what`` names them, and it all ``started`` at a time."""
    lengths = [len(ids) + 2 for ids in posts["input_ids"]]
    mixed = AUTHOR in posts.column_names
    tokens_seen = coach.epochs * (expected_sum(lengths, posts[AUTHOR]) if mixed else sum(lengths))
    return TrainingResult(
        history=coach.history,
        start_bits_per_byte=coach.scores[0] if coach.scores else None,
        bits_per_byte=coach.scores[coach.best_epoch] if coach.scores else None,
        best_epoch=coach.best_epoch,
        stopped_early=coach.epochs < config.epochs,
        trained_parameters=trained,
        tokens_per_second=round(tokens_seen / coach.training_seconds, 1),
        choice=f"{what} at learning rate {learning_rate(config):g}; {choice.reason}",
        seconds=round(time.monotonic() - started, 2),
    )


def learning_rate(config: TrainConfig) -> float:
    """``train.lr``, or the default of the method."""
    return config.lr if config.lr is not None else LEARNING_RATES[config.method]


class PostCollator:
    """Posts as one row: position ids restart at each post, so that no post attends to another.

    Each post stands between end-of-text tokens, the first of which is not predicted.
    """

    def __init__(self, end_of_text: int) -> None:
        self._end = [end_of_text]
        self._flatten = DataCollatorWithFlattening(return_tensors="pt")  # type: ignore[no-untyped-call]

    def __call__(self, posts: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Token ids, labels and position ids of shape (1, tokens of all posts)."""
        documents = [{"input_ids": [*self._end, *post["input_ids"], *self._end]} for post in posts]
        batch: dict[str, Any] = self._flatten(documents)
        return batch


class PostTrainer(Trainer):
    """The option ``bf16`` would stay on the model and make examinations inexact; here it ends with each step."""

    autocast = False

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int] | None:
        """The order of the posts; those of a mix are drawn in equal shares."""
        posts: Any = self.train_dataset
        if AUTHOR in posts.column_names:
            return EqualShares(posts[AUTHOR])
        return super()._get_train_sampler(train_dataset)

    def autocast_smart_context_manager(self, cache_enabled: bool | None = True) -> AbstractContextManager[Any]:
        """Around the forward pass of a step."""
        return self._bfloat16.step() if self.autocast else nullcontext()

    @cached_property
    def _bfloat16(self) -> Bfloat16Steps:
        """Made with the first step: a cohort makes trainers whose steps it computes itself."""
        return Bfloat16Steps(self.model, self.args.device.type)


def training_format(choice: DeviceChoice, config: TrainConfig) -> DeviceChoice:
    """Weights that are trained stay in float32 and are only multiplied in less: small updates would be lost."""
    if config.method == "lora" or choice.dtype == "float32":
        return choice
    return replace(choice, dtype="float32", autocast=True)


def _trainable(
    base_model: BaseModel, output: Path, choice: DeviceChoice, config: TrainConfig, earlier: Continuation | None
) -> tuple[Any, Callable[[], None]]:
    """The model to train, and how to write its weights."""
    if earlier:
        model = load_weights(base_model, earlier.weights, choice, trainable=True)
    elif config.method == "full":
        model = load_base(base_model, choice).requires_grad_(True)
    else:
        model = _with_new_adapters(load_base(base_model, choice), config)
    if config.method == "full":
        if config.layers != "all":
            freeze_others(model, config.layers)
        return model, lambda: model.save_pretrained(output)
    return model, lambda: save_adapter(model, base_model, output)


def _with_new_adapters(base: Any, config: TrainConfig) -> Any:
    from peft import get_peft_model

    adapted = get_peft_model(base, adapter_options(base, config))
    wear(adapted)
    return adapted


def adapter_options(base: Any, config: TrainConfig) -> LoraConfig:
    """Which adapters the base model gets, and where.

    Raises:
        TrainingError: ``train.layers`` names more layers than there are.
    """
    from peft import LoraConfig
    from transformers.pytorch_utils import Conv1D

    rank = config.lora_rank or LORA_RANK
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=config.lora_alpha or 2 * rank,  # type: ignore[arg-type]
        target_modules=linear_names(base, config.layers),
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.modules()),
    )


def save_adapter(model: Any, base_model: BaseModel, output: Path, name: str = "default") -> None:
    """Written without peft's own function, which names the base by its path on this machine and adds a model card."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    output.mkdir(parents=True, exist_ok=True)
    weights = get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False)
    save_file(
        {key: tensor.contiguous() for key, tensor in weights.items()},
        output / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    adapters = replace(
        model.peft_config[name],
        base_model_name_or_path=base_model.name,
        target_modules=sorted(model.peft_config[name].target_modules),
        inference_mode=True,
    )
    adapters.save_pretrained(str(output))


def make_trainer(
    model: Any,
    posts: Any,
    collator: PostCollator,
    coach: Coach,
    output: Path,
    choice: DeviceChoice,
    config: TrainConfig,
) -> Trainer:
    """The trainer of one account; it sets all random states to ``train.seed``."""
    arguments = TrainingArguments(
        output_dir=str(output),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.posts_per_step,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        learning_rate=learning_rate(config),
        lr_scheduler_type="constant_with_warmup" if config.schedule == "constant" else config.schedule,
        warmup_steps=config.warmup_share,
        weight_decay=config.weight_decay,
        optim="adamw_torch_fused" if choice.device != "mps" else "adamw_torch",
        seed=config.seed,
        use_cpu=choice.device == "cpu",
        dataloader_pin_memory=choice.device == "cuda",
        remove_unused_columns=False,
        save_strategy="no",
        eval_strategy="no",
        report_to="none",
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
    )
    # Several GPUs would split the one row of packed posts.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    trainer = PostTrainer(model=model, args=arguments, train_dataset=posts, data_collator=collator, callbacks=[coach])
    trainer.autocast = choice.autocast
    trainer.remove_callback(PrinterCallback)
    return trainer
