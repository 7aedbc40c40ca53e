"""Removing all that is kept of an account, and pooled base models with all that was made from them.

:mod:`hugtweets.pools.pool` says why a pool that learned an account goes with it. Whatever asks the store raises
``StoreUnavailable`` if it does not answer.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from hugtweets.budget.ledger import Ledger
from hugtweets.budget.shared_ledger import forget_in_store
from hugtweets.evaluation.people import Answers
from hugtweets.generation.favourites import Favourites
from hugtweets.jobs.history import forget_history
from hugtweets.pools.learned_posts import learned_of
from hugtweets.pools.pool import list_pools, made_from, spec_of
from hugtweets.storage.artifacts import MANIFEST, Reference, location, references, remove
from hugtweets.storage.handles import folder_of, is_mix
from hugtweets.storage.home import Home
from hugtweets.storage.locks import lock_file
from hugtweets.timelines.shared import SharedTimeline
from hugtweets.tracking import LONGEST_TAG, MARKER, remove_run
from hugtweets.tracking.deleting import note_artifact, note_marker, note_run


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
    """The pools that learned posts of an account, from its own timeline or from a corpus, oldest first."""
    return [pool for pool in list_pools(home) if len(learned_of(home, pool, handle))]


def remove_pool(home: Home, doomed: Doomed) -> list[str]:
    """Remove a pool, all that was made from it, and what it wrote as a base model; returns what is gone.

    The pool itself goes last: what a crash leaves is found again by it.
    """
    removed = [*reversed(doomed.made), doomed.pool]
    gone = [location(home, reference) for reference in removed]
    for posts in home.base_posts(doomed.pool.digest, "any").parent.glob(f"{doomed.pool.digest}-*"):
        posts.unlink()
        gone.append(str(posts))
    remove_keepsakes(home, removed)
    for reference in removed:
        remove_run(home, reference)
        remove(home, reference)
    return gone


def remove_keepsakes(home: Home, gone: Sequence[Reference]) -> None:
    """Remove the favourites of models that are to go, and the folders of ``push --dry-run``.

    To be called before they go: what a crash leaves is found again by them.
    """
    Favourites(home).forget_models({reference.digest for reference in gone})
    for handle in {reference.handle for reference in gone if reference.step == "finetune"}:
        if home.hub(handle).exists():
            shutil.rmtree(home.hub(handle))


def remove_account(home: Home, name: str) -> list[str]:
    """Remove all that is kept of an account, here and in the store, and its mixes; returns what is gone."""
    mixes, paths, stored = home.known_mixes(name), kept_of(home, name), keys_of(home, name)
    with nullcontext() if is_mix(name) else SharedTimeline(home, name).locked():
        _note_what_wandb_has(home, [name, *mixes], paths, stored)
        if home.store:
            home.store.remove(stored)
            forget_in_store(home.store, name)
        for path in paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        Ledger(home.ledger, run="").forget(name)
        Favourites(home).forget([name, *mixes])
        Answers(home).forget([name, *mixes])
        forget_history(home, {name, *mixes})
        if not is_mix(name):
            lock_file(home.timeline(name)).unlink(missing_ok=True)
    return [*map(str, paths), *stored]


def _note_what_wandb_has(home: Home, names: Sequence[str], paths: Sequence[Path], stored: Sequence[str]) -> None:
    """Before it goes here: what W&B has of it is deleted there by :func:`hugtweets.tracking.deleting.delete_noted`."""
    for reference in [reference for name in names for reference in references(home, name)]:
        note_artifact(home, reference)
    markers = [key for key in stored if key.endswith(f"/{MARKER}")]
    for key, written in home.store.read(markers).items() if home.store and markers else ():
        note_marker(home, json.loads(written), key.split("/")[-2])
    for path in paths:
        note_run(home, path)


def kept_of(home: Home, handle: str) -> list[Path]:
    """Every file and folder of an account and of the mixes that it is in, those of W&B runs that broke off too."""
    names = [handle, *home.known_mixes(handle)]
    return list(dict.fromkeys(path for name in names for path in _kept_of(home, name)))


def _kept_of(home: Home, handle: str) -> list[Path]:
    folder = folder_of(handle)
    runs = [path for path in home.wandb.glob("**/*run-*") if path.is_dir() and _names(path, handle)]
    records = list(home.results.glob(f"hugtweets-*-{handle}-*"))
    artifacts = [path for path in home.artifacts.glob(f"*/{folder}") if path.is_dir()]
    timeline = [*home.timelines.glob(f"{folder}.*"), *home.timelines.glob(f".synchronised/{folder}.*")]
    others = [
        *home.promotions(handle).parent.glob(f"{folder}.*"),
        *(path for path in [home.hub(handle)] if path.exists()),
    ]
    tables = [path for path in home.sweeps.glob("*.csv") if _has_row(path, handle)]
    analysis = [table.parent for table in home.analysis.glob("accounts.csv") if _has_row(table, handle)]
    pages = list(home.report.glob(f"accounts/{folder}.*"))
    return [*runs, *records, *artifacts, *timeline, *others, *tables, *analysis, *pages]


def keys_of(home: Home, handle: str) -> list[str]:
    """Every object of an account, and of its mixes, in the store.

    Manifests come first: what is half deleted is no artifact any more.
    """
    if home.store is None:
        return []
    names = [handle, *home.known_mixes(handle)]
    folders = [home.key(home.folder(step, name)) for step in home.store.names("artifacts") for name in names]
    keys = [key for folder in folders for key in home.store.sizes(folder)]
    files = [home.key(home.promotions(name)) for name in names]
    files += [home.key(home.timeline(name)) for name in names if not is_mix(name)]
    manifests_first = sorted(keys, key=lambda key: not key.endswith(f"/{MANIFEST}"))
    return manifests_first + [key for key in files if home.store.has(key)]


def _has_row(table: Path, handle: str) -> bool:
    """Whether a table of several accounts has figures of this one: it goes as a whole, and can be made again."""
    with table.open(encoding="utf-8", newline="") as file:
        return any(row.get("handle") == handle for row in csv.DictReader(file))


def _names(run: Path, handle: str) -> bool:
    """Whether a W&B run folder is of the account: every run of ours is tagged with its handles.

    In the first record of a ``.wandb`` file, a protobuf message, a tag stands as the field's number (10, so ``R``), its
    length, and itself: exactly the handle, and not one that begins like it. The name of a blend may be too long for a
    tag; it ends the name of its run, behind the step.
    """
    name = handle.encode()
    mark = b"R" + bytes([len(name)]) + name if len(name) <= LONGEST_TAG else b"-" + name
    return any(mark in path.read_bytes() for path in run.glob("*.wandb"))
