"""Which artifacts are needed, so that `hugtweets prune` may remove the others. Of each account, mix and pool these are:

- the current model, the newest ones (``storage.keep_models``), and the one that was used last;
- of each step the artifact that was made last and the one that was used last, which the next night finds done;
- all that was used within ``storage.keep_days``, or the last day: a run that is going on may count on it;
- all, as long as something is being made for it;
- what was made from these models: of each step the last;
- and whatever all of these were made from, of whichever account; but a page of the report stands by itself.

Raw posts, promotions and favourites are no artifacts, and are never looked at. Whatever asks the store raises
``StoreUnavailable`` if it does not answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hugtweets.config import StorageConfig
from hugtweets.evaluation.promotion import current_model, read_promotions
from hugtweets.pools.pool import STEP as POOL
from hugtweets.pools.pool import list_pools
from hugtweets.storage.artifacts import Manifest, Reference, all_artifacts
from hugtweets.storage.home import Home
from hugtweets.storage.locks import is_held
from hugtweets.tracking.lineage import BASE_MODELS, STEP_OF

MODEL = "finetune"
PAGE = "report"
DAY_SECONDS = 86_400.0

# Step, handle (of a pool its name) and digest.
Key = tuple[str, str, str]


@dataclass(frozen=True)
class Artifact:
    """An artifact, its manifest, and when it was last used, in seconds since 1970."""

    reference: Reference
    manifest: Manifest
    used: float

    @classmethod
    def of(cls, reference: Reference) -> Artifact:
        """What is known of an artifact."""
        return cls(reference, reference.manifest(), reference.known_manifest.stat().st_mtime)

    @property
    def key(self) -> Key:
        """What tells it from all others."""
        return self.reference.step, self.reference.handle, self.reference.digest

    @property
    def owner(self) -> tuple[bool, str]:
        """Whose it is; an account and a pool may have the same name."""
        return self.reference.step == POOL, self.reference.handle


@dataclass(frozen=True)
class Survey:
    """What nobody needs, the last made first, and the accounts and pools for which something is being made."""

    unneeded: Sequence[Artifact]
    in_making: Sequence[str]


def survey(home: Home, config: StorageConfig, now: float) -> Survey:
    """Look through all artifacts of a home and its store; ``now`` is in seconds since 1970."""
    # Before the artifacts: what is finished in between is new, and kept for that.
    making = set(_in_making(home))
    known = {found.key: found for found in map(Artifact.of, [*list_pools(home), *all_artifacts(home)])}
    owned: dict[tuple[bool, str], list[Artifact]] = defaultdict(list)
    for artifact in known.values():
        owned[artifact.owner].append(artifact)
    needed: set[Key] = set()
    for owner, artifacts in owned.items():
        roots = artifacts if owner in making else _roots(home, owner, artifacts, config, now)
        _add_with_inputs(needed, [artifact.key for artifact in roots], known)
    unneeded = [artifact for artifact in known.values() if artifact.key not in needed]
    unneeded.sort(key=lambda artifact: artifact.manifest.created, reverse=True)
    return Survey(unneeded, sorted({handle for _, handle in making}, key=str.casefold))


def _in_making(home: Home) -> Iterator[tuple[bool, str]]:
    """Whose artifacts are being made on this machine."""
    files = [*home.artifacts.glob("*/*/*.lock"), *home.pools.glob("*/*.lock")]
    return ((file.is_relative_to(home.pools), file.parent.name) for file in files if is_held(file))


def _roots(
    home: Home, owner: tuple[bool, str], artifacts: Sequence[Artifact], config: StorageConfig, now: float
) -> list[Artifact]:
    """What an account needs, but for what that was made from."""
    since = now - DAY_SECONDS * (config.keep_days or 1)
    roots = [*_last_of_each_step(artifacts), *(artifact for artifact in artifacts if artifact.used >= since)]
    is_pool, handle = owner
    if not is_pool:
        trials, current = read_promotions(home, handle).trials, current_model(home, handle)
        models = [found for found in artifacts if found.reference.step == MODEL]
        proper = sorted((found for found in models if found.reference.digest not in trials), key=_created)
        roots += proper[-(config.keep_models or 1) :]
        roots += [model for model in models if model.reference == current]
    kept = {artifact.key for artifact in roots if artifact.reference.step == MODEL}
    for model, made in _made_from_models(artifacts).items():
        roots += _last_of_each_step(made) if model in kept else []
    return roots


def _made_from_models(artifacts: Sequence[Artifact]) -> Mapping[Key, list[Artifact]]:
    """For each model of an account what was made from it, through other artifacts too, but no later model."""
    models: dict[Key, set[Key]] = {}
    made: dict[Key, list[Artifact]] = defaultdict(list)
    for artifact in sorted(artifacts, key=_created):
        if artifact.reference.step == MODEL:
            models[artifact.key] = {artifact.key}
            continue
        # What a model was compared with is no part of it.
        inputs = ((name, artifact.reference.handle, digest) for name, digest in artifact.manifest.inputs.items())
        models[artifact.key] = {model for key in inputs for model in models.get(key, ())}
        for model in models[artifact.key]:
            made[model].append(artifact)
    return made


def _last_of_each_step(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """The one made last, and the one used last."""
    steps: dict[str, list[Artifact]] = defaultdict(list)
    for artifact in artifacts:
        steps[artifact.reference.step].append(artifact)
    return [max(found, key=last) for found in steps.values() for last in (_created, _used)]


def _created(artifact: Artifact) -> float:
    return artifact.manifest.created.timestamp()


def _used(artifact: Artifact) -> float:
    return artifact.used


def _add_with_inputs(needed: set[Key], keys: list[Key], known: Mapping[Key, Artifact]) -> None:
    pools = {key[2]: key for key in known if key[0] == POOL}
    while keys:
        key = keys.pop()
        if key in needed or key not in known:
            continue
        needed.add(key)
        if key[0] == PAGE:
            continue
        for name, digest in known[key].manifest.inputs.items():
            if name in BASE_MODELS:
                keys += [pools[digest]] if digest in pools else []
            else:
                step, _, handle = STEP_OF.get(name, name).partition("/")
                keys.append((step, handle or key[1], digest))
