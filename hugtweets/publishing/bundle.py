"""Everything that is shared of a model, in one folder: model, tokenizer, generation defaults, card and picture."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from hugtweets.config import SampleConfig
from hugtweets.devices.queue import on_device
from hugtweets.errors import ConfigurationError
from hugtweets.models.registry import BaseModel, original_gguf
from hugtweets.models.terms import TERMS
from hugtweets.models.tokens import TextTokenizer
from hugtweets.publishing.card import GGUF, PICTURE, Usage, write_card
from hugtweets.publishing.consent import Consent
from hugtweets.publishing.facts import ModelFacts, gather_facts
from hugtweets.steps.authors import Author
from hugtweets.steps.clean import CLEAN
from hugtweets.steps.finetune import WEIGHTS, base_model_of, find_model
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.atomic import write_text
from hugtweets.storage.handles import members_of
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import write_posts

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What to share. ``with_posts`` adds the real posts that it was made from, which nothing else does.

    ``consent`` is what was answered when asked whose account it is.
    """

    model_name: str = "."
    adapter: bool = False
    with_posts: bool = False
    sampling: SampleConfig = field(default_factory=SampleConfig)
    consent: Consent | None = None


def write_bundle(home: Home, handle: str, folder: Path, wanted: Wanted) -> ModelFacts:
    """Fill an empty folder with the account's current model and all that belongs to it; what its card is made of.

    Raises:
        NothingKept: there is no model.
        BaseModelError: the base model of its model is gone.
        ConfigurationError: an adapter is asked for, and every weight was trained or nobody else has its base model.
    """
    model, clean = find_model(home, handle)
    base_model = base_model_of(model, home)
    on_device(_export, base_model, model, folder, wanted)
    facts = gather_facts(home, model, clean)
    pictured = bool(facts.posts) and _draw(facts, folder / PICTURE)
    card = write_card(facts, _usage(base_model, folder, wanted), pictured, wanted.consent)
    write_text(folder / "README.md", card)
    if wanted.with_posts:
        # Posts that were dropped are as they were sent there, with all that is private.
        posts = pq.read_table(clean.file(CLEAN))
        write_posts(folder / CLEAN, posts.filter(posts["kept"]))
    return facts


def write_bundle_for_vllm(home: Home, handles: Sequence[str], folder: Path, sampling: SampleConfig) -> None:
    """Fill an empty folder with the adapters of several accounts, their cards, their base model, and a script.

    Raises:
        NothingKept: one of them has no model.
        BaseModelError: the base model of one is gone.
        ConfigurationError: their base models are not the same, or vLLM would not take one of the adapters.
    """
    found = {handle: find_model(home, handle) for handle in dict.fromkeys(handles)}
    base_models = {handle: base_model_of(model, home) for handle, (model, _) in found.items()}
    first, *others = base_models
    for other in others:
        if base_models[other].digest != base_models[first].digest:
            raise ConfigurationError(
                f"{first} and {other} were learned from different base models, and vLLM serves one at a time: export "
                "them into a folder each"
            )
    weights = {handle: model.file(WEIGHTS) for handle, (model, _) in found.items()}
    on_device(_export_for_vllm, base_models[first], weights, folder, sampling)
    for handle, (model, clean) in found.items():
        facts, wanted = gather_facts(home, model, clean), Wanted(adapter=True)
        usage = _usage(base_models[handle], folder / "base", wanted)
        write_text(folder / "adapters" / handle / "README.md", write_card(facts, usage, pictured=False))


def write_bundle_for_llama_cpp(home: Home, handle: str, folder: Path, sampling: SampleConfig) -> None:
    """Fill an empty folder with the account's current model as one GGUF file, and its card.

    Raises:
        NothingKept: there is no model.
        BaseModelError: the base model of its model is gone, or came from no GGUF file.
        ConfigurationError: the base model is of a kind whose way of storing weights is not known.
    """
    author = Author.find(home, handle)
    with original_gguf(author.base_model_option, home) as source:
        on_device(_export_for_llama_cpp, author, source, folder, sampling)
    facts = gather_facts(home, author.model, author.clean)
    usage = Usage(GGUF, False, "", {}, (folder / TERMS).is_file(), gguf=True)
    write_text(folder / "README.md", write_card(facts, usage, pictured=False))


def _export_for_llama_cpp(author: Author, source: Path, folder: Path, sampling: SampleConfig) -> None:
    # Imported on the device's thread only, as in finetune.
    from hugtweets.publishing.llama_cpp import export_for_llama_cpp

    export_for_llama_cpp(author.base_model, author.weights, source, folder, sampling, author.handle)


def _export_for_vllm(base_model: BaseModel, weights: Mapping[str, Path], folder: Path, sampling: SampleConfig) -> None:
    # Imported on the device's thread only, as in finetune.
    from hugtweets.publishing.vllm import export_for_vllm

    export_for_vllm(base_model, weights, folder, sampling)


def _export(base_model: BaseModel, model: Reference, folder: Path, wanted: Wanted) -> None:
    # Imported on the device's thread only, as in finetune.
    from hugtweets.publishing.export import export

    export(base_model, model.file(WEIGHTS), folder, wanted.sampling, wanted.adapter)


def _draw(facts: ModelFacts, path: Path) -> bool:
    """Draw the picture; whether it shows a post."""
    # Matplotlib and Pillow take a second to import.
    from hugtweets.publishing.picture import draw_picture

    title = f"A model of {' and '.join(f'@{member}' for member in members_of(facts.handle))}"
    drawn = draw_picture(path, title, facts.posts)
    if drawn.undrawable:
        logger.warning(
            "%s: %d of %d posts are not in the picture: no font of this machine can draw them (install Noto fonts)",
            facts.handle,
            drawn.undrawable,
            len(facts.posts),
        )
    if not drawn.shown:
        path.unlink()
    return bool(drawn.shown)


def _usage(base_model: BaseModel, folder: Path, wanted: Wanted) -> Usage:
    defaults: dict[str, Any] = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    drawing = {name: value for name, value in defaults.items() if name != "transformers_version"}
    prefix, has_terms = TextTokenizer.of(base_model).prefix, (folder / TERMS).is_file()
    return Usage(wanted.model_name, wanted.adapter, prefix, drawing, has_terms)
