"""Blends: posts in a voice between those of several accounts, whose adapters are added up without training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isclose, isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from hugtweets.base_models import BaseModel
from hugtweets.config import Config
from hugtweets.device_queue import on_device
from hugtweets.errors import ConfigurationError
from hugtweets.home import Home
from hugtweets.loading import ADAPTER, is_adapter
from hugtweets.progress import reporter
from hugtweets.steps.clean import texts_of
from hugtweets.steps.sample import Author, account_seed

if TYPE_CHECKING:
    from hugtweets.sampling import Sample


def parse_blend(text: str, home: Home) -> dict[str, float]:
    """``alice=0.7,bob=0.3`` as the share of each account, spelled as the home spells it.

    Raises:
        ConfigurationError: it is not written like that, or the shares do not add up to 1.
        InvalidHandle: a name that cannot be one.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        share = _positive(number)
        handle = home.spelling(name.strip())
        if share is None or handle in shares:
            raise ConfigurationError(f"{text!r} is no blend: write a share for each account, as in alice=0.7,bob=0.3")
        shares[handle] = share
    if len(shares) < 2 or not isclose(sum(shares.values()), 1, abs_tol=1e-6):
        raise ConfigurationError(f"the shares of {text!r} are not 1 in all, of two accounts at least: make them so")
    return shares


def blend_name(shares: Mapping[str, float]) -> str:
    """How a blend is called: ``alice=0.7,bob=0.3``."""
    return ",".join(f"{handle}={share:g}" for handle, share in shares.items())


def draw_blend(home: Home, shares: Mapping[str, float], config: Config) -> Sequence[Sample]:
    """New posts of a blend of the accounts' current models, none of them a copy of a post that one learned.

    Raises:
        NothingKept: an account has no current model.
        BaseModelError: the base model is gone.
        ConfigurationError: the models cannot be added up.
    """
    authors = [Author.find(home, handle) for handle in shares]
    check_alike(authors)
    texts = [text for author in authors for text in texts_of(author.clean, "train")]
    adapters = [(author.weights, shares[author.handle]) for author in authors]
    name = blend_name(shares)
    drawing = config.sample.model_copy(update={"seed": account_seed(name, config.sample.seed)})
    options = config.model_copy(update={"sample": drawing})
    return on_device(_draw, name, adapters, texts, authors[0].base_model, options)


def check_alike(authors: Sequence[Author]) -> None:
    """Only adapters of one base model, in the same places of it, can be added up.

    Raises:
        ConfigurationError: names two models that are not alike, and in what.
    """
    first, *others = authors
    for author in authors:
        if not is_adapter(author.weights):
            raise ConfigurationError(f"the model of {author.handle} has no adapter, every weight was trained: use lora")
    for other in others:
        if first.base_model.digest != other.base_model.digest:
            raise ConfigurationError(
                f"{first.handle} and {other.handle} were made from different base models: train one of them again"
            )
        if _places(first) != _places(other):
            raise ConfigurationError(
                f"{first.handle} and {other.handle} have adapters in different places (train.layers): "
                "train one of them again"
            )


def _places(author: Author) -> set[str]:
    options = json.loads((author.weights / ADAPTER).read_text(encoding="utf-8"))
    return set(options["target_modules"])


def _draw(
    name: str, adapters: Sequence[tuple[Path, float]], texts: Sequence[str], base_model: BaseModel, config: Config
) -> Sequence[Sample]:
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices import choose_device
    from hugtweets.loading import load_blend
    from hugtweets.sampling import draw

    model, tokenizer = load_blend(base_model, adapters, choose_device(config.train))
    return draw(model, tokenizer, config.sample.prompts, texts, config.sample, reporter(name, "sample"))


def _positive(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) and number > 0 else None
