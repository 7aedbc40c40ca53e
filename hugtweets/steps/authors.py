"""Authors: accounts whose models generate posts, alone, several in one batch, or as a blend."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugtweets.cleaning.kinds import FEWEST, Kind
from hugtweets.config import Config
from hugtweets.devices.gathering import Group, NotGathered
from hugtweets.devices.progress import Report, reporter
from hugtweets.devices.queue import on_device
from hugtweets.devices.selection import Quantised, few_bits
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.job import Job
from hugtweets.models.cache import ADAPTER, is_adapter, load_adapters, load_tuned
from hugtweets.models.registry import BaseModel
from hugtweets.steps.choosing import before_choice, choose
from hugtweets.steps.clean import texts_of
from hugtweets.steps.finetune import WEIGHTS, base_model_of, find_model, kinds_of, number_format
from hugtweets.steps.gathering import with_others
from hugtweets.steps.reader import check_choice
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home
from hugtweets.training.adapter_task import MOST_AT_ONCE, shape_of

if TYPE_CHECKING:
    from hugtweets.devices.selection import DeviceChoice
    from hugtweets.generation.sampler import GenerationRequest, Sample

# How many times sample.batch_size several accounts write at once: more keys and values than that have no room.
BATCHES = {"cpu": 1, "cuda": 8, "mps": 1}

logger = logging.getLogger(__name__)

# Returns a model and its tokenizer and, if each request has an adapter of its own, their names.
Load = Callable[["DeviceChoice"], tuple[Any, ...]]


@dataclass(frozen=True)
class Wanted:
    """How to generate how many posts after which prompts, of one kind or any, none of them a copy of one of the texts.

    With ``scored`` it is said how likely each post is, which only people look at.
    ``trained_in`` is the number format in which the model was trained, if it is known.
    """

    config: Config
    texts: Sequence[str]
    seed: int
    scored: bool = True
    kind: Kind | None = None
    trained_in: str | None = None


@dataclass(frozen=True)
class Author:
    """An account whose model generates posts, with the clean posts that it learned."""

    handle: str
    model: Reference
    clean: Reference
    base_model: BaseModel

    @classmethod
    def find(cls, home: Home, handle: str) -> Author:
        """The account and its current model.

        Raises:
            NothingKept: there is no model, or what it was made from is gone.
            BaseModelError: its base model cannot be found any more, or is another one now.
        """
        name = home.spelling(handle)
        model, clean = find_model(home, name)
        return cls(name, model, clean, base_model_of(model, home))

    @property
    def base_model_option(self) -> str:
        """What ``train.base_model`` was when the model was made."""
        return str(self.model.manifest().counts["base_model_option"])

    @property
    def weights(self) -> Path:
        """What was trained."""
        return self.model.file(WEIGHTS)

    def wanted(self, config: Config, kind: Kind | None = None) -> Wanted:
        """New posts under these options, none of them a copy of a training post, with random numbers of its own.

        Raises:
            ConfigurationError: the model was not taught this kind.
        """
        self.check_kind(kind)
        seed = account_seed(self.handle, config.sample.seed)
        return Wanted(config, texts_of(self.clean, "train"), seed, kind=kind, trained_in=self.number_format)

    def check_kind(self, kind: Kind | None) -> None:
        """Refuse to write posts of a kind that the model does not know from others.

        Raises:
            ConfigurationError: it was not taught this kind.
        """
        known = kinds_of(self.model)
        if kind is None or kind in known:
            return
        knows = f"knows {', '.join(known)}" if known else "does not tell kinds of posts apart"
        raise ConfigurationError(
            f"the model of {self.handle} {knows}, so that it cannot be asked for a {kind}: leave the kind out, "
            f"or learn {FEWEST} posts of two kinds or more with train.kinds"
        )

    @property
    def number_format(self) -> str | None:
        """In which it was trained."""
        return number_format(self.model)


def together(authors: Sequence[Author]) -> list[list[Author]]:
    """The authors whose posts can be generated in one batch: their models are adapters to the same base model.

    They learned beside the same bits of it as well, which they are read beside.
    """
    groups: dict[tuple[str, Quantised | None], list[Author]] = {}
    for author in authors:
        # A model that was trained in full shares nothing with others.
        key = author.base_model.digest if is_adapter(author.weights) else author.handle
        groups.setdefault((key, few_bits(author.number_format)), []).append(author)
    return list(groups.values())


def generate_for_all(
    home: Home, authors: Sequence[Author], config: Config, kind: Kind | None = None
) -> list[Sequence[Sample]]:
    """New posts of several accounts, in their order, none of them a copy of a training post of its account.

    Adapters to the same base model generate in one batch; each account gets the posts that it would get alone, up
    to rounding in the model.

    Raises:
        ConfigurationError: one of the models was not taught the kind, or the reader cannot choose among its posts.
    """
    for author in authors:
        check_choice(home, author.handle, config)
    wanted = {author.handle: author.wanted(before_choice(config), kind) for author in authors}
    generated: dict[str, Sequence[Sample]] = {}
    for group in together(authors):
        theirs = [wanted[author.handle] for author in group]
        posts = _generate_together(group, theirs) if len(group) > 1 else generate_posts(group[0], theirs)
        generated |= {author.handle: written for author, written in zip(group, posts, strict=True)}
    return [
        choose(home, author.handle, author.base_model, [author.clean], [(generated[author.handle], config)])[0]
        for author in authors
    ]


def generate_posts(author: Author, wanted: Sequence[Wanted]) -> Sequence[Sequence[Sample]]:
    """New posts, as they are wanted: the options differ only in the prompts."""
    load = partial(load_tuned, author.base_model, author.weights)
    return on_device(generate_from, author.handle, load, wanted)


def generate_with_others(job: Job, author: Author, wanted: Sequence[Wanted]) -> Sequence[Sequence[Sample]]:
    """What :func:`generate_posts` returns, generated in one batch with posts of other accounts of the run if some come.

    Up to rounding in the model they are the same posts.
    """
    # Adapters are stacked beside weights that can be read, which packed bits cannot.
    if is_adapter(author.weights) and not few_bits(author.number_format):
        options = wanted[0].config.sample.model_dump_json(exclude={"prompts", "per_prompt", "seed"})
        shape = json.loads((author.weights / ADAPTER).read_text(encoding="utf-8"))
        kind = shape_of(author.base_model, job.config.train), shape["r"], shape["lora_alpha"], options
        item = Writing(author.handle, author.weights, wanted)
        work = partial(_write, author.base_model)
        with suppress(NotGathered):
            posts: Sequence[Sequence[Sample]] = with_others(job, "sample", kind, item, work, MOST_AT_ONCE)
            return posts
    return generate_posts(author, wanted)


@dataclass(frozen=True)
class Writing:
    """The posts that one of several accounts wants, by the adapter in a folder."""

    handle: str
    weights: Path
    wanted: Sequence[Wanted]


def _write(base_model: BaseModel, accounts: Group[Writing, Sequence[Sequence[Sample]]]) -> None:
    """The posts of all who have come, from one model."""
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices.selection import choose_device
    from hugtweets.generation.sampler import generate
    from hugtweets.models.cache import load_base
    from hugtweets.models.stacked import StackedModel
    from hugtweets.models.tokens import TextTokenizer

    while members := list(iter(accounts.next, None)):
        items = [member.item for member in members]
        config = items[0].wanted[0].config
        choice = choose_device(config.train)
        logger.info("%d accounts write posts in one batch of %s", len(items), base_model.name)
        requests = [_request(each, str(item.weights)) for item in items for each in item.wanted]
        rows = config.sample.batch_size * min(len(items), BATCHES[choice.device])
        options, told = config.sample.model_copy(update={"batch_size": rows}), _reporter_to_all(items)
        with StackedModel.of(load_base(base_model, choice), [item.weights for item in items]) as model:
            posts = iter(generate(model, TextTokenizer.of(base_model), requests, options, told))
        for member in members:
            member.outcome.set_result([next(posts) for _ in member.item.wanted])


def _reporter_to_all(items: Sequence[Writing]) -> Report:
    """Tells each account how far the posts of all are: they are written in one batch."""
    reports = [reporter(item.handle, "sample") for item in items]

    def report(done: int, total: int, note: str = "", figures: Mapping[str, float] | None = None) -> None:
        for each in reports:
            each(done, total, note, figures)

    return report


def _generate_together(authors: Sequence[Author], wanted: Sequence[Wanted]) -> Sequence[Sequence[Sample]]:
    load = partial(load_adapters, authors[0].base_model, [author.weights for author in authors])
    return on_device(generate_from, ", ".join(author.handle for author in authors), load, wanted)


def generate_from(name: str, load: Load, wanted: Sequence[Wanted]) -> Sequence[Sequence[Sample]]:
    """New posts from whichever model ``load`` returns, in one batch; progress is told under the name. On the device."""
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices.selection import choose_device, options_to_read
    from hugtweets.generation.sampler import generate

    config = wanted[0].config
    model, tokenizer, *adapters = load(choose_device(options_to_read(config.train, wanted[0].trained_in)))
    names = adapters[0] if adapters else [None] * len(wanted)
    requests = [_request(each, adapter) for each, adapter in zip(wanted, names, strict=True)]
    return generate(model, tokenizer, requests, config.sample, reporter(name, "sample"))


def _request(wanted: Wanted, adapter: str | None) -> GenerationRequest:
    from hugtweets.generation.sampler import GenerationRequest

    options = wanted.config.sample
    return GenerationRequest(
        options.prompts, options.per_prompt, wanted.texts, wanted.seed, adapter, wanted.scored, wanted.kind
    )


def without_prompts(config: Config, number: int) -> Config:
    """How to generate the posts that a model is judged by: a prompt would betray them."""
    options = config.sample.model_copy(update={"prompts": ("",), "per_prompt": number})
    return config.model_copy(update={"sample": options})


def account_seed(handle: str, seed: int) -> int:
    """A seed of its own for each account, or all of them would begin their posts with the same words."""
    return zlib.crc32(f"{seed} {handle}".encode())
