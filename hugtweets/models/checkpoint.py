"""What the files of a base model say of it before anything is loaded: whether they are whole, and can be learned from.

Imports neither torch nor transformers.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import struct
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from hugtweets.errors import BaseModelError

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
ADVICE = "choose another train.base_model"
# What the classes of transformers are called that predict the next token; a checkpoint of another class has no weights
# for that, and they would be made up.
WRITES = re.compile(r"For(CausalLM|ConditionalGeneration|ImageTextToText)$|LMHead(Model)?$|LMHeadCustomModel$|Decoder$")
# What configurations call the number of tokens that can be read at once.
POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")
# Families of causal language models that see later tokens, or remember what they read in no way that we know, unless
# one was trained as a decoder: what hugtweets/models/fitness.py found out about tiny ones.
UNFIT = frozenset(
    [
        "bart",
        "bert",
        "bert-generation",
        "big_bird",
        "bigbird_pegasus",
        "blenderbot",
        "blenderbot-small",
        "camembert",
        "cpmant",
        "data2vec-text",
        "electra",
        "ernie",
        "git",
        "marian",
        "mbart",
        "megatron-bert",
        "minimax",
        "mvp",
        "openai-gpt",
        "pegasus",
        "plbart",
        "prophetnet",
        "reformer",
        "rembert",
        "roberta",
        "roberta-prelayernorm",
        "roc_bert",
        "roformer",
        "rwkv",
        "trocr",
        "xlm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xlnet",
        "xmod",
    ]
)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors of a whole model, sorted.

    Raises:
        BaseModelError: something is missing or damaged, or only pickled weights are there.
    """
    for name in ("config.json", "tokenizer.json"):
        if not (folder / name).is_file():
            raise BaseModelError(f"the base model {folder} has no {name}: save model and fast tokenizer into it")
    weights = [folder / name for name in weight_names(folder)]
    if not all(weight.is_file() for weight in weights):
        raise BaseModelError(f"the base model {folder} lacks weights in safetensors, the only format that is loaded")
    for weight in weights:
        if any(str(tensor["dtype"]).startswith("F8") for tensor in _tensors(weight).values()):
            raise BaseModelError(f"the weights in {weight} are quantised to 8 bits: take the original ones")
    return weights


def weight_names(folder: Path) -> list[str]:
    """The files of weights that transformers would load: the single one, else those of the index."""
    index = folder / INDEX
    if (folder / WEIGHTS).is_file() or not index.is_file():
        return [WEIGHTS]
    shards = read_object(index).get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise BaseModelError(f"{index} names no files of weights: get it again")
    return sorted({Path(shard).name for shard in shards.values()})


def tensor_shapes(file: Path) -> Iterator[list[int]]:
    """The shape of each tensor of a safetensors file."""
    yield from (tensor["shape"] for tensor in _tensors(file).values())


def _tensors(file: Path) -> dict[str, Any]:
    """The header of a safetensors file, which is eight bytes of length and JSON: each tensor's shape and place.

    Raises:
        BaseModelError: it is another kind of file, or ends too early.
    """
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        try:
            header = json.loads(stream.read(length)) if length < size else None
        except ValueError:
            header = None
    if not isinstance(header, dict):
        raise BaseModelError(f"{file} is no safetensors file, or not all of it: get it again")
    tensors = {name: tensor for name, tensor in header.items() if name != "__metadata__"}
    end = 8 + length + max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
    if size < end:
        raise BaseModelError(f"{file} has {size:,} of {end:,} bytes: get it again")
    if not any(prod(tensor["shape"]) for tensor in tensors.values()):
        raise BaseModelError(f"{file} holds no weights: get it again")
    return tensors


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        BaseModelError: there is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BaseModelError(f"{path} cannot be read as JSON: get it again, or {ADVICE}")
    return found


def text_options(folder: Path) -> dict[str, Any]:
    """The configuration of the part of a model that reads text; empty if there is none."""
    path = folder / "config.json"
    whole = read_object(path) if path.is_file() else {}
    text: dict[str, Any] = whole.get("text_config") or whole
    return text


def most_positions(folder: Path) -> int | None:
    """How many tokens a model can read at once; None if it knows no bound."""
    options = text_options(folder)
    return next((int(options[name]) for name in POSITIONS if options.get(name)), None)


def check_kind(folder: Path) -> None:
    """Refuse a model that posts cannot be learned with, as far as its configuration says so.

    Raises:
        BaseModelError: it is quantised, reads one text to write another, predicts no next token, or is of a family that
            transformers does not know or we cannot use.
    """
    config = read_object(folder / "config.json")
    family, classes = config.get("model_type"), config.get("architectures") or []
    objection = None
    if quantised := config.get("quantization_config"):
        method = quantised.get("quant_method", "quantised") if isinstance(quantised, dict) else "quantised"
        objection = f"its weights are quantised ({method}): take the original ones, or a GGUF file"
    elif config.get("is_encoder_decoder"):
        objection = f"{family} reads one text to write another: {ADVICE}"
    elif not isinstance(family, str):
        objection = f"its config.json names no model_type: {ADVICE}"
    elif classes and not any(WRITES.search(str(each)) for each in classes):
        objection = f"a {classes[0]} does not predict the next token: {ADVICE}"
    elif (family in UNFIT and not config.get("is_decoder")) or not _is_known(family):
        own = ", and code that comes with a model is never run" if "auto_map" in config else ""
        objection = f"{family} is no family that posts can be written by here{own}: {ADVICE}"
    if objection:
        raise BaseModelError(f"the base model {folder} cannot be learned from, as {objection}")


@functools.cache
def _is_known(family: str) -> bool:
    """Whether transformers has a model of this family: in the text of its table, which takes seconds to import."""
    package = importlib.util.find_spec("transformers")
    table = Path(package.origin).parent / "models" / "auto" / "modeling_auto.py" if package and package.origin else None
    return table is None or f'("{family}", ' in table.read_text(encoding="utf-8")
