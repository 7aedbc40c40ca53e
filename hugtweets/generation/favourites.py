"""Generated posts that somebody liked: ``favourites.jsonl``, one JSON line a post, each marked as generated.

The file is replaced as a whole with every change, under a lock: two pages of one home lose nothing of each other's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime

from filelock import FileLock
from pydantic import Field

from hugtweets.generation.posts import GeneratedPost
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home


class Favourite(GeneratedPost):
    """A generated post that is kept."""

    id: str = Field(description="names the favourite")
    kept_at: datetime


class Favourites:
    """The favourites of a home, oldest first."""

    def __init__(self, home: Home) -> None:
        self._path = home.favourites
        self._lock = home.locks / "favourites.lock"

    def all(self) -> list[Favourite]:
        """Every one of them."""
        if not self._path.exists():
            return []
        # Not splitlines(): a post may hold other characters that end a line.
        lines = self._path.read_text(encoding="utf-8").split("\n")
        return [Favourite.model_validate_json(line) for line in lines if line]

    def of(self, names: Collection[str]) -> list[Favourite]:
        """Those by models of some accounts and mixes; X handles ignore case."""
        wanted = {name.casefold() for name in names}
        return [kept for kept in self.all() if kept.handle is not None and kept.handle.casefold() in wanted]

    def add(self, post: GeneratedPost) -> Favourite:
        """Keep a post; one that is kept already stays as it is."""
        fresh = Favourite(**post.model_dump(), kept_at=datetime.now(UTC))
        kept = self._change(lambda kept: kept if any(one.id == fresh.id for one in kept) else [*kept, fresh])
        return next(one for one in kept if one.id == fresh.id)

    def remove(self, name: str) -> None:
        """Let a favourite go; to remove it twice does no harm."""
        self._change(lambda kept: [one for one in kept if one.id != name])

    def forget(self, names: Collection[str]) -> None:
        """Remove those by models of some accounts and mixes."""
        self._forget(self.of(names))

    def forget_models(self, digests: Collection[str]) -> None:
        """Remove those by these models, or by these base models."""
        self._forget([kept for kept in self.all() if kept.model in digests])

    def _forget(self, unwanted: Collection[Favourite]) -> None:
        if unwanted:
            self._change(lambda kept: [one for one in kept if one not in unwanted])

    def _change(self, change: Callable[[Sequence[Favourite]], Sequence[Favourite]]) -> Sequence[Favourite]:
        with FileLock(self._lock):
            kept = change(self.all())
            write_text(self._path, "".join(f"{one.model_dump_json()}\n" for one in kept))
        return kept
