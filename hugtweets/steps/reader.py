"""The reader: a base model that never saw the account, and says how posts read."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from hugtweets.config import Config
from hugtweets.errors import BaseModelError, ConfigurationError
from hugtweets.models.gemma import GEMMA, INSTALL
from hugtweets.models.registry import BaseModel, check_at_hand, resolve_base_model
from hugtweets.models.terms import is_at_hand
from hugtweets.pools.pool import is_pool
from hugtweets.storage.home import Home

log = logging.getLogger(__name__)


def reader_named(home: Home, config: Config) -> str:
    """The base model that judges how the posts read, as ``train.base_model`` would name it; ``auto`` is the account's.

    A reader has to be as strong as the writer: beside the packaged model, Gemma is stronger.
    """
    named, base = config.evaluate.reader, config.train.base_model
    if named == "auto" and (base in ("auto", "packaged") or is_pool(base)) and is_at_hand(home):
        return GEMMA.name
    return named


def check_reader(home: Home, handle: str, config: Config) -> None:
    """Refuse a reader that is not there, before anything is done for it.

    Raises:
        BaseModelError: ``evaluate.reader`` names one that is not on this machine.
    """
    with _naming_reader(handle):
        check_at_hand(config.evaluate.reader, home)


def check_choice(home: Home, handle: str, config: Config) -> None:
    """Refuse to choose among posts by a reader that is no stronger than what wrote them.

    Raises:
        ConfigurationError: ``sample.best_of`` asks for a choice, and the reader is the account's own base model.
    """
    if config.sample.best_of > 1 and reader_named(home, config) in ("auto", config.train.base_model):
        raise ConfigurationError(
            f"sample.best_of of {handle} needs a reader that sees more than the account's own base model: get Gemma "
            f"({INSTALL}) and accept its terms (hugtweets terms), name another with evaluate.reader, or set it to 1"
        )


@contextmanager
def _naming_reader(handle: str) -> Iterator[None]:
    """Say of a base model that cannot be had that it is the reader."""
    try:
        yield
    except BaseModelError as error:
        raise BaseModelError(f"evaluate.reader of {handle} cannot be used, set another: {error}") from error


def reader_of(home: Home, handle: str, config: Config, base_model: BaseModel) -> BaseModel:
    """The model that judges how posts read: it must not have learned the account, whose model is from ``base_model``.

    Raises:
        BaseModelError: there is no model that ``evaluate.reader`` names.
    """
    spec = reader_named(home, config)
    if spec != "auto":
        if spec != config.evaluate.reader:
            announce_reader(f"{spec}, which is installed and sees more than the account's own base model")
        with _naming_reader(handle):
            return resolve_base_model(spec, home)
    if is_pool(base_model.name):
        announce_reader("the base model that `auto` takes, since the account's own learned posts of accounts")
        return resolve_base_model("auto", home)
    announce_reader("the account's own base model, untuned; a stronger one that evaluate.reader names would see more")
    return base_model


@functools.cache
def announce_reader(choice: str) -> None:
    """Say who reads, once: every account of a list asks."""
    log.info("How generated posts read is judged by %s.", choice)
