"""The JavaScript files of an account export: one assignment each, whose right-hand side is JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive.files import ExportFiles

MANIFEST = "data/manifest.js"
TWEETS = re.compile(r"data/tweets?(-part[0-9]{1,4})?\.js")
NOTES = re.compile(r"data/note-tweets?(-part[0-9]{1,4})?\.js")
_ASSIGNMENT = re.compile(r"\s*window\.[\w.]{1,100}\s*=\s*")
_BETWEEN = re.compile(r"[\s,]*")


def listed(files: ExportFiles, kinds: Sequence[str], pattern: re.Pattern[str]) -> list[str]:
    """Names of the files that hold data of some kind: as the manifest lists them, else those that match exactly.

    The manifest comes with the export and is no more trusted than it: a name that does not match is never opened.

    Raises:
        UnreadableSource: the manifest is damaged, or lists a file that cannot be of that kind.
    """
    names = _listed_in_manifest(files, kinds) if MANIFEST in files.names else []
    for name in names:
        if not (isinstance(name, str) and pattern.fullmatch(name)):
            raise UnreadableSource(
                f"the manifest in {files.path} lists {ascii(name)[:100]} among the posts, which it cannot be: "
                "download the export again"
            )
    return names or sorted(name for name in files.names if pattern.fullmatch(name))


def _listed_in_manifest(files: ExportFiles, kinds: Sequence[str]) -> list[Any]:
    manifest = _value(files, MANIFEST)
    types = manifest.get("dataTypes") if isinstance(manifest, dict) else None
    found = [types[kind] for kind in kinds if isinstance(types, dict) and isinstance(types.get(kind), dict)]
    entries = [entry for kind in found if isinstance(kind.get("files"), list) for entry in kind["files"]]
    return [entry.get("fileName") if isinstance(entry, dict) else entry for entry in entries]


def items(files: ExportFiles, name: str) -> Iterator[object]:
    """The elements of the list that a script assigns, one at a time: an export can be as large as the memory.

    Raises:
        UnreadableSource: the script assigns no list, or breaks off.
    """
    script = files.read(name)
    position = _start(script)
    if not script.startswith("[", position):
        raise _damaged(files, name)
    decoder = json.JSONDecoder()
    position = _skip(script, position + 1)
    while not script.startswith("]", position):
        try:
            item, position = decoder.raw_decode(script, position)
        except (ValueError, RecursionError):
            raise _damaged(files, name) from None
        yield item
        position = _skip(script, position)


def _value(files: ExportFiles, name: str) -> object:
    script = files.read(name)
    try:
        return json.JSONDecoder().raw_decode(script, _start(script))[0]
    except (ValueError, RecursionError):
        raise _damaged(files, name) from None


def _start(script: str) -> int:
    assignment = _ASSIGNMENT.match(script)
    return assignment.end() if assignment else 0


def _skip(script: str, position: int) -> int:
    between = _BETWEEN.match(script, position)
    return between.end() if between else position


def _damaged(files: ExportFiles, name: str) -> UnreadableSource:
    return UnreadableSource(f"{name} in {files.path} breaks off or is damaged: download the export again")
