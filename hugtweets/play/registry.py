"""The models that can be played with: the current one of each account, and the base models they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import BaseModel as Document
from pydantic import Field

from hugtweets.cleaning.kinds import Kind
from hugtweets.errors import NothingKept
from hugtweets.evaluation.promotion import current_model
from hugtweets.models.cache import is_adapter
from hugtweets.models.registry import BaseModel
from hugtweets.steps.authors import Author, together
from hugtweets.steps.finetune import kinds_of
from hugtweets.storage.home import Home


class PlayableAccount(Document):
    """An account, a mix or a blend that has a current model."""

    handle: str
    model: str = Field(description="digest of the current model")
    base_model: str
    learned_at: datetime
    kinds: list[Kind] = Field(
        description="kinds of posts that it can be asked for; none if it does not tell them apart"
    )


@dataclass(frozen=True)
class Batch:
    """Models that write together: those of some accounts, all of one base model, and itself if ``with_base_model``.

    The accounts' posts are of one ``kind``, or of any; the base model knows no kinds.
    """

    base_model: BaseModel
    authors: tuple[Author, ...] = ()
    with_base_model: bool = False
    kind: Kind | None = None

    @property
    def digests(self) -> dict[str | None, str]:
        """The digest of each model, by the account that it writes for; None stands for the base model."""
        digests: dict[str | None, str] = {author.handle: author.model.digest for author in self.authors}
        return digests | ({None: self.base_model.digest} if self.with_base_model else {})


def playable_accounts(home: Home) -> list[PlayableAccount]:
    """Every account, mix and blend with a current model; whether what it was made from is still there shows later."""
    found = []
    for handle in home.known_names():
        if model := current_model(home, handle):
            manifest = model.manifest()
            name = str(manifest.counts["base_model"])
            kinds = kinds_of(model)
            found.append(
                PlayableAccount(
                    handle=handle, model=model.digest, base_model=name, learned_at=manifest.created, kinds=kinds
                )
            )
    return found


def plan_batches(home: Home, handles: Sequence[str], with_base_model: bool, kind: Kind | None = None) -> list[Batch]:
    """The batches in which the models of some accounts write, and the base model of the first account if asked for.

    Raises:
        ConfigurationError: a model was not taught the kind.
        NothingKept: an account has no current model, or what it was made from is gone.
        BaseModelError: a base model cannot be found any more, or is another one now.
    """
    authors = [Author.find(home, handle) for handle in dict.fromkeys(map(home.spelling, handles))]
    for author in authors:
        author.check_kind(kind)
    batches = [Batch(group[0].base_model, tuple(group), kind=kind) for group in together(authors)]
    if not with_base_model:
        return batches
    wanted = authors[0].base_model
    for place, batch in enumerate(batches):
        # In a batch of adapters, a row that uses none of them is the base model's.
        if batch.base_model == wanted and is_adapter(batch.authors[0].weights):
            batches[place] = replace(batch, with_base_model=True)
            return batches
    return [*batches, Batch(wanted, with_base_model=True)]


def likeliest_batch(home: Home, most: int) -> Batch:
    """What to load before anybody asks: the largest batch of the ``most`` accounts learned last.

    Raises:
        NothingKept: no account has a current model.
        BaseModelError: as :func:`plan_batches`.
    """
    newest = sorted(playable_accounts(home), key=lambda account: account.learned_at, reverse=True)[:most]
    if not newest:
        raise NothingKept(f"no account in {home.root} has a current model: make one with `hugtweets run HANDLE`")
    batches = plan_batches(home, [account.handle for account in newest], with_base_model=False)
    return max(batches, key=lambda batch: len(batch.authors))
