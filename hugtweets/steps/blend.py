"""Blends: posts in a voice between those of several accounts, whose adapters are added up without training.

A blend that is kept has a model of its own, called ``alice-70+bob-30``. It is judged by what the models of its accounts
are judged by: its clean posts are those that they were made from, and so are its test posts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf, isclose, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugtweets.cleaning.kinds import Kind
from hugtweets.config import Config
from hugtweets.devices.queue import on_device
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.job import Job
from hugtweets.models.cache import ADAPTER, BLEND, is_adapter, load_blend
from hugtweets.models.registry import BaseModel
from hugtweets.steps.authors import Author, Wanted, account_seed, generate_from
from hugtweets.steps.choosing import before_choice, choose
from hugtweets.steps.clean import texts_of
from hugtweets.steps.finetune import HISTORY, WEIGHTS, number_format
from hugtweets.steps.reader import check_choice
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import Plan, Reference
from hugtweets.storage.atomic import write_text
from hugtweets.storage.handles import members_of, name_blend
from hugtweets.storage.home import Home

if TYPE_CHECKING:
    from hugtweets.generation.sampler import Sample

VERSION = 1


@dataclass(frozen=True)
class Part:
    """The model of an account in a blend, and its share in percent."""

    model: Reference
    percent: int


def plan_blend(job: Job, tokens: Reference, parts: Sequence[Part]) -> Plan:
    """Depends on the posts of all accounts, their models, and the share of each."""
    models = {f"finetune/{part.model.handle}": part.model.digest for part in parts}
    shares = {part.model.handle: part.percent for part in parts}
    return Plan("finetune", VERSION, job.handle, (tokens,), shares, models | {"base_model": job.base_model.digest})


def blend(job: Job, tokens: Reference, parts: Sequence[Part]) -> Reference:
    """Write ``weights/``, the sum of the adapters as one; ``history.json`` is empty, for nothing is trained."""

    def fill(folder: Path) -> Mapping[str, Any]:
        adapters = [(part.model.file(WEIGHTS), part.percent / 100) for part in parts]
        on_device(_write_sum, job.base_model, adapters, folder / WEIGHTS, job.config)
        write_text(folder / HISTORY, "[]\n")
        first = parts[0].model.manifest().counts
        return {
            "start": f"models of {' and '.join(members_of(job.handle))}",
            "start_reason": "which are added up without training",
            "choice": " and ".join(f"{part.percent} % of {part.model.handle}" for part in parts) + " added up",
            "trained_parameters": 0,
            "trainings_in_a_row": 0,
            "best_epoch": 0,
            "seconds": 0.0,
            "number_format": common_format([part.model for part in parts]),
            "base_model": job.base_model.name,
            "base_model_option": first["base_model_option"],
        }

    return perform(job, plan_blend(job, tokens, parts), fill)


def common_format(models: Sequence[Reference]) -> str | None:
    """The number format in which all models were trained; None if in several: then none is read as it learned."""
    formats = set(map(number_format, models))
    return formats.pop() if len(formats) == 1 else None


def kept_name(shares: Mapping[str, float]) -> str:
    """What a blend is called that is kept: ``alice-70+bob-30``.

    Raises:
        ConfigurationError: the shares are no whole percents.
    """
    percents = {handle: round(100 * share) for handle, share in shares.items()}
    if not all(isclose(100 * share, percents[handle], abs_tol=1e-6) for handle, share in shares.items()):
        raise ConfigurationError(
            f"{blend_name(shares)} cannot be kept: its name has whole percents, so take such shares"
        )
    return name_blend(percents)


def find_authors(home: Home, handles: Sequence[str]) -> list[Author]:
    """The accounts of a blend with their current models, which can be added up.

    Raises:
        NothingKept: an account has no current model.
        BaseModelError: the base model is gone.
        ConfigurationError: the models cannot be added up.
    """
    authors = [Author.find(home, handle) for handle in handles]
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
    return authors


def parse_blend(text: str, home: Home) -> dict[str, float]:
    """``alice=0.7,bob=0.3`` as the share of each account, spelled as the home spells it.

    Raises:
        ConfigurationError: it is not written like that, or the shares do not add up to 1.
        InvalidHandle: a name that cannot be one.
    """
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = nan
        handle = home.spelling(name.strip())
        if not 0 < share < inf or handle in shares:
            raise ConfigurationError(f"{text!r} is no blend: write a share for each account, as in alice=0.7,bob=0.3")
        shares[handle] = share
    if len(shares) < 2 or not isclose(sum(shares.values()), 1, abs_tol=1e-6):
        raise ConfigurationError(f"the shares of {text!r} are not 1 in all, of two accounts at least: make them so")
    return shares


def blend_name(shares: Mapping[str, float]) -> str:
    """How a blend is called: ``alice=0.7,bob=0.3``."""
    return ",".join(f"{handle}={share:g}" for handle, share in shares.items())


def generate_blend(
    home: Home, shares: Mapping[str, float], config: Config, kind: Kind | None = None
) -> Sequence[Sample]:
    """New posts of a blend of the accounts' current models, none of them a copy of a post that one learned.

    Raises:
        HugtweetsError: as :func:`find_authors`.
        ConfigurationError: one of the models was not taught the kind, or the reader cannot choose among its posts.
    """
    authors = find_authors(home, list(shares))
    for author in authors:
        author.check_kind(kind)
    name = blend_name(shares)
    check_choice(home, name, config)
    texts = [text for author in authors for text in texts_of(author.clean, "train")]
    adapters = [(author.weights, shares[author.handle]) for author in authors]
    load = partial(load_blend, authors[0].base_model, adapters)
    trained_in = common_format([author.model for author in authors])
    wanted = Wanted(
        before_choice(config), texts, account_seed(name, config.sample.seed), kind=kind, trained_in=trained_in
    )
    [written] = on_device(generate_from, name, load, [wanted])
    return choose(home, name, authors[0].base_model, [author.clean for author in authors], [(written, config)])[0]


def _places(author: Author) -> set[str]:
    options = json.loads((author.weights / ADAPTER).read_text(encoding="utf-8"))
    return set(options["target_modules"])


def _write_sum(base_model: BaseModel, adapters: Sequence[tuple[Path, float]], output: Path, config: Config) -> None:
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices.selection import choose_device
    from hugtweets.training.lora import save_adapter

    # Adapters are stored in float32, whatever the device computes in.
    choice = replace(choose_device(config.train), dtype="float32", quantised=None)
    model, _ = load_blend(base_model, adapters, choice)
    save_adapter(model, base_model, output, BLEND)
