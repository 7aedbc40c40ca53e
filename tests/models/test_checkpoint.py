"""What is refused of a base model by its files alone, before anything is fetched for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from hugtweets.errors import BaseModelError
from hugtweets.models.registry import BaseModel, check_at_hand, resolve_base_model
from hugtweets.models.shape import Shape
from hugtweets.storage.home import Home
from tests.fixtures.hub_model import HubModel
from tests.fixtures.tiny_models import save_tiny_model


def change_config(folder: Path, **options: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | options))


@pytest.mark.parametrize(
    ("options", "objection"),
    [
        ({"quantization_config": {"quant_method": "gptq"}}, r"quantised \(gptq\): take the original ones, or a GGUF"),
        ({"is_encoder_decoder": True, "model_type": "bart"}, "bart reads one text to write another"),
        (
            {"architectures": ["LlamaForTokenClassification"]},
            "LlamaForTokenClassification does not predict",
        ),
        ({"architectures": ["LlamaModel"]}, "LlamaModel does not predict the next token"),
        (
            {"model_type": "mystery", "auto_map": {}},
            "mystery is no family .* code that comes with a model is never run",
        ),
        ({"model_type": "rwkv"}, "rwkv is no family that posts can be written by here"),
        ({"model_type": None}, "names no model_type"),
    ],
)
def test_a_kind_of_model_that_posts_cannot_be_learned_with_is_refused(
    home: Home, tmp_path: Path, options: dict[str, Any], objection: str
) -> None:
    folder = save_tiny_model(tmp_path / "mine")
    change_config(folder, **options)
    with pytest.raises(BaseModelError, match=f"mine cannot be learned from, as .*{objection}"):
        check_at_hand(str(folder), home)


@pytest.mark.parametrize(
    ("file", "content", "objection"),
    [
        ("model.safetensors", lambda whole: whole[:-9], "bytes: get it again"),
        ("model.safetensors", lambda whole: whole[:100], "no safetensors file, or not all of it: get it again"),
        ("model.safetensors", lambda whole: b"", "no safetensors file, or not all of it: get it again"),
        ("model.safetensors", lambda whole: b"version https://git-lfs.github.com/spec/v1\n", "no safetensors file"),
        ("model.safetensors", lambda whole: b"\x02\0\0\0\0\0\0\0{}", "holds no weights"),
        ("config.json", lambda whole: whole[:20], "config.json cannot be read as JSON"),
        ("config.json", lambda whole: b"[]", "config.json cannot be read as JSON"),
    ],
)
def test_a_file_that_is_not_whole_is_named(
    home: Home, tmp_path: Path, file: str, content: Callable[[bytes], bytes], objection: str
) -> None:
    path = save_tiny_model(tmp_path / "mine") / file
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(BaseModelError, match=objection):
        check_at_hand(str(path.parent), home)


def test_weights_of_8_bits_are_refused_also_where_the_configuration_does_not_say_so(home: Home, tmp_path: Path) -> None:
    file = save_tiny_model(tmp_path / "mine") / "model.safetensors"
    eight_bits = {name: tensor.to(torch.float8_e4m3fn) for name, tensor in load_file(file).items()}
    save_file(eight_bits, file, metadata={"format": "pt"})
    with pytest.raises(BaseModelError, match="are quantised to 8 bits: take the original ones"):
        check_at_hand(str(file.parent), home)


@pytest.mark.parametrize("index", ["{", "{}", '{"weight_map": {}}'])
def test_an_index_that_names_no_weights_is_refused(home: Home, tmp_path: Path, index: str) -> None:
    folder = save_tiny_model(tmp_path / "mine")
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(BaseModelError, match=r"index\.json (names no files|cannot be read)"):
        check_at_hand(str(folder), home)


def test_of_one_file_and_an_index_transformers_takes_the_file_and_so_do_we(home: Home, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "mine")
    alone = resolve_base_model(str(folder), home)
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "elsewhere.safetensors"}}')
    assert resolve_base_model(str(folder), home) == alone


def test_of_a_hub_model_that_cannot_be_learned_from_no_weights_are_fetched(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny_model(tmp_path / "mine")
    change_config(folder, quantization_config={"quant_method": "awq"})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with HubModel("somebody/quantised", {path.name: path.read_bytes() for path in folder.iterdir()}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        with pytest.raises(BaseModelError, match="quantised \\(awq\\)"):
            check_at_hand("somebody/quantised", home)
    assert "config.json" in hub.fetched and "model.safetensors" not in hub.fetched


def test_sizes_are_found_where_layers_differ_or_have_other_names(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "mine")
    change_config(folder, intermediate_size=[48, 64], num_hidden_layers=None, num_layers=2)
    shape = Shape.of(BaseModel("mine", str(folder), "0"))
    assert (shape.inner, shape.layers) == (64, 2)
