"""``manifest.js``, in which an export since 2020 lists its files by kind, in any number of parts.

It comes with the export and is no more trusted than it: a name that does not match is never opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hugtweets.errors import UnreadableSource
from hugtweets.sources.archive.files import WHAT_TO_GIVE, ExportFiles
from hugtweets.sources.archive.names import (
    COMMUNITY_POSTS,
    DELETED_POSTS,
    MANIFEST,
    NOTES,
    POSTS,
    below_data,
)

_KINDS: Mapping[re.Pattern[str], Sequence[str]] = {
    POSTS: ("tweets", "tweet"),
    COMMUNITY_POSTS: ("communityTweet", "communityTweets"),
    DELETED_POSTS: ("deletedTweets", "deletedTweet"),
    NOTES: ("noteTweet", "noteTweets"),
}
_COUNT = re.compile(r"[0-9]{1,8}")


class Manifest:
    """What an export says of its files; nothing, if it has no manifest."""

    def __init__(self, files: ExportFiles) -> None:
        self._files = files
        content = files.value(MANIFEST) if MANIFEST in files.names else None
        content = content if isinstance(content, dict) else {}
        types = content.get("dataTypes")
        self._types: dict[Any, Any] = types if isinstance(types, dict) else {}
        self.owner = content.get("userInfo")

    def files_of(self, kind: re.Pattern[str]) -> list[str]:
        """The files of a kind, those that are listed and those that are there.

        Without the posts an export is broken; people who hand over a part of theirs leave others out (:meth:`lacking`).

        Raises:
            UnreadableSource: a file is listed that cannot be of this kind.
        """
        listed = self._listed(kind)
        for name in listed:
            if not kind.fullmatch(name):
                raise UnreadableSource(
                    f"the manifest in {self._files.path} lists {ascii(name)[:100]} among the posts, which it cannot "
                    f"be: {WHAT_TO_GIVE}"
                )
        there = {name for name in self._files.names if kind.fullmatch(name)}
        return sorted(there.union(listed) if kind is POSTS else there)

    def lacking(self, kinds: Iterable[re.Pattern[str]]) -> list[str]:
        """The files of these kinds that are listed and not there."""
        return [name for kind in kinds for name in self._listed(kind) if name not in self._files.names]

    def _listed(self, kind: re.Pattern[str]) -> list[str]:
        return [_name(entry) for name in _KINDS[kind] for entry in _entries(self._types.get(name))]

    def count_of(self, kinds: Iterable[re.Pattern[str]]) -> int:
        """How many posts of these kinds it counts, where it says so."""
        entries = [entry for kind in kinds for name in _KINDS[kind] for entry in _entries(self._types.get(name))]
        counts = [str(entry.get("count")) for entry in entries if isinstance(entry, dict)]
        return sum(int(count) for count in counts if _COUNT.fullmatch(count))


def _entries(kind: object) -> Sequence[object]:
    entries = kind.get("files") if isinstance(kind, dict) else None
    return entries if isinstance(entries, list) else []


def _name(entry: object) -> str:
    name = entry.get("fileName") if isinstance(entry, dict) else entry
    return below_data(name) if isinstance(name, str) else ascii(name)
