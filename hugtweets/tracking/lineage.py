"""Artifacts as W&B names them, and the links between runs."""

from __future__ import annotations

import logging
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from hugtweets.evaluation.promotion import read_promotions
from hugtweets.pools.pool import pool_here
from hugtweets.storage.artifacts import Manifest, Reference, exists
from hugtweets.storage.handles import slug
from hugtweets.storage.home import Home
from hugtweets.tracking.internals import use_draft

if TYPE_CHECKING:
    import wandb

MARKER = "tracking.json"

# An upload slower than 2 Mbit/s, after a minute's grace, is taken for an outage.
GRACE_SECONDS = 60
SLOWEST_BYTES_PER_SECOND = 250_000

# Step: the first part of the artifact's name, and its type.
ARTIFACTS = {
    "fetch": ("timeline", "raw-dataset"),
    "clean": ("clean", "clean-dataset"),
    "pretrain": ("pool", "model"),
    "tokenise": ("tokens", "token-dataset"),
    "finetune": ("model", "model"),
    "sample": ("samples", "samples"),
    "evaluate": ("scores", "evaluation"),
    "authorship": ("authorship", "evaluation"),
    "transfer": ("transfer", "evaluation"),
    "report": ("report", "report"),
}

# What holds the text of posts as the account wrote them, tokens being text in other words.
HOLD_POSTS = {"fetch", "clean", "tokenise"}

TRIAL = "trial"

# Inputs whose name is not their step: two of one step need two names.
STEP_OF = {"previous": "finetune", "best": "finetune"}

# A base model may be a pool, which is an artifact. It counts as an input of what its weights were needed for only: each
# use reads them all.
BASE_MODELS = {"base_model", "pool", "generic"}
WEIGHTS_USED = {"finetune", "transfer", "evaluate"}

logger = logging.getLogger(__name__)


class Rejected(Exception):
    """The server does not take an artifact; others it may."""


def artifact_name(step: str, handle: str) -> str:
    """``clean-<handle>`` for the step clean; W&B takes no plus, so that of a mix is ``clean-alice.bob``."""
    return f"{ARTIFACTS[step][0]}-{slug(handle)}"


def artifact_type(step: str) -> str:
    """``clean-dataset`` for the step clean."""
    return ARTIFACTS[step][1]


def aliases_of(home: Home, reference: Reference) -> list[str]:
    """Our digest, and of a model the day on which it was made (UTC) and whether it is a trial.

    Which model is current is decided later: see :mod:`hugtweets.tracking.decisions`.
    """
    if reference.step != "finetune":
        return [reference.digest]
    is_trial = reference.digest in read_promotions(home, reference.handle).trials
    made = f"{reference.manifest().created.astimezone(UTC):%Y-%m-%d}"
    return [reference.digest, made, *([TRIAL] if is_trial else [])]


def draft(reference: Reference, ttl_days: int | None = None) -> wandb.Artifact:
    """The artifact as W&B sees it; the same folder always gives the same W&B digest.

    ``ttl_days`` is how long W&B keeps it if it holds posts of an account.

    That digest covers files only, so ``manifest.json`` among them is what versions the lineage. Nothing is copied:
    the files stay where they are.
    """
    import wandb

    name, kind = artifact_name(reference.step, reference.handle), artifact_type(reference.step)
    artifact = wandb.Artifact(name, kind, metadata=reference.manifest().counts)
    for path in sorted(reference.folder.rglob("*")):
        inside = path.relative_to(reference.folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if path.is_file() and not hidden and inside != Path(MARKER):
            artifact.add_file(str(path), name=inside.as_posix(), policy="immutable", skip_cache=True)
    if ttl_days and reference.step in HOLD_POSTS:
        artifact.ttl = timedelta(days=ttl_days)
    return artifact


def inputs(home: Home, manifest: Manifest) -> list[Reference]:
    """The artifacts that one was made of, as far as they are still there."""
    found = (_find_input(home, manifest, name, digest) for name, digest in manifest.inputs.items())
    return [reference for reference in found if reference and exists(reference)]


def describe_inputs(manifest: Manifest) -> list[dict[str, str]]:
    """Every input with name, type and our digest, for the run's configuration; also those that are no artifacts."""
    sources = [(name, *_source(manifest, name), digest) for name, digest in manifest.inputs.items()]
    return [
        describe(step, handle, digest) if step in ARTIFACTS else {"name": name, "type": "other", "digest": digest}
        for name, step, handle, digest in sources
    ]


def describe(step: str, handle: str, digest: str) -> dict[str, str]:
    """One artifact in the same form."""
    return {"name": artifact_name(step, handle), "type": artifact_type(step), "digest": digest}


def _find_input(home: Home, manifest: Manifest, name: str, digest: str) -> Reference | None:
    if name in BASE_MODELS:
        return pool_here(home, digest) if manifest.step in WEIGHTS_USED else None
    step, handle = _source(manifest, name)
    if step not in ARTIFACTS:
        return None
    return Reference(step, handle, digest, str(home.folder(step, handle) / digest))


def _source(manifest: Manifest, name: str) -> tuple[str, str]:
    """Step and handle of an input: ``clean`` is the account's own, ``clean/alice`` that of another one."""
    step, _, handle = STEP_OF.get(name, name).partition("/")
    return step, handle or manifest.handle


def use(run: wandb.Run, reference: Reference, ttl_days: int | None) -> None:
    """Declare an input of a run: by name where the server knows it, else by a draft of the same content."""
    if not run.offline and _use_by_name(run, reference):
        return
    artifact = use_draft(run, draft(reference, ttl_days), alias=reference.digest)
    if not run.offline:
        wait(artifact)


def put(run: wandb.Run, reference: Reference, aliases: list[str], ttl_days: int | None) -> wandb.Artifact:
    """Log the artifact that a run has made; online it returns once all is uploaded.

    Raises:
        wandb.errors.Error: it takes too long.
        Rejected: the server does not take it.
    """
    new = draft(reference, ttl_days)
    try:
        artifact = run.log_artifact(new, aliases=aliases)
    except ValueError as error:
        if run.offline:
            raise
        # What W&B has under that name is of another type.
        raise Rejected(str(error)) from error
    if not run.offline:
        wait(artifact)
    return artifact


def wait(artifact: wandb.Artifact) -> None:
    """Return when the server has all of an artifact that was logged online.

    Raises:
        wandb.errors.Error: it takes too long.
        Rejected: the server does not take it.
    """
    try:
        artifact.wait(GRACE_SECONDS + artifact.size // SLOWEST_BYTES_PER_SECOND)
    except ValueError as error:  # wandb has no class of its own for that
        raise Rejected(str(error)) from error


def _use_by_name(run: wandb.Run, reference: Reference) -> bool:
    """Our digest is an alias of what :mod:`hugtweets.tracking.runs` logs, so it names exactly one version."""
    from wandb.errors import CommError

    name = f"{artifact_name(reference.step, reference.handle)}:{reference.digest}"
    try:
        run.use_artifact(name, type=artifact_type(reference.step))
    except (CommError, ValueError):
        logger.debug("W&B does not know %s yet", name)
        return False
    return True
