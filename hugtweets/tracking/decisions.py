"""Tells W&B what was decided of models: ``model-<handle>:current`` is the one that ``hugtweets sample`` uses.

A model is logged before it is judged, so that aliases follow: ``current`` moves to a model that becomes current, and
``rejected`` is the last one that did not. An alias names one version of an artifact, as W&B has it. The figures of the
scorecard become metadata of the version, and a current model is linked into the registry that is configured.

The marker of a model (``tracking.json``) says which decision on it W&B knows. What cannot be told now is told by the
next run, or by ``hugtweets sync``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hugtweets.config import TrackingConfig
from hugtweets.evaluation.promotion import Decision, current_model, read_promotions
from hugtweets.storage.artifacts import Reference, references
from hugtweets.storage.home import Home
from hugtweets.tracking.internals import trouble
from hugtweets.tracking.lineage import artifact_name
from hugtweets.tracking.markers import project_of, read_marker, write_marker
from hugtweets.tracking.settings import REQUEST_SECONDS, resolve, wish
from hugtweets.tracking.writing import OUTAGE, reason_of

if TYPE_CHECKING:
    import wandb

CURRENT, REJECTED = "current", "rejected"

logger = logging.getLogger(__name__)


def tell_decisions(home: Home, handle: str, config: TrackingConfig) -> None:
    """Give the models of an account that W&B has the aliases that they have earned; trouble with that never raises.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    if wish(config) in ("offline", "disabled"):
        return
    todo = untold(home, handle)
    if not todo or resolve(config) != "online" or not OUTAGE.may_try():
        return
    try:
        for model, decision in todo:
            _tell(home, model, decision, config)
    except trouble() as error:
        OUTAGE.failed()
        logger.warning(
            "%s: W&B was not told which model is current (%s): the next run does that, or `hugtweets sync`",
            handle,
            reason_of(error),
        )
        return
    OUTAGE.passed()


def untold(home: Home, handle: str) -> list[tuple[Reference, Decision]]:
    """The last decision on each model that W&B has and does not know it of, the oldest first."""
    last = {decision.model: decision for decision in read_promotions(home, handle).judged}
    found = []
    for model in references(home, handle, "finetune"):
        marker, decision = read_marker(model), last.get(model.digest)
        if decision and marker and marker.get("url") and marker.get("decided") != decision.at.isoformat():
            found.append((model, decision))
    return sorted(found, key=lambda item: item[1].at)


def _tell(home: Home, model: Reference, decision: Decision, config: TrackingConfig) -> None:
    import wandb

    marker = read_marker(model)
    if marker is None or not marker.get("url"):
        return
    entity, project = project_of(str(marker["url"]))
    api = wandb.Api(overrides={"entity": entity, "project": project}, timeout=REQUEST_SECONDS)
    name = artifact_name("finetune", model.handle)
    # Somebody may have deleted it there: then there is nothing to be told.
    if api.artifact_exists(f"{entity}/{project}/{name}:{model.digest}"):
        artifact = api.artifact(f"{entity}/{project}/{name}:{model.digest}")
        alias = _alias(home, model, decision)
        artifact.aliases = [*({*artifact.aliases} - {CURRENT, REJECTED}), *alias]
        artifact.metadata = {**artifact.metadata, **_figures(home, model), "promotion": decision.reason}
        artifact.save()
        if config.registry and CURRENT in alias and not _link(artifact, f"wandb-registry-{config.registry}/{name}"):
            return
    write_marker(home, model, {**marker, "decided": decision.at.isoformat()})


def _link(artifact: wandb.Artifact, collection: str) -> bool:
    """Link a current model into a collection of the registry; a registry that refuses it is no outage of W&B."""
    refusals: tuple[type[Exception], ...] = (*trouble(), ValueError)
    try:
        artifact.link(collection, aliases=[CURRENT])
    except refusals as error:
        told = "%s is not in the registry (%s): correct tracking.registry, or make the registry %s in W&B"
        logger.warning(told, artifact.name, reason_of(error), collection.partition("/")[0])
        return False
    return True


def _alias(home: Home, model: Reference, decision: Decision) -> list[str]:
    """None for one that was current and is not any more."""
    if not decision.promoted:
        return [REJECTED]
    return [CURRENT] if current_model(home, model.handle) == model else []


def _figures(home: Home, model: Reference) -> dict[str, Any]:
    """The scorecard of a model, as its evaluation has counted it."""
    scored = [made.manifest() for made in references(home, model.handle, "evaluate")]
    figures = [manifest.counts for manifest in scored if manifest.inputs.get("finetune") == model.digest]
    return figures[-1] if figures else {}
