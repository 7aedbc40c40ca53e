"""Loads models, and keeps the base model in memory: the second account of a process does not pay for loading again.

One thread at a time (see :mod:`hugtweets.devices.queue`): there is one model, and what is attached to it changes. So
whatever one of these functions returned must not be used any more after the next call.
"""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugtweets.devices.memory import is_out_of_memory
from hugtweets.devices.selection import DeviceChoice
from hugtweets.errors import BaseModelError
from hugtweets.models.fitness import check_complete, check_fitness
from hugtweets.models.registry import BaseModel
from hugtweets.models.tokens import TextTokenizer

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import BitsAndBytesConfig, PreTrainedModel

# peft's advice on adapters where one matrix reads and writes tokens; see merge.
warnings.filterwarnings("ignore", "Model has `tie_word_embeddings=True`", UserWarning)
# peft 0.21 asks transformers by the old name; on a worker nobody else keeps that out of the log.
warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)

ADAPTER = "adapter_config.json"
# What peft calls a model without any of its adapters, where each row of a batch names one.
BARE = "__base__"
# Adapters that stay attached for later: 17 MB each for a model of 135 million parameters.
MOST_ATTACHED = 16
# What a sum of adapters is called.
BLEND = "blend"
# Tokens; more than any post has, for families whose positions have no end.
NO_LIMIT = 2**20
# Base models that were looked at in this process, by their digests: two of them may take turns for each account.
_FIT: set[str] = set()


class ModelCache:
    """The base model that was loaded last, and the adapters that are attached to it, named by their folders."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the model, to free its memory, or since its weights are not the base model's any more."""
        self.adapted: PeftModel | None = None
        self.names: Mapping[Path, str] = {}
        self._key: tuple[str, ...] = ()
        self._model: PreTrainedModel | None = None

    @property
    def size(self) -> int:
        """Bytes of the weights that are here."""
        return sum(weights.nbytes for weights in self._model.parameters()) if self._model is not None else 0

    def get(self, key: tuple[str, ...], read: Callable[[], PreTrainedModel]) -> PreTrainedModel:
        """The model of this key without any adapter; it is read if another one is here."""
        if self._model is None or self._key != key:
            gc.unfreeze()
            self.clear()
            self._key, self._model = key, read()
            # The libraries and the model are half a million objects that stay. Accelerate has them searched for garbage
            # after every training, which takes 0.3 seconds of processor time unless they are left out of it.
            gc.freeze()
        self.detach()
        return self._model

    def names_on(self, key: tuple[str, ...]) -> Mapping[Path, str]:
        """The adapters that are attached to the model of this key."""
        return self.names if self._key == key else {}

    def attach(self, adapted: PeftModel, names: Mapping[Path, str] | None = None) -> None:
        """Remember what was put around the base model, so that it is detached before the next use."""
        self.adapted, self.names = adapted, names or {}

    @contextmanager
    def attached(self, adapted: PeftModel) -> Iterator[PeftModel]:
        """Attached while the block runs."""
        self.attach(adapted)
        try:
            yield adapted
        finally:
            self.detach()

    def detach(self) -> None:
        """Make the base model again exactly what it was before anything was attached to it."""
        if self.adapted is None:
            return
        base: Any = self.adapted.unload()
        self.adapted, self.names = None, {}
        # peft leaves its mark on the model, and warns of it when the next adapter is attached.
        vars(base).pop("peft_config", None)
        base.requires_grad_(False).eval()


CACHE = ModelCache()


def load_base(base_model: BaseModel, choice: DeviceChoice) -> PreTrainedModel:
    """The base model without any adapter, from memory if it is the one that was loaded last."""
    return CACHE.get(_key(base_model, choice), lambda: _read_base(base_model, choice))


def load_weights(base_model: BaseModel, output: Path, choice: DeviceChoice, trainable: bool = False) -> Any:
    """What a training wrote: the base model with its adapter, or another model in its place."""
    if not is_adapter(output):
        CACHE.clear()
        return _read(output, choice).requires_grad_(trainable)
    from peft import PeftModel

    model = PeftModel.from_pretrained(load_base(base_model, choice), str(output), is_trainable=trainable)
    CACHE.attach(model)
    return model


def is_adapter(output: Path) -> bool:
    """Whether a training wrote an adapter rather than a whole model."""
    return (output / ADAPTER).is_file()


def load_tuned(base_model: BaseModel, output: Path | None, choice: DeviceChoice) -> tuple[Any, TextTokenizer]:
    """A model to sample from and to evaluate, with its tokenizer.

    ``output`` is the folder that :func:`hugtweets.training.trainer.finetune` wrote; None is the base model itself.
    """
    tokenizer = TextTokenizer.of(base_model)
    model: Any = load_weights(base_model, output, choice) if output else load_base(base_model, choice)
    return model.eval(), tokenizer


def load_adapters(
    base_model: BaseModel, outputs: Sequence[Path], choice: DeviceChoice
) -> tuple[Any, TextTokenizer, list[str]]:
    """The base model with several adapters at once, to sample from, and their names in it, in the order of ``outputs``.

    There must be one at least, and all were trained from the base model by ``lora``. They stay attached, so that the
    next call finds them there, and so do those of earlier calls if there is room.
    """
    from peft import PeftModel

    before = CACHE.names_on(_key(base_model, choice))
    if not before.keys() >= set(outputs):
        wanted = list(dict.fromkeys([*outputs, *filter(is_adapter, before)]))[: max(MOST_ATTACHED, len(outputs))]
        # No bare numbers: peft would take the layers that are called so for another adapter's.
        names = {output: f"adapter_{number}" for number, output in enumerate(wanted)}
        base = load_base(base_model, choice)
        # In the number format of the base model: peft would widen them, and convert back and forth in each layer.
        model = PeftModel.from_pretrained(base, str(wanted[0]), names[wanted[0]], autocast_adapter_dtype=False)
        CACHE.attach(model)
        for output in wanted[1:]:
            model.load_adapter(str(output), names[output], autocast_adapter_dtype=False)
        CACHE.attach(model.eval(), names)
    return CACHE.adapted, TextTokenizer.of(base_model), [CACHE.names[output] for output in outputs]


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
    # Without names, for no later call wants this sum: whatever comes next starts from the bare base model.
    CACHE.attach(model.eval())
    return model, tokenizer


def trunk_of(model: Any) -> Any:
    """What stands below the output of a model and reads text: families call it by different names."""
    parts = (getattr(model, name) for name in (model.base_model_prefix, "model") if hasattr(model, name))
    above = (model, model.get_output_embeddings())
    return next((part for part in (model.get_decoder(), *parts) if not any(part is each for each in above)), model)


def context_length(config: Any) -> int:
    """How many tokens a model of this configuration can read, as far as it has a limit."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", 0) or NO_LIMIT)


def merge(model: PeftModel) -> PreTrainedModel:
    """The base model with the adapter in its weights, which leaves the cache.

    Where one matrix reads tokens and writes them, an adapter that changes only how they are written makes it two.
    """
    import torch
    from peft.tuners.tuners_utils import BaseTunerLayer

    base: Any = model.get_base_model()
    output = base.get_output_embeddings()
    if getattr(base.config, "tie_word_embeddings", False) and isinstance(output, BaseTunerLayer):
        own: Any = output.get_base_layer()
        own.weight = torch.nn.Parameter(own.weight.detach().clone(), requires_grad=False)
        base.config.tie_word_embeddings = False
    CACHE.clear()
    merged: PreTrainedModel = model.merge_and_unload()
    vars(merged).pop("peft_config", None)
    return merged


def _key(base_model: BaseModel, choice: DeviceChoice) -> tuple[str, ...]:
    return base_model.digest, choice.device, choice.dtype, choice.quantised or ""


def _read_base(base_model: BaseModel, choice: DeviceChoice) -> PreTrainedModel:
    """A base model that can be learned from."""
    model = _read(base_model.folder, choice)
    if base_model.digest not in _FIT:
        check_fitness(model, base_model.name)
        _FIT.add(base_model.digest)
    return model


def _read(folder: Path, choice: DeviceChoice) -> PreTrainedModel:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, GenerationConfig
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            str(folder),
            output_loading_info=True,
            dtype=getattr(torch, choice.dtype),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            **_placement(choice),
        )
    except (ValueError, KeyError, OSError, ImportError, SafetensorError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:200]
        raise BaseModelError(f"the model in {folder} cannot be loaded ({reason}): choose another base model") from error
    model: PreTrainedModel = loaded[0]
    check_complete(model, loaded[1]["missing_keys"], str(folder))
    # With a cache, packed posts would attend across their borders; sampling asks for one explicitly.
    model.config.use_cache = False
    # What the routers of experts decided is asked for by some: it adds to the loss, and fails where texts go on.
    if getattr(text := model.config.get_text_config(), "output_router_logits", False):
        text.output_router_logits = False
    # How to sample is ours to say, not the base model's.
    model.generation_config = GenerationConfig()  # type: ignore[no-untyped-call]
    model.requires_grad_(False).eval()  # type: ignore[no-untyped-call]
    return model


def _placement(choice: DeviceChoice) -> dict[str, Any]:
    """Straight to the device, shard by shard, so that weights do not pass through the machine's memory as a whole."""
    if choice.device == "cpu":
        return {}
    placement: dict[str, Any] = {"device_map": {"": choice.device}}
    if choice.quantised:
        placement["quantization_config"] = quantisation(choice)
    return placement


def quantisation(choice: DeviceChoice) -> BitsAndBytesConfig:
    """How bitsandbytes holds the weights: NormalFloat4 with quantised constants (QLoRA), or LLM.int8()."""
    import torch
    from transformers import BitsAndBytesConfig

    if choice.quantised == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)  # type: ignore[no-untyped-call]
    return BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, choice.dtype),
    )
