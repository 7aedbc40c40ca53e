"""A pool to be learned, as it is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from hugtweets.config import Config, Section
from hugtweets.errors import ConfigurationError
from hugtweets.jobs.accounts import AccountRequest, require_agreement, tracked
from hugtweets.models import registry as base_models
from hugtweets.pools.pool import validate_pool_name
from hugtweets.storage.artifacts import Reference
from hugtweets.storage.handles import validate_handle
from hugtweets.storage.home import Home

# Sections that hold for the pool and not for one of its accounts.
COMMON = ("pretrain", "tracking")


class PoolRequest(Section):
    """Whose posts are to be learned together under which name, and on whom to evaluate what that brings."""

    name: Annotated[str, AfterValidator(validate_pool_name)]
    accounts: tuple[AccountRequest, ...]
    held_out: tuple[AccountRequest, ...]
    corpora: tuple[Path, ...]
    config: Config


@dataclass(frozen=True)
class Pooling:
    """A pool in one run: the cleaned posts of its accounts, its corpus files, and the base model that learns them."""

    home: Home
    name: str
    run: str
    config: Config
    posts: tuple[Reference, ...]
    corpora: tuple[Path, ...]
    base_model: base_models.BaseModel

    @property
    def handle(self) -> str:
        """What its artifact and its task are called by."""
        return self.name


class Transfer(BaseModel):
    """How well posts of an account that was not pooled are predicted, in bits per byte, before it is learned itself.

    ``over_base`` is the pooled model's figure less the base's, post by post, with its 95 % interval if there are enough
    posts for one.
    """

    handle: str
    held_out_posts: int
    base_bits_per_byte: float
    bits_per_byte: float
    over_base: float
    over_base_low: float | None = None
    over_base_high: float | None = None

    def row(self, pool: str) -> dict[str, Any]:
        """A row in a table of accounts."""
        return {
            "account": self.handle,
            "held-out posts": self.held_out_posts,
            "base": f"{self.base_bits_per_byte:.3f}",
            pool: f"{self.bits_per_byte:.3f}",
        }


class PoolOutcome(BaseModel):
    """What ``pretrain --json`` prints; ``base_model`` is what ``train.base_model`` takes for exactly this pool."""

    status: Literal["completed", "unchanged"]
    flow_run: str
    base_model: str
    path: str
    counts: dict[str, Any]
    transfers: list[Transfer] = Field(default_factory=list)


def request_pool(
    name: str, accounts: Sequence[AccountRequest], hold_out: Sequence[str], corpora: Sequence[Path], config: Config
) -> PoolRequest:
    """A pool of these accounts without those held out, who may but need not be among them, and of these files.

    Raises:
        ConfigurationError: nothing is left to learn, a file is not there, or accounts disagree on what holds for all.
        InvalidHandle: a name held out cannot be a handle.
    """
    validate_pool_name(name)
    for section in COMMON if accounts else ():
        require_agreement(tracked(accounts), section, "a pool")
    config = tracked(accounts)[0].config if accounts else config
    listed = {request.handle.casefold(): request for request in accounts}
    out = {handle.casefold(): handle for handle in map(validate_handle, hold_out)}
    pooled = tuple(request for handle, request in listed.items() if handle not in out)
    if not (pooled or corpora):
        raise ConfigurationError(
            f"pool {name} has nothing to learn: name accounts that are not held out, or a --corpus"
        )
    for path in corpora:
        if not path.is_file():
            raise ConfigurationError(f"there is no corpus file {path}: check the path")
    held_out = (listed.get(key) or AccountRequest(handle=handle, config=config) for key, handle in out.items())
    return PoolRequest(name=name, accounts=pooled, held_out=tuple(held_out), corpora=tuple(corpora), config=config)
