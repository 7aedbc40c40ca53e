"""Content-addressed artifacts: ``artifacts/<step>/<handle>/<digest>/`` with files and a ``manifest.json``.

A :class:`Plan` says what is to be made. Its digest is known before any work: it follows from the step, the step's
version, the handle, the digests of the inputs and the slice of configuration that matters.

With a store (:mod:`hugtweets.storage.remote`) the folder is this machine's copy. What the store has is downloaded
instead of being made again, what is made here is uploaded with its manifest last, and the manifests of what other
machines made are kept here. Whatever asks the store raises ``StoreUnavailable`` if it does not answer.

The time of a manifest's file says when the artifact was last used: :mod:`hugtweets.jobs.needed` goes by it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from hugtweets.storage.atomic import atomic_folder, partial_prefix, write_text
from hugtweets.storage.handles import folder_of, name_in
from hugtweets.storage.home import Home
from hugtweets.storage.locks import lock_file, locked_aloud

LIBRARIES = ("hugtweets", "pyarrow", "datasets", "tokenizers", "transformers", "peft", "torch")
MANIFEST = "manifest.json"
REMOTE_MANIFESTS = ".elsewhere"


@dataclass(frozen=True)
class Reference:
    """A finished artifact; this is what travels between tasks, never the data."""

    step: str
    handle: str
    digest: str
    path: str

    @classmethod
    def at(cls, folder: Path) -> Reference:
        """The artifact that is in this folder, or would be."""
        step, account, digest = folder.parts[-3:]
        return cls(step, name_in(account), digest, str(folder))

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.path)

    def file(self, name: str) -> Path:
        """One of its files."""
        return self.folder / name

    @property
    def remote_manifest(self) -> Path:
        """The copy of its manifest on a machine that does not have its files."""
        return self.folder.parent / REMOTE_MANIFESTS / f"{self.digest}.json"

    @property
    def known_manifest(self) -> Path:
        """Its manifest, or the copy of it on a machine that does not have its files."""
        return self.file(MANIFEST) if exists(self) else self.remote_manifest

    def manifest(self) -> Manifest:
        """What it is made of and what was counted."""
        return Manifest.model_validate_json(self.known_manifest.read_text(encoding="utf-8"))


class Manifest(BaseModel):
    """``manifest.json`` of an artifact."""

    model_config = ConfigDict(frozen=True)

    step: str
    step_version: int
    handle: str
    digest: str
    inputs: dict[str, str]
    config: dict[str, Any]
    counts: dict[str, Any]
    libraries: dict[str, str]
    created: datetime
    seconds: float


@dataclass(frozen=True)
class Plan:
    """An artifact to be made. ``config`` holds JSON values only; ``extra`` names inputs that are no artifacts."""

    step: str
    step_version: int
    handle: str
    inputs: tuple[Reference, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)

    @property
    def input_digests(self) -> dict[str, str]:
        """Input name to digest; an artifact's name is its step."""
        return {**{reference.step: reference.digest for reference in self.inputs}, **self.extra}

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal characters of SHA-256: 64 bits, for a few thousand artifacts of an account."""
        identity = [self.step, self.step_version, self.handle, self.input_digests, self.config]
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]

    def reference(self, home: Home) -> Reference:
        """Where the artifact is, or will be."""
        path = home.folder(self.step, self.handle) / self.digest
        return Reference(self.step, self.handle, self.digest, str(path))


def exists(reference: Reference) -> bool:
    """Whether the artifact is here, whole."""
    return reference.file(MANIFEST).is_file()


def mark_used(reference: Reference) -> None:
    """Note that the artifact was found and counted on; in a home that cannot be written nothing is removed either."""
    with suppress(OSError):
        os.utime(reference.known_manifest)


def location(home: Home, reference: Reference) -> str:
    """Where people find the artifact: its folder here, or its URL in the store."""
    if home.store and not exists(reference):
        return f"{home.store.shown}/{home.key(reference.folder)}"
    return reference.path


def is_shared(home: Home, reference: Reference) -> bool:
    """Whether the store has the artifact, whole; without a store, whether it is here."""
    return home.store.has(f"{home.key(reference.folder)}/{MANIFEST}") if home.store else exists(reference)


def obtain(home: Home, reference: Reference) -> bool:
    """Download the artifact if only the store has it; whether it is here then, whole."""
    if exists(reference):
        return True
    if home.store is None or not is_shared(home, reference):
        return False
    with atomic_folder(reference.folder, marker=MANIFEST) as partial:
        home.store.receive_folder(home.key(reference.folder), partial)
    return True


def create(home: Home, plan: Plan, fill: Callable[[Path], Mapping[str, Any]]) -> Reference:
    """Make the artifact unless it exists; ``fill`` writes files into a folder and returns counts for the manifest.

    Of several processes on this machine that would make the same one, the first does, and the others wait for it.
    If the store does not answer, what was made is here, and is uploaded when it is asked for again.
    """
    reference = plan.reference(home)
    if not obtain(home, reference):
        with turn(reference):
            if not obtain(home, reference):
                _make(plan, reference, fill)
    if home.store and not is_shared(home, reference):
        home.store.send_folder(reference.folder, home.key(reference.folder), last=MANIFEST)
    return reference


def _make(plan: Plan, reference: Reference, fill: Callable[[Path], Mapping[str, Any]]) -> None:
    # Two machines that share a home may still make it at once: same digest, same content, so either will do.
    with atomic_folder(reference.folder, marker=MANIFEST) as partial:
        started = datetime.now(UTC)
        manifest = _manifest(plan, fill(partial), started)
        write_text(partial / MANIFEST, manifest.model_dump_json(indent=2) + "\n")


@contextmanager
def turn(reference: Reference) -> Iterator[None]:
    """Keep other processes of this machine from making or logging an artifact; who has to wait says for whom."""
    work = f"makes or logs the same artifact ({reference.step} {reference.digest})"
    with locked_aloud(reference.folder, reference.handle, work):
        try:
            yield
        finally:
            # There would be thousands of them. Whoever waits sees that the file is gone, and locks a new one.
            with suppress(OSError):
                lock_file(reference.folder).unlink()


def remove(home: Home, reference: Reference) -> None:
    """Remove an artifact, in the store first; files that a crash leaves behind go with the next one of its step."""
    remove_shared(home, reference)
    if reference.folder.exists():
        shutil.rmtree(set_aside(reference))


def remove_shared(home: Home, reference: Reference) -> None:
    """Remove what the store has of an artifact, its manifest first, and that copy of the manifest last."""
    if home.store:
        keys = home.store.sizes(home.key(reference.folder))
        home.store.remove(sorted(keys, key=lambda key: not key.endswith(f"/{MANIFEST}")))
        reference.remote_manifest.unlink(missing_ok=True)


def set_aside(reference: Reference) -> Path:
    """Make an artifact that is here disappear in one rename; returns where its files are, which a crash leaves."""
    doomed = reference.folder.with_name(f"{partial_prefix()}{reference.digest}")
    reference.folder.rename(doomed)
    return doomed


def references(home: Home, handle: str, step: str = "*") -> list[Reference]:
    """The artifacts of an account, oldest first, with those that only the store has: :func:`obtain` downloads them."""
    manifests = set(home.artifacts.glob(f"{step}/{folder_of(handle)}/*/{MANIFEST}"))
    steps = home.store.names("artifacts") if home.store and step == "*" else [step]
    stored = (stored_manifests(home, home.folder(name, handle)) for name in steps)
    return found_at(home, manifests.union(*stored))


def found_at(home: Home, manifests: Collection[Path]) -> list[Reference]:
    """The artifacts whose manifests are at these paths, here or in the store, oldest first."""
    folders = [path.parent for path in manifests if path.parent.name[0] != "."]
    found = [Reference.at(folder) for folder in folders]
    unknown = [reference for reference in found if not (exists(reference) or reference.remote_manifest.exists())]
    if home.store and unknown:
        keys = {f"{home.key(reference.folder)}/{MANIFEST}": reference for reference in unknown}
        for key, manifest in home.store.read(list(keys)).items():
            write_text(keys[key].remote_manifest, manifest.decode())
            created = keys[key].manifest().created.timestamp()
            os.utime(keys[key].remote_manifest, (created, created))
    return sorted(found, key=lambda reference: reference.manifest().created)


def all_artifacts(home: Home) -> list[Reference]:
    """Every artifact of every account and mix, here or in the store, oldest first."""
    return found_at(home, {*home.artifacts.glob(f"*/*/*/{MANIFEST}"), *stored_manifests(home, home.artifacts)})


def stored_manifests(home: Home, folder: Path) -> set[Path]:
    """Where the manifests of what the store has below a folder would be here."""
    keys = home.store.sizes(home.key(folder)) if home.store else ()
    return {home.root / key for key in keys if key.endswith(f"/{MANIFEST}")}


def latest(home: Home, handle: str, step: str) -> Reference | None:
    """The newest artifact of a step, if there is one; :func:`obtain` downloads it."""
    found = references(home, handle, step)
    return found[-1] if found else None


def made_from(home: Home, source: Reference, step: str) -> Reference | None:
    """The newest artifact of a step that was made from another one, if there is one; :func:`obtain` downloads it."""
    made = reversed(references(home, source.handle, step))
    return next((found for found in made if found.manifest().inputs.get(source.step) == source.digest), None)


def input_of(home: Home, reference: Reference, step: str) -> Reference | None:
    """The artifact of a step that another was made from, downloaded; None if either is gone."""
    if not (reference.remote_manifest.is_file() or obtain(home, reference)):
        return None
    digest = reference.manifest().inputs[step]
    found = Reference(step, reference.handle, digest, str(home.folder(step, reference.handle) / digest))
    return found if obtain(home, found) else None


def learned_posts(home: Home, model: Reference) -> Reference | None:
    """The clean posts that a finetune artifact was made from, if they are still there."""
    tokens = input_of(home, model, "tokenise")
    return input_of(home, tokens, "clean") if tokens else None


def _manifest(plan: Plan, counts: Mapping[str, Any], started: datetime) -> Manifest:
    finished = datetime.now(UTC)
    return Manifest(
        step=plan.step,
        step_version=plan.step_version,
        handle=plan.handle,
        digest=plan.digest,
        inputs=plan.input_digests,
        config=dict(plan.config),
        counts=dict(counts),
        libraries={name: found for name in LIBRARIES if (found := _version(name))},
        created=finished,
        seconds=round((finished - started).total_seconds(), 3),
    )


@cache
def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
