"""Loads models and keeps the base model warm: the second account of a process does not pay for loading again.

One thread at a time (see :mod:`hugtweets.devices.queue`), since there is one warm model and its adapter changes.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugtweets.devices.selection import DeviceChoice
from hugtweets.errors import BaseModelError
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import TextTokenizer

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

# peft's advice on adapters where one matrix reads and writes tokens; see merge.
warnings.filterwarnings("ignore", "Model has `tie_word_embeddings=True`", UserWarning)

ADAPTER = "adapter_config.json"
# What peft calls a model without any of its adapters, where each row of a batch names one.
BARE = "__base__"
# Adapters that stay on for later: 17 MB each for a model of 135 million parameters.
MOST_WORN = 16
# What a sum of adapters is called.
BLEND = "blend"


@dataclass
class _Warm:
    """The base model of this process, and what it wears: one adapter, or several by folder, each with its name."""

    key: tuple[str, str, str]
    model: PreTrainedModel
    adapter: PeftModel | None = None
    names: dict[Path, str] = field(default_factory=dict)


_warm: _Warm | None = None


def load_tuned(base_model: BaseModel, output: Path | None, choice: DeviceChoice) -> tuple[Any, TextTokenizer]:
    """A model to sample from and to evaluate; what an earlier call returned must not be used any more.

    Args:
        base_model: what was tuned.
        output: the folder that :func:`hugtweets.training.trainer.finetune` wrote; None is the base model itself.
        choice: where to compute, and in which number format.
    """
    tokenizer = TextTokenizer.of(base_model)
    if output is None:
        return load_base(base_model, choice), tokenizer
    return load_weights(base_model, output, choice).eval(), tokenizer


def load_adapters(
    base_model: BaseModel, outputs: Sequence[Path], choice: DeviceChoice
) -> tuple[Any, TextTokenizer, list[str]]:
    """The base model with several adapters at once, to sample from, and their names in it, in the order of ``outputs``.

    They stay on, so that the next call finds them there. What another function returned must not be used any more.

    Args:
        base_model: what all of them were tuned from.
        outputs: folders that :func:`hugtweets.training.trainer.finetune` wrote with ``method=lora``, one at least.
        choice: where to compute, and in which number format.
    """
    if _warm and _warm.key == _key(base_model, choice) and set(outputs) <= set(_warm.names):
        model, names = _warm.adapter, _warm.names
    else:
        model, names = _put_on(base_model, outputs, choice)
    return model, TextTokenizer.of(base_model), [names[output] for output in outputs]


def _put_on(base_model: BaseModel, outputs: Sequence[Path], choice: DeviceChoice) -> tuple[PeftModel, dict[Path, str]]:
    """Let the base model wear these adapters, and those that it wore before as far as there is room."""
    from peft import PeftModel

    before = _warm.names if _warm and _warm.key == _key(base_model, choice) else {}
    wanted = list(dict.fromkeys([*outputs, *filter(is_adapter, before)]))[: max(MOST_WORN, len(outputs))]
    # No bare numbers: peft would take the layers that are called so for another adapter's.
    names = {output: f"adapter_{number}" for number, output in enumerate(wanted)}
    base = load_base(base_model, choice)
    # In the number format of the base model: peft would widen them, and convert back and forth in each layer.
    model = PeftModel.from_pretrained(base, str(wanted[0]), adapter_name=names[wanted[0]], autocast_adapter_dtype=False)
    wear(model)
    for output in wanted[1:]:
        model.load_adapter(str(output), names[output], autocast_adapter_dtype=False)
    wear(model.eval(), names)
    return model, names


def load_blend(
    base_model: BaseModel, shares: Sequence[tuple[Path, float]], choice: DeviceChoice
) -> tuple[Any, TextTokenizer]:
    """The base model with the sum of several adapters, each times its share, as :func:`load_tuned` returns a model.

    The adapters' factors are put side by side (peft's ``cat``): that is the sum itself, whatever their ranks. Its
    ``linear`` adds the factors instead, whose product has parts of every pair of adapters; ``svd`` only approximates.
    """
    model, tokenizer, names = load_adapters(base_model, [folder for folder, _ in shares], choice)
    model.add_weighted_adapter(names, [share for _, share in shares], BLEND, combination_type="cat")
    model.set_adapter(BLEND)
    # No later call wants this sum: whatever comes next starts from the bare base model.
    wear(model.eval())
    return model, tokenizer


def is_adapter(output: Path) -> bool:
    """Whether a training wrote an adapter rather than a whole model."""
    return (output / ADAPTER).is_file()


def load_weights(base_model: BaseModel, output: Path, choice: DeviceChoice, trainable: bool = False) -> Any:
    """What a training wrote: the base model with its adapter, or another model in its place."""
    if not is_adapter(output):
        release()
        return _read(output, choice).requires_grad_(trainable)
    from peft import PeftModel

    model = PeftModel.from_pretrained(load_base(base_model, choice), str(output), is_trainable=trainable)
    wear(model)
    return model


def merge(model: PeftModel) -> PreTrainedModel:
    """The base model with the adapter in its weights; what is warm is no base model any more.

    Where one matrix reads tokens and writes them, an adapter that changes only how they are written makes it two.
    """
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    base: Any = model.get_base_model()
    output = base.get_output_embeddings()
    if base.config.tie_word_embeddings and isinstance(output, BaseTunerLayer):
        own: Any = output.get_base_layer()
        own.weight = torch.nn.Parameter(own.weight.detach().clone(), requires_grad=False)
        base.config.tie_word_embeddings = False
    release()
    merged: PreTrainedModel = model.merge_and_unload()
    vars(merged).pop("peft_config", None)
    return merged


def load_base(base_model: BaseModel, choice: DeviceChoice) -> PreTrainedModel:
    """The base model without any adapter, from memory if it is warm."""
    global _warm
    key = _key(base_model, choice)
    if _warm is None or _warm.key != key:
        gc.unfreeze()
        release()
        _warm = _Warm(key, _read(base_model.folder, choice))
        # The libraries and the model are half a million objects that stay. Accelerate has them searched for garbage
        # after every training, which takes 0.3 seconds of processor time unless they are left out of it.
        gc.freeze()
    take_off()
    return _warm.model


def wear(adapter: PeftModel, names: dict[Path, str] | None = None) -> None:
    """Note that the warm base model wears this adapter, or these, so that it is taken off before the next use."""
    if _warm is not None:
        _warm.adapter, _warm.names = adapter, names or {}


def take_off() -> None:
    """Make the warm base model again exactly what it was before it wore an adapter."""
    if _warm is None or _warm.adapter is None:
        return
    _warm.adapter.unload()
    _warm.adapter, _warm.names = None, {}
    # peft leaves its mark on the model, and warns of it when the next adapter is put on.
    vars(_warm.model).pop("peft_config", None)
    _warm.model.requires_grad_(False).eval()  # type: ignore[no-untyped-call]


def release() -> None:
    """Forget the warm model, so that its memory can be used."""
    global _warm
    _warm = None


def _key(base_model: BaseModel, choice: DeviceChoice) -> tuple[str, str, str]:
    return base_model.digest, choice.device, choice.dtype


def _read(folder: Path, choice: DeviceChoice) -> PreTrainedModel:
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=getattr(torch, choice.dtype),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BaseModelError(f"the model in {folder} cannot be loaded ({reason}): choose another base model") from error
    # With a cache, packed posts would attend across their borders; sampling asks for one explicitly.
    model.config.use_cache = False
    # How to sample is ours to say, not the base model's.
    model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    model.to(torch.device(choice.device))  # type: ignore[arg-type]
    model.requires_grad_(False).eval()  # type: ignore[no-untyped-call]
    return model
