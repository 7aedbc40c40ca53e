"""The benchmark of cleaning runs and says what it found."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "cleaning.py"


def test_the_benchmark_compares_methods_on_any_corpus(tmp_path: Path) -> None:
    corpus = tmp_path / "posts.txt"
    corpus.write_text("The goose is here\nRT @ana: the goose is here\nno\n" * 50, encoding="utf-8")
    command = [sys.executable, str(SCRIPT), "--corpus", str(corpus), "--repeats", "1", "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    kept = {result["method"]: result["kept"] for result in report["results"]}
    assert report["posts"] == 150
    assert kept["hugtweets, stored timeline"] == kept["hugtweets, from Post objects"] == 1
    assert kept["original's rules, post by post"] == 50


def test_a_missing_corpus_is_said_so(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--corpus", str(tmp_path / "none.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "does not exist" in done.stderr
