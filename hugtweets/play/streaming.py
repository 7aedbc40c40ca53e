"""Samples a batch on the device and reports every token, for those who read along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hugtweets.config import Config
from hugtweets.models.cache import BARE, is_adapter, load_adapters, load_tuned
from hugtweets.play.registry import Batch
from hugtweets.steps.authors import account_seed
from hugtweets.steps.clean import texts_of

if TYPE_CHECKING:
    from hugtweets.devices.selection import DeviceChoice
    from hugtweets.generation.sampler import PartialPost
    from hugtweets.models.tokens import TextTokenizer

# Called with the account, None for the base model, and its post so far.
Listener = Callable[[str | None, "PartialPost"], None]


def stream_batch(batch: Batch, config: Config, listener: Listener) -> None:
    """Sample the posts of a batch, none of them a copy of a training post of its account. On the device."""
    # Imported on the device's thread only, as in finetune.
    from hugtweets.generation.sampler import GenerationRequest, stream

    model, tokenizer, adapters = _load(batch, config)
    handles = dict(zip(adapters, batch.digests, strict=True))
    learned: dict[str | None, list[str]] = {author.handle: texts_of(author.clean, "train") for author in batch.authors}
    options = config.sample
    requests = []
    for adapter, handle in handles.items():
        seed = account_seed(handle or "", options.seed)
        texts = learned.get(handle, [])
        kind = batch.kind if handle else None
        requests.append(GenerationRequest(options.prompts, options.per_prompt, texts, seed, adapter, kind=kind))
    stream(model, tokenizer, requests, options, lambda post: listener(handles[post.request.adapter], post))


def _load(batch: Batch, config: Config) -> tuple[Any, TextTokenizer, list[str | None]]:
    """The model, and for each account of the batch the name of its adapter; None if no adapter has to be named."""
    # Those of a batch learned beside the same bits.
    choice = choose_for_playing(config, batch.authors[0].number_format if batch.authors else None)
    outputs = [author.weights for author in batch.authors]
    if outputs and is_adapter(outputs[0]):
        model, tokenizer, names = load_adapters(batch.base_model, outputs, choice)
        if len(batch.digests) == 1:
            # The way through a mixed batch costs a quarter more.
            model.set_adapter(names[0], inference_mode=True)
            return model, tokenizer, [None]
        return model, tokenizer, [*names, *([BARE] if batch.with_base_model else [])]
    model, tokenizer = load_tuned(batch.base_model, outputs[0] if outputs else None, choice)
    return model, tokenizer, [None]


def choose_for_playing(config: Config, trained_in: str | None) -> DeviceChoice:
    """Where to compute: in bfloat16 if the processor multiplies it, which is twice as fast (benchmarks/LOG.md).

    ``trained_in`` is the number format that the models were trained in, if it is known.

    Its coarser rounding makes a post depend on those beside it. Nobody who plays asks for the same post twice.
    """
    from hugtweets.devices.selection import choose_device, options_to_read

    choice = choose_device(options_to_read(config.train, trained_in))
    return replace(choice, dtype="bfloat16") if choice.autocast else choice
