"""Pruning: remove the artifacts that nobody needs (:mod:`hugtweets.jobs.needed`), here and in the store.

What was made last goes first, so that what a crash leaves is found by the next pruning, which removes it. What a run
begins to use meanwhile stays. At Weights & Biases the same artifacts go only if asked for; their runs stay, and so do
the copies of raw posts.
"""

from __future__ import annotations

import shutil
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, Field

from hugtweets.config import StorageConfig
from hugtweets.jobs.needed import Artifact, survey
from hugtweets.pools.pool import PREFIX, STEP
from hugtweets.storage.artifacts import (
    MANIFEST,
    REMOTE_MANIFESTS,
    Reference,
    exists,
    is_shared,
    remove_shared,
    set_aside,
)
from hugtweets.storage.atomic import remove_leftovers
from hugtweets.storage.home import Home
from hugtweets.tracking.deleting import note_pruned
from hugtweets.tracking.markers import read_marker

# Copies of raw posts are artifacts of this step.
RAW_POSTS = "fetch"


class Amount(BaseModel):
    """How many artifacts, and their bytes on this machine and in the store."""

    artifacts: int = 0
    bytes: int = 0
    stored_bytes: int = 0
    at_wandb: int = Field(0, description="how many of them W&B has, counted if they are to go there too")

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            artifacts=self.artifacts + other.artifacts,
            bytes=self.bytes + other.bytes,
            stored_bytes=self.stored_bytes + other.stored_bytes,
            at_wandb=self.at_wandb + other.at_wandb,
        )


class Pruned(BaseModel):
    """What ``prune --json`` prints: what is gone or, with ``dry_run``, what would be; pools are called ``pool:NAME``.

    ``in_making`` names accounts and pools that were left alone, since something is being made for them.
    """

    dry_run: bool
    total: Amount = Amount()
    steps: dict[str, Amount] = Field(default_factory=dict)
    accounts: dict[str, Amount] = Field(default_factory=dict)
    in_making: list[str] = Field(default_factory=list)

    def describe(self) -> str:
        """``removed 12 artifacts: 1.3 MB here, 1.3 MB in the store``."""
        verb = "would remove" if self.dry_run else "removed"
        number = f"{self.total.artifacts:,} artifact{'s' * (self.total.artifacts != 1)}"
        stored = f", {megabytes(self.total.stored_bytes)} in the store" if self.total.stored_bytes else ""
        wandb = f", {self.total.at_wandb:,} of them at W&B too" if self.total.at_wandb else ""
        left = f"; left alone, as they are being worked on: {', '.join(self.in_making)}" if self.in_making else ""
        return f"{verb} {number}: {megabytes(self.total.bytes)} here{stored}{wandb}{left}"


def megabytes(size: int) -> str:
    """``1,234.5 MB`` of so many bytes."""
    return f"{size / 1e6:,.1f} MB"


def prune(home: Home, config: StorageConfig, dry_run: bool = False, at_wandb: bool = False) -> Pruned:
    """Remove what nobody needs; with ``dry_run`` only say what that is.

    With ``at_wandb`` it is written down for :func:`hugtweets.tracking.deleting.delete_noted`, but for raw posts.

    Raises:
        StoreUnavailable: the store does not answer; what is left goes the next time.
    """
    found = survey(home, config, time.time())
    if not dry_run:
        _finish_removals(home)
    stored, gone = _stored_sizes(home), list[tuple[Artifact, Amount]]()
    for each in found.unneeded:
        folder = each.reference.folder
        amount = Amount(
            artifacts=1,
            bytes=_size_of(folder),
            stored_bytes=stored.get(home.key(folder), 0),
            at_wandb=at_wandb and _goes_at_wandb(each.reference),
        )
        # Written down before: a crash in between must not leave at W&B what nobody knows of here.
        note = note_pruned(home, each.reference) if amount.at_wandb and not dry_run else None
        if dry_run or remove_unless_used(home, each):
            gone.append((each, amount))
        elif note:
            note.unlink()
    if not dry_run:
        _remove_records(home, [each.reference for each, _ in gone])
    steps: dict[str, Amount] = defaultdict(Amount)
    accounts: dict[str, Amount] = defaultdict(Amount)
    for each, amount in gone:
        steps[each.reference.step] += amount
        accounts[_shown(each.reference)] += amount
    total = sum((amount for _, amount in gone), Amount())
    return Pruned(dry_run=dry_run, total=total, steps=steps, accounts=accounts, in_making=list(found.in_making))


def _goes_at_wandb(reference: Reference) -> bool:
    marker = read_marker(reference) if reference.step != RAW_POSTS else None
    return bool(marker and marker.get("url"))


def remove_unless_used(home: Home, artifact: Artifact) -> bool:
    """Remove one artifact, unless somebody has begun to use it since it was looked at; whether it is gone."""
    reference = artifact.reference
    if exists(reference):
        if reference.known_manifest.stat().st_mtime > artifact.used:
            return False
        doomed = set_aside(reference)
        # A run that found it just before marked it as used first; one that did not find it makes it again.
        if (doomed / MANIFEST).stat().st_mtime > artifact.used:
            doomed.rename(reference.folder)
            return False
        try:
            _remove_shared(home, reference)
        finally:
            shutil.rmtree(doomed)
    else:
        _remove_shared(home, reference)
    if reference.step == STEP:
        for posts in home.base_posts(reference.digest, "any").parent.glob(f"{reference.digest}-*"):
            posts.unlink()
    return True


def _remove_shared(home: Home, reference: Reference) -> None:
    """As :func:`hugtweets.storage.artifacts.remove_shared`; a removal that a crash ends is known to the next one."""
    if home.store is None:
        return
    begun = reference.remote_manifest.with_suffix(".going")
    begun.parent.mkdir(parents=True, exist_ok=True)
    begun.touch()
    remove_shared(home, reference)
    begun.unlink()


def _finish_removals(home: Home) -> None:
    """Remove what an earlier pruning left when it was interrupted."""
    for folder in [*home.artifacts.glob("*/*"), *home.pools.glob("*")]:
        remove_leftovers(folder)
        for begun in folder.glob(f"{REMOTE_MANIFESTS}/*.going"):
            reference = Reference.at(folder / begun.stem)
            # It may have been made again since.
            if not (exists(reference) or is_shared(home, reference)):
                remove_shared(home, reference)
            begun.unlink()


def _stored_sizes(home: Home) -> dict[str, int]:
    """The bytes of each artifact in the store, by the key of its folder."""
    sizes: dict[str, int] = defaultdict(int)
    if home.store:
        listed = home.store.sizes(home.key(home.artifacts)) | home.store.sizes(home.key(home.pools))
        for key, size in listed.items():
            # artifacts/<step>/<handle>/<digest>, models/pretrain/<name>/<digest>
            sizes["/".join(key.split("/")[:4])] += size
    return sizes


def _size_of(folder: Path) -> int:
    """The bytes of a folder's files; none if it is not here."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _remove_records(home: Home, gone: Iterable[Reference]) -> None:
    """Remove Prefect's records of what is gone: nobody asks for them any more."""
    names = {f"hugtweets-{reference.step}-{reference.handle}-{reference.digest}" for reference in gone}
    for record in home.results.glob("hugtweets-*"):
        if record.name.rpartition("@")[0] in names:
            record.unlink(missing_ok=True)


def _shown(reference: Reference) -> str:
    return f"{PREFIX}{reference.handle}" if reference.step == STEP else reference.handle
