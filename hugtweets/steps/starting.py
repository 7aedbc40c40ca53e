"""When a training starts, and from what: the base model, or the account's current model, which learns what is new.

Until enough posts are new, the model stays: the steps after clean then use the posts that it was made from.

Training never continues from a model that was not promoted, but from the one that it did not replace. And it continues
from the current model only if every post that this could have learned is still a training post. So no held-out post was
ever trained on, whether posts arrived late, were deleted or are cleaned by other rules; and what was deleted does not
stay learned.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hugtweets.config import RefreshConfig, TrainConfig
from hugtweets.errors import HugtweetsError, NotEnoughText
from hugtweets.evaluation.promotion import current_model, newest_model
from hugtweets.jobs.job import Job
from hugtweets.models.registry import check_at_hand
from hugtweets.models.tokens import TextTokenizer, identity_of, load_ids
from hugtweets.steps.clean import CLEAN, check_enough_text, same_rules
from hugtweets.steps.finetune import Start, plan_finetune, trainings_in_a_row
from hugtweets.steps.reader import check_choice, check_reader
from hugtweets.steps.retraction import holds_text, retract
from hugtweets.steps.tokenise import TOKENS, plan_tokenise
from hugtweets.storage.artifacts import Reference, input_of, is_shared, learned_posts, references

# Options that give the weights their shape; the others may change from one training to the next.
SHAPE = ("method", "layers", "lora_rank", "lora_alpha")
# Going on from one model after the other, predictions get worse and worse: see benchmarks/days.py and LOG.md.
FRESH_EVERY = 4


def check_models(job: Job) -> None:
    """Refuse models that are not there, before posts are bought that nothing could learn.

    Raises:
        BaseModelError: the base model or the reader has to be on this machine and is not, or cannot be learned from.
        ConfigurationError: nobody has accepted its terms, or no reader is strong enough to choose posts.
    """
    check_at_hand(job.config.train.base_model, job.home)
    if Path(job.config.train.base_model).expanduser().is_dir():
        TextTokenizer.of(job.base_model)
    check_reader(job.home, job.handle, job.config)
    check_choice(job.home, job.handle, job.config)


def has_models(job: Job) -> bool:
    """Whether :func:`check_models` refuses nothing."""
    try:
        check_models(job)
    except HugtweetsError:
        return False
    return True


def posts_to_learn(job: Job, clean: Reference) -> Reference:
    """The posts that the account's model is to be made from: those of the last one while it waits for more new ones.

    Raises:
        NotEnoughText: see :func:`hugtweets.steps.clean.check_enough_text`; what cannot be learned again is retracted.
    """
    try:
        check_enough_text(clean, job.config.clean)
    except NotEnoughText:
        retract(job)
        raise
    wanted = job.config.refresh
    if not (job.may_wait and (wanted.min_new_posts or wanted.min_new_characters)):
        return clean
    learned = _learned_alike(job, clean)
    reason = _too_few(_newly_kept(clean, learned), wanted) if learned else None
    if learned is None or reason is None:
        return clean
    job.outcome.remark(reason)
    return learned


def _learned_alike(job: Job, clean: Reference) -> Reference | None:
    """The posts of the last model, if that may wait for more of them.

    A model that was made under other options, by other rules of cleaning or from another base model is made again at
    once, and so is one that knows a deleted post.
    """
    model = newest_model(job.home, job.handle)
    learned = learned_posts(job.home, model) if model else None
    if learned is None or learned == clean or not same_rules(clean, learned) or _holds_deleted(clean, learned):
        return None
    return learned if find_made(job, plan_tokenise(job, learned).reference(job.home)) else None


def find_start(job: Job, tokens: Reference, clean: Reference) -> Start:
    """What ``refresh.start`` asks for, or the base model if training cannot continue from the current one; and why.

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
    objection = _other_kind(job, model) or _continued_enough(job, model) or _other_posts(job, model, clean, tokens)
    return Start(None, objection) if objection else Start(model, "the current one of the account")


def find_made(job: Job, tokens: Reference) -> Reference | None:
    """The model of these posts under these options, from whichever start ``refresh.start`` allows; None if not made."""
    anew = plan_finetune(job, tokens, Start(None, "")).reference(job.home)
    if is_shared(job.home, anew):
        return anew
    if job.config.refresh.start == "base":
        return None
    made = reversed(references(job.home, job.handle, "finetune"))
    return next((old for old in made if plan_finetune(job, tokens, start_of(old)).digest == old.digest), None)


def start_of(model: Reference) -> Start:
    """Where the training of a finished model started, even if that is gone by now."""
    digest = model.manifest().inputs.get("finetune")
    earlier = Reference("finetune", model.handle, digest, str(model.folder.parent / digest)) if digest else None
    return Start(earlier, "as before")


def _other_kind(job: Job, model: Reference) -> str | None:
    """Why the weights of a model cannot be gone on from, if so."""
    manifest = model.manifest()
    if manifest.inputs["base_model"] != job.base_model.digest:
        return "since its current model was made from another base model"
    if not identity_of(job.base_model).items() <= manifest.inputs.items():
        return "since its current model opens posts otherwise"
    options = job.config.train.model_dump(mode="json", include=set(SHAPE))
    # A model made before an option was there was trained as the default says.
    trained = TrainConfig().model_dump(mode="json") | dict(manifest.config)
    other = next((name for name in SHAPE if trained[name] != options[name]), None)
    return f"since its current model was trained with train.{other}={trained[other]}" if other else None


def _continued_enough(job: Job, model: Reference) -> str | None:
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


def _too_few(texts: pa.Array, config: RefreshConfig) -> str | None:
    """Say how many posts are new and how many are waited for; None if there are enough."""
    posts, characters = len(texts), pc.sum(pc.utf8_length(texts), min_count=0).as_py()
    amount = f"stored {posts:,} new post{'s' * (posts != 1)}"
    if posts < config.min_new_posts:
        return f"{amount}, waiting for {config.min_new_posts:,}"
    if characters < config.min_new_characters:
        return f"{amount} with {characters:,} characters, waiting for {config.min_new_characters:,} characters"
    return None


def _holds_deleted(clean: Reference, learned: Reference) -> bool:
    """Whether the model's posts hold the text of one that is deleted by now: it must not wait with that."""
    now = pq.read_table(clean.file(CLEAN), columns=["id", "reason"])
    deleted = now["id"].filter(pc.fill_null(pc.equal(now["reason"].cast(pa.string()), "deleted"), False))
    return holds_text(learned, deleted.to_pylist())


def _newly_kept(clean: Reference, learned: Reference) -> pa.Array:
    """The texts of posts that are kept now and were not when the model was made."""
    now, then = (pq.read_table(found.file(CLEAN), columns=["id", "text", "kept"]) for found in (clean, learned))
    known = then["id"].filter(then["kept"]).combine_chunks()
    new = pc.and_(now["kept"], pc.invert(pc.is_in(now["id"], value_set=known)))
    return now["text"].filter(new)
