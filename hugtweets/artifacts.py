"""Content-addressed artifacts: ``artifacts/<step>/<handle>/<digest>/`` with files and a ``manifest.json``.

A :class:`Plan` says what is to be made: its digest follows from the step, the step's version, the handle, the digests
of the inputs and the slice of configuration that matters, so that it is known before any work. The folder is written
under a temporary name and renamed: a reader never sees half of one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from hugtweets.files import write_text
from hugtweets.folders import filling
from hugtweets.handles import validate_handle
from hugtweets.home import Home

LIBRARIES = ("hugtweets", "pyarrow", "datasets", "tokenizers", "transformers", "peft", "torch")
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Reference:
    """A finished artifact; this is what travels between tasks, never the data."""

    step: str
    handle: str
    digest: str
    path: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return Path(self.path)

    def file(self, name: str) -> Path:
        """One of its files."""
        return self.folder / name

    def manifest(self) -> Manifest:
        """What it is made of and what was counted."""
        return Manifest.model_validate_json(self.file(MANIFEST).read_text(encoding="utf-8"))


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
        path = home.artifacts / self.step / validate_handle(self.handle) / self.digest
        return Reference(self.step, self.handle, self.digest, str(path))


def exists(reference: Reference) -> bool:
    """Whether the artifact is there, whole."""
    return reference.file(MANIFEST).is_file()


def create(home: Home, plan: Plan, fill: Callable[[Path], Mapping[str, Any]]) -> Reference:
    """Make the artifact unless it exists; ``fill`` writes files into a folder and returns counts for the manifest."""
    reference = plan.reference(home)
    if exists(reference):
        return reference
    # Another process may finish the same artifact first: same digest, same content, so either will do.
    with filling(reference.folder, proof=MANIFEST) as partial:
        started = datetime.now(UTC)
        counts = fill(partial)
        manifest = _manifest(plan, counts, started)
        write_text(partial / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
    return reference


def references(home: Home, handle: str, step: str = "*") -> list[Reference]:
    """The artifacts of an account, oldest first."""
    folders = (path.parent for path in home.artifacts.glob(f"{step}/{handle}/*/{MANIFEST}"))
    found = [
        Reference(path.parts[-3], path.parts[-2], path.parts[-1], str(path)) for path in folders if path.name[0] != "."
    ]
    return sorted(found, key=lambda reference: reference.manifest().created)


def latest(home: Home, handle: str, step: str) -> Reference | None:
    """The newest artifact of a step, if there is one."""
    found = references(home, handle, step)
    return found[-1] if found else None


def input_of(home: Home, reference: Reference, step: str) -> Reference | None:
    """The artifact of a step that another was made from; None if either is gone."""
    if not exists(reference):
        return None
    digest = reference.manifest().inputs[step]
    found = Reference(step, reference.handle, digest, str(home.artifacts / step / reference.handle / digest))
    return found if exists(found) else None


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


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
