"""A model as others load it: a folder for ``transformers.pipeline("text-generation")``.

Importing this module imports torch and transformers.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from transformers import AutoConfig, GenerationConfig

from hugtweets.config import SampleConfig, TrainConfig
from hugtweets.devices.selection import DeviceChoice, choose_device
from hugtweets.errors import ConfigurationError
from hugtweets.models.cache import ADAPTER, context_length, load_weights, merge
from hugtweets.models.registry import BaseModel
from hugtweets.models.terms import pass_terms_on
from hugtweets.models.tokens import TextTokenizer
from hugtweets.pools.pool import is_pool
from hugtweets.publishing.facts import origin_of
from hugtweets.storage.atomic import write_text

ADAPTER_WEIGHTS = "adapter_model.safetensors"


def export(base_model: BaseModel, weights: Path, folder: Path, sampling: SampleConfig, adapter: bool = False) -> None:
    """Fill an empty folder with model, tokenizer and generation defaults; what it predicts is what the scorecard says.

    ``weights`` is the folder that a training of ``base_model`` wrote. ``adapter`` writes the adapter alone, for those
    who have the base model. By ``sampling`` posts are generated unless whoever loads the model says otherwise.

    Raises:
        ConfigurationError: an adapter is asked for, and every weight was trained or nobody else has its base model.
    """
    tokenizer = TextTokenizer.of(base_model)
    if adapter:
        _check_adapter(base_model, weights)
        write_adapter(weights, folder, origin_of(base_model.name).hub_id or base_model.name)
        room = context_length(AutoConfig.from_pretrained(base_model.folder, local_files_only=True))
    else:
        room = _write_model(base_model, weights, folder, tokenizer)
    write_tokenizer(base_model, folder, tokenizer, room)
    pass_terms_on(base_model.folder, folder)
    generation_defaults(tokenizer, sampling, room).save_pretrained(folder)


def generation_defaults(tokenizer: TextTokenizer, sampling: SampleConfig, room: int) -> GenerationConfig:
    """How :mod:`hugtweets.generation.sampler` draws, as far as transformers knows it; any special token ends a post."""
    return GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=True,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=0,
        # A token stands for a character at least, nearly always; the prompt needs room as well.
        max_new_tokens=min(sampling.max_characters, room // 2),
        bos_token_id=tokenizer.start_of_text,
        eos_token_id=sorted(tokenizer.special),
        pad_token_id=tokenizer.end_of_text,
    )


def _write_model(base_model: BaseModel, weights: Path, folder: Path, tokenizer: TextTokenizer) -> int:
    """The whole model in float32, in which adapters are merged without loss; returns how many tokens it can read."""
    model = load_weights(base_model, weights, cpu_choice())
    if (weights / ADAPTER).is_file():
        model = merge(model)
    model.config.use_cache = True
    # A pipeline puts the prefix before every prompt.
    model.config.prefix = tokenizer.prefix
    model.config.bos_token_id = tokenizer.start_of_text
    model.config.eos_token_id = model.config.pad_token_id = tokenizer.end_of_text
    model.save_pretrained(folder)
    return context_length(model.config)


def _check_adapter(base_model: BaseModel, weights: Path) -> None:
    if is_pool(base_model.name):
        raise ConfigurationError(f"nobody else has {base_model.name}: export it without --adapter, as a whole model")
    if not (weights / ADAPTER).is_file():
        raise ConfigurationError(
            "the model was trained with train.method=full and has no adapter: export it without --adapter"
        )


def write_adapter(weights: Path, folder: Path, base_name: str) -> None:
    """An adapter, which others find the base model of by that name."""
    shutil.copyfile(weights / ADAPTER_WEIGHTS, folder / ADAPTER_WEIGHTS)
    options: dict[str, Any] = json.loads((weights / ADAPTER).read_text(encoding="utf-8"))
    options["base_model_name_or_path"] = base_name
    write_text(folder / ADAPTER, json.dumps(options, indent=2, sort_keys=True) + "\n")


def cpu_choice() -> DeviceChoice:
    """The processor, on which weights are float32."""
    return choose_device(TrainConfig(device="cpu"))


def write_tokenizer(base_model: BaseModel, folder: Path, tokenizer: TextTokenizer, room: int) -> None:
    """The base model's tokenizer, byte for byte; that of a chat model ends a turn, ours a post."""
    shutil.copyfile(base_model.folder / "tokenizer.json", folder / "tokenizer.json")
    start, end = map(tokenizer.spell, tokenizer.ends)
    options = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": start,
        "eos_token": end,
        "pad_token": end,
        "padding_side": "left",
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": room,
        "clean_up_tokenization_spaces": False,
    }
    write_text(folder / "tokenizer_config.json", json.dumps(options, indent=2) + "\n")
