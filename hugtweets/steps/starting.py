"""Where a training starts: from the base model, or from the account's current model, which then learns what is new.

A model that was not promoted is never gone on from: the next training starts from the one that it did not replace. And
the current one is gone on from only if every post that it could have learned is still one to train on. So nothing
that is held out now was ever trained on, whether posts arrived late, were deleted or are cleaned by other rules; and
what was deleted does not stay learned.
"""

from __future__ import annotations

from hugtweets.config import TrainConfig
from hugtweets.evaluation.promotion import current_model
from hugtweets.jobs.job import Job
from hugtweets.models.tokens import load_ids
from hugtweets.steps.clean import CLEAN, same_rules
from hugtweets.steps.finetune import Start, plan_finetune, trainings_in_a_row
from hugtweets.steps.tokenise import TOKENS
from hugtweets.storage.artifacts import Reference, input_of, is_shared, references

# Options that give the weights their shape; the others may change from one training to the next.
SHAPE = ("method", "layers", "lora_rank", "lora_alpha")
# Going on from one model after the other, predictions get worse and worse: see benchmarks/days.py and LOG.md.
FRESH_EVERY = 4


def find_start(job: Job, tokens: Reference, clean: Reference) -> Start:
    """What ``refresh.start`` asks for, or the base model if the current model cannot be gone on from, with the reason.

    A model that is there already keeps its start: what was made once is not made again the next night.
    """
    if job.config.refresh.start == "base":
        return Start(None, "as refresh.start says")
    made = find_made(job, tokens)
    if made:
        return start_of(made)
    model = current_model(job.home, job.handle)
    if model is None:
        return Start(None, "since the account has no current model")
    objection = _other_kind(job, model) or _worn(job, model) or _other_posts(job, model, clean, tokens)
    return Start(None, objection) if objection else Start(model, "the current one of the account")


def find_made(job: Job, tokens: Reference) -> Reference | None:
    """The model of these posts under these options, from whichever start ``refresh.start`` allows; None if not made."""
    anew = plan_finetune(job, tokens, Start(None, "")).reference(job.home)
    if is_shared(job.home, anew):
        return anew
    if job.config.refresh.start == "base":
        return None
    made = reversed(references(job.home, job.handle, "finetune"))
    return next((model for model in made if _plan_again(job, tokens, model) == model.digest), None)


def start_of(model: Reference) -> Start:
    """Where the training of a finished model started, even if that is gone by now."""
    digest = model.manifest().inputs.get("finetune")
    earlier = Reference("finetune", model.handle, digest, str(model.folder.parent / digest)) if digest else None
    return Start(earlier, "as before")


def _plan_again(job: Job, tokens: Reference, model: Reference) -> str:
    """The digest that a training of these posts from the same start would have."""
    return plan_finetune(job, tokens, start_of(model)).digest


def _other_kind(job: Job, model: Reference) -> str | None:
    """Why the weights of a model cannot be gone on from, if so."""
    manifest = model.manifest()
    if manifest.inputs["base_model"] != job.base_model.digest:
        return "since its current model was made from another base model"
    options = job.config.train.model_dump(mode="json", include=set(SHAPE))
    # A model made before an option was there was trained as the default says.
    trained = TrainConfig().model_dump(mode="json") | dict(manifest.config)
    other = next((name for name in SHAPE if trained[name] != options[name]), None)
    return f"since its current model was trained with train.{other}={trained[other]}" if other else None


def _worn(job: Job, model: Reference) -> str | None:
    """Why a model has been gone on from often enough, if so."""
    every, done = job.config.refresh.fresh_every or FRESH_EVERY, trainings_in_a_row(model)
    return f"since the last {done} trainings went on from each other (refresh.fresh_every)" if done >= every else None


def _other_posts(job: Job, model: Reference, clean: Reference, tokens: Reference) -> str | None:
    """Why what a model learned cannot be gone on from, if so."""
    trained = input_of(job.home, model, "tokenise")
    learned = input_of(job.home, trained, "clean") if trained else None
    if trained is None or learned is None:
        return "since the posts that its current model learned are gone"
    if not same_rules(learned, clean):
        return "since its current model learned posts that were cleaned by other rules"
    then, now = _to_train_on(learned, CLEAN), _to_train_on(clean, CLEAN)
    if not then <= now:
        return f"since {len(then - now):,} of the posts that its current model learned are held out or gone now"
    if then == now or _to_train_on(tokens, TOKENS) <= _to_train_on(trained, TOKENS):
        return "since its current model has learned all of these posts before"
    return None


def _to_train_on(posts: Reference, file: str) -> set[str]:
    return set(load_ids(posts.file(file), "train"))
