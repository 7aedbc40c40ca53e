"""Adapters of several accounts as vLLM serves them: beside one base model, each under the name of its account.

What vLLM takes is read from its documentation of LoRA adapters and from its code of November 2026; it was not run here.
Importing this module imports torch and transformers.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, processors

from hugtweets.config import SampleConfig
from hugtweets.errors import ConfigurationError
from hugtweets.models.cache import ADAPTER, context_length, load_base
from hugtweets.models.registry import BaseModel
from hugtweets.models.terms import pass_terms_on
from hugtweets.models.tokens import TextTokenizer
from hugtweets.publishing.export import cpu_choice, generation_defaults, write_adapter, write_tokenizer
from hugtweets.publishing.facts import origin_of
from hugtweets.storage.atomic import write_text

BASE, ADAPTERS, SCRIPT = "base", "adapters", "serve.sh"
# Of the families that learn here, those to whose layers vLLM adds adapters, and of these the ones with an output of
# their own that it adds one to.
FAMILIES = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text")
WITH_OUTPUT = ("llama", "mistral")
# The most tokens of a vocabulary whose output gets an adapter.
MOST_TOKENS = 258_048
OUTPUT = "lm_head"
# The bounds of ranks that vLLM knows, and how many adapters it computes with at once unless there are fewer.
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
MOST_AT_ONCE = 16


def export_for_vllm(base_model: BaseModel, weights: Mapping[str, Path], folder: Path, sampling: SampleConfig) -> None:
    """Fill an empty folder: the base model, an adapter for each account, and the script that serves them.

    ``weights`` are the folders that trainings of ``base_model`` wrote, by account.

    Raises:
        ConfigurationError: vLLM would not take one of the adapters.
    """
    config = _read(base_model.folder / "config.json")
    ranks = [_checked_rank(name, source, config) for name, source in weights.items()]
    _write_base(base_model, folder / BASE, sampling)
    for name, source in weights.items():
        target = folder / ADAPTERS / name
        target.mkdir(parents=True, exist_ok=True)
        write_adapter(source, target, origin_of(base_model.name).hub_id or base_model.name)
        pass_terms_on(base_model.folder, target)
    bound = next(rank for rank in RANKS if rank >= max(ranks))
    write_text(folder / SCRIPT, _script(base_model.name, list(weights), bound))


def _checked_rank(name: str, weights: Path, config: Mapping[str, Any]) -> int:
    """The rank of an adapter that vLLM takes.

    Raises:
        ConfigurationError: it does not, or there is no adapter.
    """
    if not (weights / ADAPTER).is_file():
        raise ConfigurationError(
            f"the model of {name} was trained with train.method=full and has no adapter: export it without --for, as "
            "a whole model, which vLLM serves alone"
        )
    family, options = str(config.get("model_type")), _read(weights / ADAPTER)
    if family not in FAMILIES:
        raise ConfigurationError(
            f"vLLM is not known to add adapters to {family}, which {name} was learned from: export it without --for"
        )
    takes_output = family in WITH_OUTPUT and int(config["vocab_size"]) <= MOST_TOKENS
    if not takes_output and OUTPUT in {module.rpartition(".")[2] for module in options["target_modules"]}:
        layers = int(config["num_hidden_layers"])
        raise ConfigurationError(
            f"vLLM adds no adapter to the output of {family}, and the model of {name} has one: learn it again with "
            f"train.layers=top:{layers}, which leaves the output as it is"
        )
    rank = int(options["r"])
    if rank > RANKS[-1]:
        raise ConfigurationError(f"vLLM takes ranks up to {RANKS[-1]}, and the adapter of {name} has {rank}")
    return rank


def _write_base(base_model: BaseModel, folder: Path, sampling: SampleConfig) -> None:
    """The base model that the adapters were trained on, since others are rounded otherwise."""
    folder.mkdir()
    tokenizer = TextTokenizer.of(base_model)
    model: Any = load_base(base_model, cpu_choice())
    room = context_length(model.config)
    model.save_pretrained(folder)
    write_tokenizer(base_model, folder, tokenizer, room)
    _open_posts(folder / "tokenizer.json", tokenizer)
    generation_defaults(tokenizer, sampling, room).save_pretrained(folder)
    pass_terms_on(base_model.folder, folder)


def _open_posts(path: Path, tokenizer: TextTokenizer) -> None:
    """Let the tokenizer itself put before a prompt what opens a post, for no client of vLLM would."""
    if not tokenizer.prefix:
        return
    start = tokenizer.prefix
    opening = processors.TemplateProcessing(
        single=f"{start} $A", pair=f"{start} $A $B", special_tokens=[(start, tokenizer.start_of_text)]
    )
    opened = Tokenizer.from_file(str(path))
    before = opened.post_processor
    opened.post_processor = processors.Sequence([before, opening]) if before else opening
    opened.save(str(path))


def _script(base_name: str, names: list[str], rank: int) -> str:
    """Two lines of sh; more options of vLLM may follow its name."""
    modules = " ".join(shlex.quote(f"{name}={ADAPTERS}/{name}") for name in names)
    return (
        "#!/bin/sh\n"
        f'cd "$(dirname "$0")" && exec vllm serve {BASE} --served-model-name {shlex.quote(base_name)} --enable-lora '
        f"--max-lora-rank {rank} --max-loras {min(len(names), MOST_AT_ONCE)} --max-cpu-loras {len(names)} "
        f'--lora-modules {modules} "$@"\n'
    )


def _read(path: Path) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return options
