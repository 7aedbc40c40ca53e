"""Who can be played with: the accounts of a home that have a current model, and the base models they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel as Document
from pydantic import Field

from hugtweets.errors import NothingKept
from hugtweets.evaluation.promotion import current_model
from hugtweets.models.cache import is_adapter
from hugtweets.models.registry import BaseModel
from hugtweets.steps.sample import Author, together
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.home import Home


class Player(Document):
    """An account, a mix or a blend that has a current model."""

    handle: str
    model: str = Field(description="digest of the current model")
    base_model: str
    learned_at: datetime


@dataclass(frozen=True)
class Part:
    """What is drawn in one batch: models of one base model, and that itself if it is to be heard ``bare``."""

    base_model: BaseModel
    authors: tuple[Author, ...] = ()
    bare: bool = False

    @property
    def handles(self) -> list[str | None]:
        """Whose posts are drawn; None stands for the base model."""
        return [*(author.handle for author in self.authors), *([None] if self.bare else [])]

    def model_of(self, handle: str | None) -> str:
        """Digest of the model of one of the handles."""
        digests = {author.handle: author.model.digest for author in self.authors}
        return digests[handle] if handle else self.base_model.digest


def players(home: Home) -> list[Player]:
    """Every account, mix and blend with a current model; whether what it was made from is still there shows later."""
    found = [model for handle in home.known_names() if (model := current_model(home, handle))]
    return [_player(model) for model in found]


def parts_of(home: Home, handles: Sequence[str], bare: bool) -> list[Part]:
    """What is to be drawn, batch by batch; the base model is that of the first account.

    Raises:
        NothingKept: an account has no current model, or what it was made from is gone.
        BaseModelError: a base model cannot be found any more, or is another one now.
    """
    authors = [Author.find(home, handle) for handle in dict.fromkeys(map(home.spelling, handles))]
    parts = [Part(group[0].base_model, tuple(group)) for group in together(authors)]
    if not bare:
        return parts
    base_model = authors[0].base_model
    place = next((place for place, part in enumerate(parts) if _wears(part, base_model)), None)
    if place is None:
        return [*parts, Part(base_model, bare=True)]
    return [Part(part.base_model, part.authors, bare=number == place) for number, part in enumerate(parts)]


def opening(home: Home, most: int) -> Part:
    """What to load before anybody asks: of the ``most`` accounts learned last, those that one base model speaks for.

    Raises:
        NothingKept: no account has a current model.
        BaseModelError: as :func:`parts_of`.
    """
    newest = sorted(players(home), key=lambda player: player.learned_at, reverse=True)[:most]
    if not newest:
        raise NothingKept(f"no account in {home.root} has a current model: make one with `hugtweets run HANDLE`")
    parts = parts_of(home, [player.handle for player in newest], bare=False)
    return max(parts, key=lambda part: len(part.authors))


def _wears(part: Part, base_model: BaseModel) -> bool:
    """Whether a part is the base model with adapters, without which it can be heard as well."""
    return part.base_model == base_model and is_adapter(part.authors[0].weights)


def _player(model: Reference) -> Player:
    manifest = model.manifest()
    name = str(manifest.counts["base_model"])
    return Player(handle=model.handle, model=model.digest, base_model=name, learned_at=manifest.created)
