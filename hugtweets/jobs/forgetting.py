"""Removing pooled base models with all that was made from them; :mod:`hugtweets.pools.pool` says why."""

from __future__ import annotations

from dataclasses import dataclass

from hugtweets.jobs.keepsakes import remove_keepsakes
from hugtweets.pools.learned_posts import learned_of
from hugtweets.pools.pool import list_pools, made_from, spec_of
from hugtweets.storage.artifacts import Reference, location, remove
from hugtweets.storage.home import Home
from hugtweets.tracking import remove_run


@dataclass(frozen=True)
class Doomed:
    """A pool that is to go, and the artifacts of accounts that it had a part in, oldest first."""

    pool: Reference
    made: tuple[Reference, ...]

    @classmethod
    def of(cls, home: Home, pool: Reference) -> Doomed:
        """What goes with a pool."""
        return cls(pool, tuple(made_from(home, pool)))

    @property
    def accounts(self) -> list[str]:
        """Whose models go with it."""
        return sorted({reference.handle for reference in self.made if reference.step == "finetune"}, key=str.casefold)

    def describe(self) -> str:
        """``pool:friends@0f… with the models of alice, bob that were made from it``."""
        models = f" with the models of {', '.join(self.accounts)} that were made from it" if self.accounts else ""
        return f"{spec_of(self.pool)}{models}"


def pools_that_learned(home: Home, handle: str) -> list[Reference]:
    """The pools that learned posts of an account, from its own timeline or from a corpus, oldest first.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    return [pool for pool in list_pools(home) if len(learned_of(home, pool, handle))]


def remove_pool(home: Home, doomed: Doomed) -> list[str]:
    """Remove a pool, all that was made from it, and what it wrote as a base model; returns what is gone.

    The pool itself goes last: what a crash leaves is found again by it.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    removed = [*reversed(doomed.made), doomed.pool]
    gone = [location(home, reference) for reference in removed]
    for drawn in home.base_posts(doomed.pool.digest, "any").parent.glob(f"{doomed.pool.digest}-*"):
        drawn.unlink()
        gone.append(str(drawn))
    remove_keepsakes(home, removed)
    for reference in removed:
        remove_run(home, reference)
        remove(home, reference)
    return gone
