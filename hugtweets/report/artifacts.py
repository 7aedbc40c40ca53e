"""Which artifacts of an account its page shows: those of its current model, from the raw posts to the scores."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from hugtweets.evaluation.people import Answers
from hugtweets.evaluation.promotion import current_model, read_promotions
from hugtweets.steps.mix import fetched_of
from hugtweets.storage.artifacts import (
    MANIFEST,
    REMOTE_MANIFESTS,
    Reference,
    exists,
    input_of,
    latest,
    made_from,
    obtain,
)
from hugtweets.storage.home import Home

SHOWN_STEPS = ("fetch", "clean", "tokenise", "finetune", "sample", "evaluate", "authorship")


@dataclass(frozen=True)
class AccountArtifacts:
    """Artifacts, each made from those before it; None is a step that the account did not get to."""

    fetch: Reference | None = None
    clean: Reference | None = None
    tokens: Reference | None = None
    model: Reference | None = None
    samples: Reference | None = None
    scores: Reference | None = None
    authorship: Reference | None = None

    def __iter__(self) -> Iterator[Reference]:
        """The artifacts that are there, in the order of the steps."""
        found = (getattr(self, field.name) for field in fields(self))
        return (reference for reference in found if reference is not None)


def find_artifacts(home: Home, handle: str) -> AccountArtifacts:
    """The artifacts of the current model; of the newest one if none is current, of the newest posts if there is none.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    model = current_model(home, handle) or latest(home, handle, "finetune")
    tokens = input_of(home, model, "tokenise") if model else None
    clean = input_of(home, tokens, "clean") if tokens else None
    if clean is None:
        return _without_model(home, handle)
    samples = _here(home, made_from(home, model, "sample")) if model else None
    return AccountArtifacts(
        fetch=fetched_of(home, clean),
        clean=clean,
        tokens=tokens,
        model=model,
        samples=samples,
        scores=_here(home, made_from(home, samples, "evaluate")) if samples else None,
        authorship=_here(home, made_from(home, samples, "authorship")) if samples else None,
    )


def _without_model(home: Home, handle: str) -> AccountArtifacts:
    clean = _here(home, latest(home, handle, "clean"))
    fetch = fetched_of(home, clean) if clean else _here(home, latest(home, handle, "fetch"))
    return AccountArtifacts(fetch=fetch, clean=clean)


def _here(home: Home, reference: Reference | None) -> Reference | None:
    return reference if reference and obtain(home, reference) else None


def read_file(home: Home, reference: Reference, name: str) -> str:
    """One text file of an artifact, without bringing the others here: weights are large."""
    if exists(reference) or home.store is None:
        return reference.file(name).read_text(encoding="utf-8")
    key = f"{home.key(reference.folder)}/{name}"
    return home.store.read([key])[key].decode()


def fingerprint(home: Home, handle: str) -> str:
    """Sixteen hexadecimal characters that change with the artifacts known here of an account, with its promotions, and
    with what people answered about its posts.

    No manifest is read for it: a night looks at it for every account.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    known = sorted(f"{step}/{name}" for step in SHOWN_STEPS for name in _known(home.folder(step, handle)))
    answers = (answer.model_dump_json() for answer in Answers(home).of([handle]))
    identity = [*known, read_promotions(home, handle).model_dump_json(), *answers]
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]


def _known(folder: Path) -> set[str]:
    """The digests of artifacts that are here, and of those that only the store has."""
    here = {path.parent.name for path in folder.glob(f"*/{MANIFEST}") if path.parent.name[0] != "."}
    return here | {path.stem for path in (folder / REMOTE_MANIFESTS).glob("*.json")}
