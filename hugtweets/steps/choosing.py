"""Choosing posts: of several that a model wrote, those that the reader finds as likely as the account's own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from hugtweets.config import Config, TrainConfig
from hugtweets.devices.queue import on_device
from hugtweets.generation.choice import spread_as
from hugtweets.models.registry import BaseModel
from hugtweets.steps.clean import texts_of
from hugtweets.steps.reader import check_choice, reader_of
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home

if TYPE_CHECKING:
    from hugtweets.generation.sampler import Sample

# Of the account's own posts, the newest that are no test posts: more would be read for little.
MOST = 80

log = logging.getLogger(__name__)

Written = tuple[Sequence["Sample"], Config]


def before_choice(config: Config) -> Config:
    """How to write as many posts as there have to be to choose from: ``sample.best_of`` times as many."""
    options = config.sample.model_copy(update={"per_prompt": config.sample.per_prompt * config.sample.best_of})
    return config.model_copy(update={"sample": options})


def choose(
    home: Home, handle: str, base_model: BaseModel, cleaned: Sequence[Reference], written: Sequence[Written]
) -> list[Sequence[Sample]]:
    """As many posts of each prompt as a configuration asks for, counted anew; all of them if there is no choice.

    Args:
        home: where the reader is looked for.
        handle: whose model wrote the posts.
        base_model: what that model was made from.
        cleaned: the posts that it learned. The reader never saw any of them, whatever they were used for.
        written: posts, and the configuration of how many were wanted; all of them name the same reader.

    Raises:
        ConfigurationError: the reader sees no more than the account's own base model.
        BaseModelError: there is no such reader.
    """
    config = written[0][1]
    if config.sample.best_of == 1:
        return [samples for samples, _ in written]
    check_choice(home, handle, config)
    reader = reader_of(home, handle, config, base_model)
    own = [text for split in ("train", "validation") for clean in cleaned for text in texts_of(clean, split)][-MOST:]
    texts = list(dict.fromkeys(sample.text for samples, _ in written for sample in samples))
    log.info("%s: %s chooses among %d posts, so that they read as its own do.", handle, reader.name, len(texts))
    wanted, found = on_device(_likelihoods, reader, config.train, [own, texts])
    likelihoods = dict(zip(texts, found, strict=True))
    return [_of_each_prompt(samples, each.sample.per_prompt, wanted, likelihoods) for samples, each in written]


def _of_each_prompt(
    samples: Sequence[Sample], number: int, wanted: Sequence[float], likelihoods: Mapping[str, float]
) -> list[Sample]:
    kept = []
    for prompt in dict.fromkeys(sample.prompt for sample in samples):
        theirs = [sample for sample in samples if sample.prompt == prompt]
        places = spread_as(wanted, [likelihoods[sample.text] for sample in theirs], number)
        kept += [replace(theirs[place], index=index) for index, place in enumerate(sorted(places))]
    return kept


def _likelihoods(reader: BaseModel, train: TrainConfig, lists: Sequence[Sequence[str]]) -> list[list[float]]:
    """Bits per byte of each post to the reader. On the device."""
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices.selection import choose_device
    from hugtweets.evaluation.bits_per_byte import bits_per_byte, post_nats
    from hugtweets.models.cache import load_tuned

    model, tokenizer = load_tuned(reader, None, choose_device(train))
    read = []
    for texts in lists:
        nats = post_nats(model, list(map(tokenizer.encode, texts)), tokenizer.ends)
        sizes = [len(text.encode()) for text in texts]
        read.append([bits_per_byte([nat], [size]) for nat, size in zip(nats, sizes, strict=True)])
    return read
