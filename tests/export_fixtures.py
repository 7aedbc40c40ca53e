"""Tiny account exports in every layout, written from scratch."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HANDLE = "ferryclock"
ACCOUNT = [{"account": {"email": "f@example.org", "username": "FerryClock", "accountDisplayName": "The Ferry Clock"}}]
PRIVATE = "data/direct-messages.js"


def tweet(identifier: str, text: str, **more: Any) -> dict[str, Any]:
    """A tweet as exports since 2018 write it."""
    return {
        "id": identifier,
        "id_str": identifier,
        "full_text": text,
        "created_at": "Wed Oct 10 20:19:24 +0000 2018",
        "retweeted": False,
        "truncated": False,
        "favorite_count": "3",
        "lang": "en",
        "entities": {"hashtags": [], "user_mentions": [], "urls": []},
        **more,
    }


def script(name: str, value: object) -> str:
    """One of the export's JavaScript files."""
    return f"window.YTD.{name}.part0 = {json.dumps(value, indent=2)}"


def tweets(*entries: Mapping[str, Any]) -> str:
    """``data/tweets.js``."""
    return script("tweets", [{"tweet": entry} for entry in entries])


def notes(*entries: tuple[str, str]) -> str:
    """``data/note-tweet.js`` from times and texts."""
    return script(
        "note_tweet",
        [
            {"noteTweet": {"noteTweetId": str(7000 + number), "createdAt": time, "core": {"text": text, "urls": []}}}
            for number, (time, text) in enumerate(entries)
        ],
    )


def manifest(**names: list[str]) -> str:
    """``data/manifest.js`` listing files by kind."""
    kinds = {kind: {"files": [{"fileName": name} for name in files]} for kind, files in names.items()}
    return "window.__THAR_CONFIG = " + json.dumps({"userInfo": {"userName": HANDLE}, "dataTypes": kinds})


def export(*entries: Mapping[str, Any], **files: str) -> dict[str, str]:
    """The files of a present-day export; ``note_tweet=…`` adds ``data/note-tweet.js``."""
    more = {f"data/{name.replace('_', '-')}.js": content for name, content in files.items()}
    return {"data/account.js": script("account", ACCOUNT), "data/tweets.js": tweets(*entries), **more}


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files as the zip that X sends."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def unpacked(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write the files as a folder."""
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
