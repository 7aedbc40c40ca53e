"""The benchmark of devices runs anywhere: with a tiny model on a processor."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import psutil  # type: ignore[import-untyped]
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "gpu.py"


def load(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module: in a process of its own it would read torch once more."""
    spec = importlib.util.spec_from_file_location("gpu_benchmark", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def test_a_tiny_model_is_measured_on_the_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "gpu.json"
    asked = f"gpu.py --shapes tiny 7B --accounts 2 --posts 8 --whole 20 --folder {tmp_path} --output {output}"
    monkeypatch.setattr("sys.argv", asked.split())
    # As if 2 GiB of memory were free.
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**31))
    load(monkeypatch).main()
    document = json.loads(output.read_text())
    assert "processor" in document["device"] or "GPU" in document["device"]
    measured = [figure for figure in document["figures"] if figure["shape"] == "tiny"]
    assert [(figure["what"], figure["accounts"]) for figure in measured] == [
        ("training", 1),
        ("training", 2),
        ("sampling", 1),
        ("sampling", 2),
        ("one account of 20 posts", 1),
    ]
    assert all(figure["tokens_per_second"] > 0 and figure["peak_gib"] > 0 for figure in measured)
    assert [figure["planned_gib"] > 0 for figure in measured if figure["what"] == "training"] == [True, True]
    assert document["figures"][-1]["skipped"] == "the weights take 25.1 GiB, 2.0 are free"
    assert "| tiny | training | 2 |" in capsys.readouterr().out
