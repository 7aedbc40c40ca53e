"""The timeline of an account, synchronised between this machine and the store that all machines share.

One machine at a time fetches an account. If two did, or if one crashed before it sent what it bought, no post is lost:
each side gets what it lacks. What asks the store raises ``StoreUnavailable`` if it does not answer.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import BaseModel

from hugtweets.errors import HandleTaken
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home
from hugtweets.storage.locks import locked_aloud
from hugtweets.storage.remote import Store
from hugtweets.timelines.timeline import Progress, Timeline, load, save


class _Synchronised(BaseModel):
    """The versions that were last known to be equal: of the object in the store and of the file here."""

    there: str | None = None
    here: str | None = None


@dataclass(frozen=True)
class SharedTimeline:
    """The timeline of one account; without a store there is nothing to synchronise."""

    home: Home
    handle: str

    def exists(self) -> bool:
        """Whether anything is stored of the account, here or in the store."""
        return self._file.exists() or (self.home.store is not None and self.home.store.has(self._key))

    def pull(self) -> None:
        """Add what other machines stored, and send what they lack; an unchanged timeline costs one request.

        Raises:
            UnreadableSource: what the store has is no timeline of ours.
            HandleTaken: it is the timeline of another account.
        """
        if self.home.store and not self._is_equal(self.home.store):
            with self.locked():
                self._pull(self.home.store)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from changing the timeline; who has to wait says for whom."""
        with locked_aloud(self._file, self.handle, "fetches or changes the same timeline"):
            yield

    def _is_equal(self, store: Store) -> bool:
        known = self._synchronised()
        return store.version(self._key) == known.there and _version(self._file) in (None, known.here)

    def _pull(self, store: Store) -> None:
        file, there = self._file, store.version(self._key)
        if there is not None and there != self._synchronised().there:
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / file.name
                store.receive(self._key, copy)
                ours, theirs = load(file), load(copy)
            both = _merge(self.handle, ours, theirs)
            if both != ours:
                save(file, both)
            if both == theirs:
                self._remember(there)
            else:
                self._send(store)
        self.push()

    def push(self) -> None:
        """Send what is stored here, if it has changed since both sides were equal; called by whoever has the lock."""
        store = self.home.store
        if store is None or _version(self._file) in (None, self._synchronised().here):
            return
        self._send(store)

    def _send(self, store: Store) -> None:
        store.send(self._file, self._key)
        self._remember(store.version(self._key))

    def _remember(self, there: str | None) -> None:
        versions = _Synchronised(there=there, here=_version(self._file))
        write_text(self.home.synchronised(self.handle), versions.model_dump_json() + "\n")

    def _synchronised(self) -> _Synchronised:
        try:
            return _Synchronised.model_validate_json(self.home.synchronised(self.handle).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            # Only a cache: both sides are compared again.
            return _Synchronised()

    @property
    def _file(self) -> Path:
        return self.home.timeline(self.handle)

    @property
    def _key(self) -> str:
        return self.home.key(self._file)


def _merge(handle: str, ours: Timeline, theirs: Timeline) -> Timeline:
    """The posts of both; the gaps of the side that has all posts, or of both if neither has.

    Raises:
        HandleTaken: they are timelines of two accounts that had the same handle.
    """
    if ours.account and theirs.account and ours.account != theirs.account:
        raise HandleTaken(
            f"the posts of {handle} on this machine are of another account (id {ours.account}) than those in the store "
            f"(id {theirs.account}): run `hugtweets forget {handle}`, and fetch those of the right one again"
        )
    account, unread = theirs.account or ours.account, {**ours.unread, **theirs.unread}
    count = max(filter(None, (theirs.count, ours.count)), key=lambda count: count.at, default=None)
    # The side that has all posts has read on furthest; only one of them may know an account at all.
    ours, theirs = (
        replace(side, account=account, unread=unread, count=count, progress={**other.progress, **side.progress}).merged(
            ()
        )
        for side, other in ((ours, theirs), (theirs, ours))
    )
    both = theirs.merged(ours.posts)
    if both.posts == theirs.posts:
        return theirs
    if both.posts == ours.posts:
        return ours
    gaps = tuple(dict.fromkeys((*theirs.gaps, *ours.gaps)))
    shown = {**ours.shown, **theirs.shown}
    shown |= {post: at for post, at in ours.shown.items() if at > shown[post]}
    retracted = tuple(dict.fromkeys((*theirs.retracted, *ours.retracted)))
    progress = {name: _join(theirs.progress[name], ours.progress[name]) for name in both.progress}
    return replace(both, gaps=gaps, shown=shown, retracted=retracted, progress=progress)


def _join(theirs: Progress, ours: Progress) -> Progress:
    positions = tuple(dict.fromkeys((*theirs.positions, *ours.positions)))
    return replace(theirs, positions=positions, unread={**ours.unread, **theirs.unread})


def _version(file: Path) -> str | None:
    """What changes whenever the file does; None if there is none."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
