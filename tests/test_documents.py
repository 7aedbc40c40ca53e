"""Documents that are made from the program, or name what the program must have."""

from __future__ import annotations

from pathlib import Path

from hugtweets.cli.reference import reference

ROOT = Path(__file__).resolve().parents[1]


def test_the_command_line_reference_is_up_to_date() -> None:
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == reference(), "run: make docs"


def test_every_option_is_documented() -> None:
    assert "| None |" not in reference()
