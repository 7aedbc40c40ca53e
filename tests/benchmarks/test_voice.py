"""The comparison of voices asks the judges of the scorecard, and goes on from rows that it has."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.fixtures.flows import rows, write_timeline
from tests.fixtures.invented import write_like
from tests.fixtures.tiny_models import save_tiny_model

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module: in a process of its own it would read torch once more."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("voice")


def test_judges_say_how_written_posts_read_and_for_whose_they_are_taken(
    voice: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account, tiny = write_timeline(tmp_path / "alice.jsonl", rows(70)), save_tiny_model(tmp_path / "tiny")
    posts = [row | {"text": text} for row, text in zip(rows(40), write_like("cook", 40), strict=True)]
    other, kept = write_timeline(tmp_path / "cook.jsonl", posts), tmp_path / "rows.jsonl"
    sizes = ["--posts=40", "--held-out=15", "--generated=12", f"--home={tmp_path}", f"--rows={kept}"]
    asked = [f"--account={account}", f"--base={tiny}", *sizes, "--judges", f"--reader={tiny}", f"--other={other}"]
    monkeypatch.setattr(sys, "argv", ["voice.py", *asked, "--only=default", "--child=default", "--seed=0"])
    voice.main()
    kept.write_text(capsys.readouterr().out.splitlines()[-1] + "\n", encoding="utf-8")
    figures = json.loads(kept.read_text(encoding="utf-8"))["figures"]
    assert figures["odd"] == pytest.approx(
        100 * (figures["reader_bits_per_byte"] / figures["held_out_reader_bits_per_byte"] - 1)
    )
    assert 0 <= figures["told_apart_by_model"] <= 1
    assert figures["log_odds"] < figures["held_out_log_odds"]
    monkeypatch.setattr(sys, "argv", ["voice.py", *asked, "--only=default"])
    voice.main()
    table = capsys.readouterr().out
    assert "trained detector" in table and f"| {figures['odd']:+.1f} |" in table


def test_the_authors_own_posts_stand_for_the_limit(
    voice: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    account, tiny = write_timeline(tmp_path / "alice.jsonl", rows(70)), save_tiny_model(tmp_path / "tiny")
    sizes = ["--posts=40", "--held-out=15", "--generated=12", f"--home={tmp_path}", f"--base={tiny}"]
    monkeypatch.setattr(
        sys, "argv", ["voice.py", f"--account={account}", *sizes, "--only=author", "--child=author", "--seed=0"]
    )
    voice.main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])["figures"]
    assert (figures["copied_share"], figures["bits_per_byte"]) == (1.0, figures["base_bits_per_byte"])


def test_shuffled_posts_are_held_out_of_all_months(voice: ModuleType, tmp_path: Path) -> None:
    material = importlib.import_module("voice_material")
    account, tiny = write_timeline(tmp_path / "alice.jsonl", rows(70)), save_tiny_model(tmp_path / "tiny")
    oldest = set(material.kept_posts(account)[:35])
    for shuffled, found in ((False, False), (True, True)):
        with material.material(account, 40, 15, str(tiny), tmp_path, 15, shuffled=shuffled) as given:
            assert bool(oldest & set(given.test)) == found
