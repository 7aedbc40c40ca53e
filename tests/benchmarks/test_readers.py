"""The benchmark of readers damages files, and finds that nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_damaged_files_are_read_or_refused() -> None:
    command = [sys.executable, "benchmarks/readers.py", "--posts", "0", "--mutations", "200", "--json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert (done.returncode, report["broken"]) == (0, [])
    assert sum(report["damaged"].values()) == 200 and report["damaged"]["read"] > 50
