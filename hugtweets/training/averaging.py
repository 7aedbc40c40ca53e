"""One set of weights between a base model's and those of a model that was trained from it.

Importing this module imports torch. One at a time: see :mod:`hugtweets.devices.queue`.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft.helpers import rescale_adapter_scale

from hugtweets.config import TrainConfig
from hugtweets.devices.selection import choose_device
from hugtweets.models.cache import CACHE, is_adapter, load_base, load_weights, merge
from hugtweets.models.registry import BaseModel
from hugtweets.models.terms import pass_terms_on

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def average(base_model: BaseModel, weights: Path, share: float, output: Path, config: TrainConfig) -> None:
    """Write ``(1 - share) * base + share * trained`` as a base model of its own, in float32, with its tokenizer.

    Half-way between the two a model keeps much of what each of them knows (Wortsman et al. 2022, "Robust fine-tuning of
    zero-shot models"). Adapters are scaled by the share and merged into the base's weights; a share of 1 is the trained
    model itself. ``weights`` is the folder that :func:`hugtweets.training.trainer.finetune` wrote.
    """
    # On the processor: adapters that are merged in bfloat16 lose most of what they learned.
    choice = replace(choose_device(config), device="cpu", dtype="float32", quantised=None)
    trained: Any = load_weights(base_model, weights, choice)
    try:
        if is_adapter(weights):
            with rescale_adapter_scale(trained, share):
                trained = merge(trained)
        else:
            # peft averages adapters alone, so that whole models are averaged here.
            base = dict(load_base(base_model, choice).named_parameters())
            with torch.no_grad():
                for name, own in trained.named_parameters():
                    own.copy_(torch.lerp(base[name], own, share))
        trained.save_pretrained(output)
    finally:
        CACHE.clear()
    for name in TOKENIZER:
        if (base_model.folder / name).is_file():
            shutil.copyfile(base_model.folder / name, output / name)
    pass_terms_on(base_model.folder, output)
