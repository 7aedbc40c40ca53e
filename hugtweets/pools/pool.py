"""Base models that learned the posts of many people: ``pool:NAME`` in ``train.base_model``.

Each is an artifact like the others, in ``models/pretrain/<name>/<digest>/``; ``pool:NAME`` is the newest of that name,
``pool:NAME@DIGEST`` exactly one. The colon keeps them apart from hub ids, folders and files.

**What becomes of a pool whose people change their mind.** Nothing takes a post out of trained weights. When an account
is forgotten, every pool that learned it goes, and with it all that was made from it, models of other accounts included:
``train.method: full`` keeps a pool's weights in them, and adapters mean nothing without theirs. When a pooled post is
deleted, the account's own models go (:mod:`hugtweets.steps.retraction`), but a pool serves many and took long: it stays
until it is made again, and ``doctor`` and the log name it.

What asks for pools that may be in the store raises StoreUnavailable if it does not answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hugtweets.errors import BaseModelError, ConfigurationError, NothingKept
from hugtweets.storage.artifacts import MANIFEST, Plan, Reference, found_at, obtain, references, stored_manifests
from hugtweets.storage.home import Home

STEP = "pretrain"
PREFIX = "pool:"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
SPEC = re.compile(rf"{PREFIX}({NAME.pattern})(?:@([0-9a-f]{{16}}))?")


@dataclass(frozen=True)
class PoolPlan(Plan):
    """A pool to be made: ``handle`` is its name."""

    def reference(self, home: Home) -> Reference:
        """Where the pool is, or will be."""
        return _reference(home, validate_pool_name(self.handle), self.digest)


def validate_pool_name(name: str) -> str:
    """Return the name.

    Raises:
        ConfigurationError: it is not 1 to 40 letters, digits, hyphens and underscores.
    """
    if not NAME.fullmatch(name):
        shown = ascii(name if len(name) <= 60 else name[:60] + "...")
        raise ConfigurationError(f"{shown} cannot name a pool: take up to 40 letters, digits, hyphens and underscores")
    return name


def is_pool(spec: str) -> bool:
    """Whether a base model is written as a pool."""
    return spec.startswith(PREFIX)


def pinned(spec: str, digest: str) -> str:
    """A base model as written, a pool as the one with this digest."""
    return f"{spec.partition('@')[0]}@{digest}" if is_pool(spec) else spec


def spec_of(pool: Reference) -> str:
    """What ``train.base_model`` calls exactly this pool."""
    return pinned(f"{PREFIX}{pool.handle}", pool.digest)


def list_pools(home: Home, name: str = "*") -> list[Reference]:
    """The pools of a name, or all, oldest first, with those that only the store has."""
    below = home.pools if name == "*" else home.pools / name
    return found_at(home, {*home.pools.glob(f"{name}/*/{MANIFEST}"), *stored_manifests(home, below)})


def find_pool(home: Home, spec: str) -> Reference:
    """The pool that ``pool:NAME`` or ``pool:NAME@DIGEST`` means, brought here if only the store has it.

    Raises:
        BaseModelError: there is none.
    """
    written = SPEC.fullmatch(spec)
    if written is None:
        raise BaseModelError(f"{spec!a} names no pool: write pool:NAME or pool:NAME@DIGEST")
    name, digest = written.groups()
    known = [_reference(home, name, digest)] if digest else list_pools(home, name)
    if not known or not obtain(home, known[-1]):
        places = f"{home.root} or the store {home.store.shown}" if home.store else str(home.root)
        raise BaseModelError(f"there is no {spec} in {places}: make it with `hugtweets pretrain {name} HANDLE...`")
    return known[-1]


def named_pools(home: Home, spec: str) -> list[Reference]:
    """Every pool of that name, or the one with that digest.

    Raises:
        NothingKept: there is none.
    """
    name, _, digest = spec.removeprefix(PREFIX).partition("@")
    known = list_pools(home, name) if NAME.fullmatch(name) else []
    found = [pool for pool in known if digest in ("", pool.digest)]
    if not found:
        raise NothingKept(f"there is no {ascii(spec)[1:-1]} in {home.root}")
    return found


def pool_here(home: Home, digest: str) -> Reference | None:
    """The pool with this digest, if this machine has it."""
    names = (path.parent.parent.name for path in home.pools.glob(f"*/{digest}/{MANIFEST}"))
    return next((_reference(home, name, digest) for name in names), None)


def made_from(home: Home, pool: Reference) -> list[Reference]:
    """Every artifact, of whichever account or mix, that the pool had a part in, oldest first."""
    made: dict[tuple[str, str, str], Reference] = {}
    for handle in home.known_names():
        for reference in references(home, handle):
            inputs = reference.manifest().inputs
            if pool.digest in inputs.values() or any((handle, *item) in made for item in inputs.items()):
                made[handle, reference.step, reference.digest] = reference
    return list(made.values())


def _reference(home: Home, name: str, digest: str) -> Reference:
    return Reference(STEP, name, digest, str(home.pools / name / digest))
