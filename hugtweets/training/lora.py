"""Adapters (LoRA), and which transformer layers learn: all, or those nearest the output (top) or the input (bottom).

What lies below the lowest layer that learns needs no gradient, so that with ``top:N`` the backward pass ends there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file
from torch.nn import Linear, Module, ModuleList
from transformers.pytorch_utils import Conv1D

from hugtweets.config import TrainConfig
from hugtweets.errors import TrainingError
from hugtweets.models.cache import trunk_of
from hugtweets.models.registry import BaseModel

# With the output among what learns, 17 MB for SmolLM2-135M; rank 8 predicts worse by 0.8 %: see benchmarks/LOG.md.
RANK = 12
# What peft calls an adapter that nobody has named.
ADAPTER = "default"
# Families whose state is computed by kernels that read this map's weights themselves, so that peft 0.21 refuses it.
MAMBAS = ("mamba", "mamba2", "falcon_mamba", "falcon_h1", "nemotron_h")
# What a mixture of experts calls the maps of its experts, and of what stands beside or in place of them: peft 0.21
# takes each of these names for all experts of all layers.
EXPERTS, OF_EXPERTS = "experts", {"gate", "shared_expert_gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3"}
# Two rows of posts, of tokens that any model has.
PROBE = ((0, 5, 6, 7, 8), (0, 9, 3, 10, 4))


def adapter_options(base: Any, config: TrainConfig) -> LoraConfig:
    """Which adapters the base model gets, and where.

    Raises:
        TrainingError: ``train.layers`` names more layers than there are, or such as hold nothing that learns.
    """
    rank, names = config.lora_rank or RANK, _linear_names(base, config.layers)
    if not names:
        raise TrainingError(f"the layers that train.layers={config.layers} names hold nothing that learns: name more")
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=config.lora_alpha or 2 * rank,  # type: ignore[arg-type]
        target_modules=names,
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in base.modules()),
    )


def _linear_names(model: Any, wanted: str) -> list[str]:
    """The linear maps of the layers that learn; if those are all layers, that of the output as well.

    What reads pictures in a multimodal model is left alone, and so are experts, of which each reads only some of the
    tokens, and their routers. Listed here since peft's ``all-linear`` leaves out the output and excludes
    ``layers_to_transform``. A GPT-2, whose layers hold their weights transposed, gets no adapter at its output: peft
    takes one way for all.
    """
    reads_text = {*trunk_of(model).modules(), model.get_output_embeddings()}
    linear: dict[str, Module] = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, Linear | Conv1D) and module in reads_text
    }
    linear = _reading_all_tokens(model, linear)
    if any(name.endswith(EXPERTS) for name, _ in model.named_modules()):
        linear = {name: module for name, module in linear.items() if name.rpartition(".")[2] not in OF_EXPERTS}
    if model.config.model_type in MAMBAS:
        linear = {name: module for name, module in linear.items() if not name.endswith(".out_proj")}
    if wanted == "all":
        transposed = any(isinstance(module, Conv1D) for module in linear.values())
        return [name for name, module in linear.items() if isinstance(module, Conv1D) or not transposed]
    return [name for layer in _chosen(model, wanted) for name in linear if name.startswith(f"{layer}.")]


def _reading_all_tokens(model: Any, maps: Mapping[str, Module]) -> dict[str, Module]:
    """Those of some maps through which all tokens of all rows go: asked of the model, by a few tokens."""
    ids, found = torch.tensor(PROBE, device=model.device), set[str]()

    def note(name: str) -> Callable[[Module, Any, Any], None]:
        def hook(_: Module, given: Any, made: Any) -> None:
            whole = isinstance(made, torch.Tensor) and made.ndim in (2, 3) and bool(given)
            if whole and given[0][..., 0].numel() == ids.numel():
                found.add(name)

        return hook

    hooks = [module.register_forward_hook(note(name)) for name, module in maps.items()]
    try:
        with torch.no_grad():
            model(input_ids=ids, use_cache=False)
    finally:
        for each in hooks:
            each.remove()
    return {name: module for name, module in maps.items() if name in found}


def save_adapter(model: Any, base_model: BaseModel, output: Path, name: str = ADAPTER) -> None:
    """One of the adapters that are attached to a model."""
    weights = get_peft_model_state_dict(model, adapter_name=name, save_embedding_layers=False)
    write_adapter(weights, model.peft_config[name], base_model, output)


def write_adapter(weights: dict[str, Any], options: LoraConfig, base_model: BaseModel, output: Path) -> None:
    """Written without peft's own function, which names the base by its path on this machine and adds a model card."""
    output.mkdir(parents=True, exist_ok=True)
    save_file(
        {key: tensor.contiguous() for key, tensor in weights.items()},
        output / "adapter_model.safetensors",
        metadata={"format": "pt"},
    )
    modules = sorted(options.target_modules or ())
    stored = replace(options, base_model_name_or_path=base_model.name, target_modules=modules, inference_mode=True)
    stored.save_pretrained(str(output))


def set_trainable(model: Any, wanted: str) -> None:
    """Let every weight learn, or of the layers that ``train.layers`` names only.

    Raises:
        TrainingError: the model has fewer layers.
    """
    model.requires_grad_(wanted == "all")
    if wanted != "all":
        for layer in _chosen(model, wanted).values():
            layer.requires_grad_(True)


def describe_layers(model: Any, wanted: str) -> str:
    """``top:15`` for people: the top 15 of 30 layers."""
    end, _, number = wanted.partition(":")
    return f"the {end} {number} of {_layers_in(model)} layers"


def _chosen(model: Any, wanted: str) -> dict[str, Module]:
    """The layers by their names in the model, lowest first."""
    number, within = _layers_in(model), set(trunk_of(model).modules())
    found = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, ModuleList) and len(module) == number and module in within
    ]
    if not found:
        family = model.config.model_type
        raise TrainingError(f"train.layers={wanted} cannot be met, as {family} has no one row of layers: use all")
    name, layers = found[0]
    end, _, count = wanted.partition(":")
    if int(count) > number:
        raise TrainingError(f"train.layers={wanted} names {count} layers and the base model has {number}: name fewer")
    places = range(number - int(count), number) if end == "top" else range(int(count))
    return {f"{name}.{place}": layers[place] for place in places}


def _layers_in(model: Any) -> int:
    return int(model.config.get_text_config().num_hidden_layers)
