"""Invented timelines to run flows on, and options that make a run small."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flows.runs import outcome_of
from hugtweets.config import Config, build_config
from hugtweets.jobs.accounts import AccountRequest

__all__ = ["START", "outcome_of", "request", "rows", "tiny_config", "write_timeline"]

START = datetime(2026, 1, 1, 8, tzinfo=UTC)
SUBJECTS = ("the harbour", "my bicycle", "this soup", "our neighbour", "the old clock", "a wet dog", "the brass band")
REMARKS = (
    "has been out in the rain again and nobody minds",
    "deserves a better Tuesday than the one it got",
    "makes more noise than any of us had hoped for",
    "is late, as it was late in the year of the flood",
    "knows exactly what it did with the good umbrella",
    "will be repaired as soon as somebody finds the glue",
)


def rows(number: int, since: int = 0) -> list[dict[str, Any]]:
    """Invented posts, oldest first, no two alike."""
    return [
        {
            "id": str(1_000_000 + index),
            "created_at": (START + timedelta(hours=index)).isoformat(),
            "text": f"{SUBJECTS[index % 7]} {REMARKS[index // 7 % 6]}, {_letters(index)}",
            "is_retweet": False,
            "is_reply": False,
            "lang": "en",
        }
        for index in range(since, since + number)
    ]


def _letters(index: int) -> str:
    return f"said {chr(97 + index % 26) * 3} to {chr(97 + index // 26) * 3}"


def write_timeline(path: Path, posts: Sequence[dict[str, Any]]) -> Path:
    """A file source."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(post) + "\n" for post in reversed(posts)), encoding="utf-8")
    return path


def tiny_config(**sections: dict[str, Any]) -> Config:
    """Options that make a run small; sections are put over them."""
    options: dict[str, Any] = {
        "fetch": {"retry_delay_seconds": 0.05, "retries": 2, "timeout_seconds": 2},
        "clean": {"min_characters": 500, "warn_characters": 500},
        "train": {"epochs": 1, "device": "cpu"},
        "sample": {"prompts": ["the", "a wet"], "per_prompt": 1, "max_characters": 60},
        "tracking": {"mode": "disabled"},
    }
    return build_config({name: options.get(name, {}) | sections.get(name, {}) for name in {**options, **sections}})


def request(handle: str, path: Path, config: Config) -> AccountRequest:
    """An account whose posts are in a file."""
    return AccountRequest(handle=handle, source=f"file:{path}", config=config)
