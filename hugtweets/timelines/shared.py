"""The raw posts of an account, kept alike on this machine and in the store that all machines share.

One machine at a time fetches an account. Should two have done so, or should one have died before it sent what it
bought, no post is lost: what either side lacks is added to it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store
from hugtweets.timelines.timeline import Timeline, load, save


class _Seen(BaseModel):
    """What was alike when both sides were last compared: the version of the object and that of the file."""

    there: str | None = None
    here: str | None = None


@dataclass(frozen=True)
class SharedTimeline:
    """One account's; without a store there is nothing to do."""

    home: Home
    handle: str

    def exists(self) -> bool:
        """Whether anything is stored of the account, here or in the store.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        return self._file.exists() or (self.home.store is not None and self.home.store.has(self._key))

    def pull(self) -> None:
        """Add what other machines stored, and send what they lack. An unchanged timeline costs one request.

        Raises:
            StoreUnavailable: the store does not answer.
            UnreadableSource: what it has is no timeline of ours.
        """
        store, file = self.home.store, self._file
        if store is None:
            return
        there = store.version(self._key)
        if there is not None and there != self._seen().there:
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / file.name
                store.receive(self._key, copy)
                ours, theirs = load(file), load(copy)
            both = reconcile(ours, theirs)
            if both != ours:
                save(file, both)
            if both == theirs:
                self._remember(there)
            else:
                self._send(store)
        self.push()

    def push(self) -> None:
        """Send what is stored here, if it has changed since it was last alike.

        Raises:
            StoreUnavailable: the store does not answer; the posts are kept here.
        """
        store = self.home.store
        if store is None or _version(self._file) in (None, self._seen().here):
            return
        self._send(store)

    def _send(self, store: Store) -> None:
        store.send(self._file, self._key)
        self._remember(store.version(self._key))

    def _remember(self, there: str | None) -> None:
        seen = _Seen(there=there, here=_version(self._file))
        write_text(self.home.synchronised(self.handle), seen.model_dump_json() + "\n")

    def _seen(self) -> _Seen:
        try:
            return _Seen.model_validate_json(self.home.synchronised(self.handle).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            # Only a memory: both sides are compared again.
            return _Seen()

    @property
    def _file(self) -> Path:
        return self.home.timeline(self.handle)

    @property
    def _key(self) -> str:
        return self.home.key(self._file)


def reconcile(ours: Timeline, theirs: Timeline) -> Timeline:
    """The posts of both; the gaps of the side that has all posts, or those of both if neither has."""
    both = theirs.merged(ours.posts)
    if both.posts == theirs.posts:
        return theirs
    if both.posts == ours.posts:
        return ours
    gaps = tuple(dict.fromkeys((*theirs.gaps, *ours.gaps)))
    shown = {**ours.shown, **theirs.shown}
    shown |= {post: at for post, at in ours.shown.items() if at > shown[post]}
    return Timeline(both.posts, gaps, shown, tuple(dict.fromkeys((*theirs.retracted, *ours.retracted))))


def _version(file: Path) -> str | None:
    """What changes whenever the file does; None if there is none."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
