"""Generated posts that somebody liked: ``favourites.jsonl``, one JSON line a post, each marked as generated."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from pydantic import Field, TypeAdapter

from hugtweets.generation.posts import GeneratedPost
from hugtweets.storage.home import Home
from hugtweets.storage.json_lines import JsonLines


class Favourite(GeneratedPost):
    """A generated post that is kept."""

    id: str = Field(description="names the favourite")
    kept_at: datetime


class Favourites:
    """The favourites of a home, oldest first."""

    def __init__(self, home: Home) -> None:
        self._file = JsonLines(home.favourites, home.locks / "favourites.lock", TypeAdapter(Favourite))

    def all(self) -> list[Favourite]:
        """Every one of them."""
        return self._file.all()

    def of(self, names: Collection[str]) -> list[Favourite]:
        """Those by models of some accounts and mixes; X handles ignore case."""
        wanted = {name.casefold() for name in names}
        return [kept for kept in self.all() if kept.handle is not None and kept.handle.casefold() in wanted]

    def add(self, post: GeneratedPost) -> Favourite:
        """Keep a post; one that is kept already stays as it is."""
        fresh = Favourite(**post.model_dump(), kept_at=datetime.now(UTC))
        kept = self._file.change(lambda kept: kept if any(one.id == fresh.id for one in kept) else [*kept, fresh])
        return next(one for one in kept if one.id == fresh.id)

    def remove(self, name: str) -> None:
        """Let a favourite go; to remove it twice does no harm."""
        self._file.change(lambda kept: [one for one in kept if one.id != name])

    def forget(self, names: Collection[str]) -> None:
        """Remove those by models of some accounts and mixes."""
        self._file.remove(self.of(names))

    def forget_models(self, digests: Collection[str]) -> None:
        """Remove those by these models, or by these base models."""
        self._file.remove([kept for kept in self.all() if kept.model in digests])
