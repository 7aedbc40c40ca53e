"""Which model of an account is its current one, and why: ``promotions/<handle>.json``.

A new model becomes current if it beats its base in bits per byte of the test posts, and is worse neither than the model
that was current before it nor than the best of the last ones that were, on the same posts: see
:mod:`hugtweets.evaluation.verdict`. Compared with the one before alone, models could get a little worse every night.

Every model is judged once: what was decided, by a run or by
hand, stands until there is a new model, so that a model which a person has put back is not replaced the next night.

A model that a sweep trains is a trial, noted before it is made: it is never current by itself, and no run compares with
it. A run that asks for the same model judges it as if it had made it.

The file is a list of decisions, oldest first, replaced as a whole with each new one, under a lock. It says nothing that
is not in the scores, except who was current when: a run that is killed before it decides is completed by the next one.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict

from hugtweets.errors import NothingKept
from hugtweets.evaluation.scorecard import Scorecard
from hugtweets.evaluation.verdict import BEST_OF, verdict
from hugtweets.storage.artifacts import Reference, exists, is_shared, references
from hugtweets.storage.atomic import write_text
from hugtweets.storage.home import Home
from hugtweets.storage.locks import locked

BY_HAND = "hugtweets promote"


class Decision(BaseModel):
    """What was decided of one model. ``previous`` was current before; ``by`` names the run, or the command.

    ``best`` is the earlier model that it was compared with as well.

    A ``trial`` is none: it says that the model was made to be compared, not to be used.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    promoted: bool
    previous: str | None
    best: str | None = None
    reason: str
    by: str
    at: datetime
    trial: bool = False


class Standing(BaseModel):
    """Where a model stands: whether it is the account's current one, which one is, and why."""

    model_config = ConfigDict(frozen=True)

    model: str
    promoted: bool
    current: str | None
    reason: str


class Promotions(BaseModel):
    """All decisions on an account's models, oldest first."""

    model_config = ConfigDict(frozen=True)

    decisions: tuple[Decision, ...] = ()

    @property
    def judged(self) -> list[Decision]:
        """The decisions proper."""
        return [decision for decision in self.decisions if not decision.trial]

    @property
    def trials(self) -> set[str]:
        """The models that were made to be compared."""
        return {decision.model for decision in self.decisions if decision.trial}

    def of(self, model: str) -> list[Decision]:
        """What was decided of one model; the first is its judgement, later ones are mostly people's."""
        return [decision for decision in self.judged if decision.model == model]


def read_promotions(home: Home, handle: str) -> Promotions:
    """What was decided so far, on this machine and on those that share its store.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    path = home.promotions(handle)
    files = [path.read_bytes()] if path.is_file() else []
    if home.store and home.store.has(home.key(path)):
        files += home.store.read([home.key(path)]).values()
    decisions = {decision for file in files for decision in Promotions.model_validate_json(file).decisions}
    return Promotions(decisions=tuple(sorted(decisions, key=lambda decision: decision.at)))


def current_model(home: Home, handle: str) -> Reference | None:
    """The account's current model; None if it has none, or none that is good enough.

    That is the model promoted last of those that are still there, and the newest one as long as none was judged.
    """
    decisions = read_promotions(home, handle).judged
    if not decisions:
        return newest_model(home, handle)
    promoted = (_existing(home, handle, decision.model) for decision in reversed(decisions) if decision.promoted)
    return next(filter(None, promoted), None)


def newest_model(home: Home, handle: str) -> Reference | None:
    """The model that was made last, trials apart."""
    trials = read_promotions(home, handle).trials
    return next((made for made in reversed(references(home, handle, "finetune")) if made.digest not in trials), None)


def previous_of(home: Home, model: Reference) -> Reference | None:
    """What a model is compared with: the one that was current when it was judged, or is now if it still has to be."""
    promotions = read_promotions(home, model.handle)
    judged = promotions.of(model.digest)
    if judged:
        return _existing(home, model.handle, judged[0].previous)
    return current_model(home, model.handle) if promotions.judged else None


def best_of_last(home: Home, model: Reference) -> Reference | None:
    """The best of the last models that were current, which a model is compared with; None if that is the previous.

    It is the one that took the largest share off its base's bits per byte, on the test posts of its time.
    """
    promotions, handle = read_promotions(home, model.handle), model.handle
    if judged := promotions.of(model.digest):
        return _existing(home, handle, judged[0].best)
    promoted = dict.fromkeys(decision.model for decision in reversed(promotions.judged) if decision.promoted)
    gains = _gains(home, handle)
    last = [digest for digest in promoted if digest in gains and _existing(home, handle, digest)][:BEST_OF]
    best = min(last, key=gains.__getitem__, default=None)
    current = current_model(home, handle)
    return None if current and current.digest == best else _existing(home, handle, best)


def judge(
    home: Home,
    model: Reference,
    previous: Reference | None,
    scores: Scorecard,
    run: str,
    best: Reference | None = None,
) -> Standing:
    """Decide on a model unless that was done; ``scores`` are those of its comparison with ``previous`` and ``best``.

    An earlier model that is gone cannot be kept, not even by an earlier decision: then only the base is to be beaten.
    """
    previous, best = (
        each if each and _existing(home, model.handle, each.digest) else None for each in (previous, best)
    )
    gone = {"previous_held_out_posts": previous, "best_held_out_posts": previous and best}
    judged = scores.model_copy(update={name: None for name, earlier in gone.items() if earlier is None})
    promoted, reason = verdict(judged)
    if _is_open(home, model, promoted):
        with locked(home.promotions(model.handle)):
            # Another run may have decided while this one waited.
            if _is_open(home, model, promoted):
                _decide(home, model, promoted, previous, reason, run, best=best)
    return standing(home, model)


def note_trial(home: Home, model: Reference, by: str) -> None:
    """Write down, before it is made, that a model is a trial; one that is there already stays what it is."""
    with locked(home.promotions(model.handle)):
        known = read_promotions(home, model.handle).trials
        if not (_existing(home, model.handle, model.digest) or model.digest in known):
            _decide(home, model, False, None, "a trial", by, trial=True)


def standing(home: Home, model: Reference) -> Standing:
    """Where a judged model stands now."""
    promotions = read_promotions(home, model.handle)
    current = current_model(home, model.handle)
    decision = promotions.of(model.digest)[-1]
    promoted = current == model
    if current is None or promoted == decision.promoted:
        reason = decision.reason
    else:
        reason = f"kept {current.digest}: {promotions.of(current.digest)[-1].reason}"
    return Standing(model=model.digest, promoted=promoted, current=current.digest if current else None, reason=reason)


def promote(home: Home, handle: str, digest: str) -> Decision:
    """Make a model current by hand; the beginning of its digest will do.

    Raises:
        NothingKept: no model begins like that, or more than one does.
    """
    models = references(home, handle, "finetune")
    found = [model for model in models if model.digest.startswith(digest)]
    if len(found) != 1:
        known = ", ".join(model.digest for model in reversed(models)) or "none"
        number = f"{len(found)} models" if found else "no model"
        raise NothingKept(f"{number} of {handle} has a digest that begins with {digest!r}: the models are {known}")
    with locked(home.promotions(handle)):
        current = current_model(home, handle)
        return _decide(home, found[0], True, None if current == found[0] else current, "chosen by hand", BY_HAND)


def _is_open(home: Home, model: Reference, promoted: bool) -> bool:
    """Whether a model has to be judged: for the first time, or since the account has no current one any more."""
    judged = read_promotions(home, model.handle).of(model.digest)
    return not judged or (promoted and current_model(home, model.handle) is None)


def _decide(
    home: Home,
    model: Reference,
    promoted: bool,
    previous: Reference | None,
    reason: str,
    by: str,
    trial: bool = False,
    best: Reference | None = None,
) -> Decision:
    """Add a decision to the file, which the caller has locked."""
    decision = Decision(
        model=model.digest,
        promoted=promoted,
        previous=previous.digest if previous else None,
        best=best.digest if best else None,
        reason=reason,
        by=by,
        at=datetime.now(UTC),
        trial=trial,
    )
    before = read_promotions(home, model.handle).decisions
    path, after = home.promotions(model.handle), Promotions(decisions=(*before, decision)).model_dump_json(indent=1)
    write_text(path, after + "\n")
    if home.store:
        home.store.write(home.key(path), path.read_bytes())
    return decision


def _gains(home: Home, handle: str) -> dict[str, float]:
    """Bits per byte of each model over those of its base, by its test posts."""
    scores = [found.manifest() for found in references(home, handle, "evaluate")]
    return {
        manifest.inputs["finetune"]: manifest.counts["bits_per_byte"] / manifest.counts["base_bits_per_byte"]
        for manifest in scores
        if manifest.counts.get("on_test_posts")
    }


def _existing(home: Home, handle: str, digest: str | None) -> Reference | None:
    if digest is None:
        return None
    reference = Reference("finetune", handle, digest, str(home.folder("finetune", handle) / digest))
    return reference if exists(reference) or is_shared(home, reference) else None
