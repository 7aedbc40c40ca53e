"""The benchmark of nights runs, and both starts meet the same nights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.fixtures.flows import rows, write_timeline
from tests.fixtures.tiny_models import save_tiny_model

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "days.py"


def test_both_starts_are_scored_on_the_same_nights(tmp_path: Path) -> None:
    timeline = write_timeline(tmp_path / "alice.jsonl", rows(110))
    model = save_tiny_model(tmp_path / "tiny")
    size = ["--start-posts=60", "--night-posts=16", "--nights=2", f"--set=train.base_model={model}"]
    variants = ["--variant=base:refresh.start=base", "--variant=previous:refresh.start=previous,refresh.replay=1"]
    kept = tmp_path / "rows.jsonl"
    command = [sys.executable, str(SCRIPT), f"--account={timeline}", *size, *variants, f"--rows={kept}"]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    made = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    assert [(row["night"], row["variant"], row["start"]) for row in made] == [
        (0, "all", "base"),
        (1, "base", "base"),
        (1, "previous", "previous"),
        (2, "base", "base"),
        (2, "previous", "previous"),
    ]
    assert made[2]["trained_posts"] < made[1]["trained_posts"]
    assert made[1]["base_model_on_next_posts"] > made[1]["next_posts"]
    again = subprocess.run([sys.executable, str(SCRIPT), f"--tabulate={kept}"], capture_output=True, text=True)
    assert again.stdout == table
