"""Finetune: the base model becomes the account's."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hugtweets.cleaning.kinds import Kind
from hugtweets.config import TrainConfig
from hugtweets.devices.gathering import Group, NotGathered
from hugtweets.devices.progress import reporter
from hugtweets.devices.queue import on_device
from hugtweets.errors import BaseModelError, NothingKept, TrainingError
from hugtweets.evaluation.promotion import current_model, note_trial
from hugtweets.jobs.job import Job
from hugtweets.models.registry import BaseModel, resolve_base_model
from hugtweets.models.tokens import identity_of
from hugtweets.pools.pool import pinned
from hugtweets.steps.gathering import with_others
from hugtweets.steps.step import perform
from hugtweets.steps.tokenise import OPTIONS as TOKENISE_OPTIONS
from hugtweets.steps.tokenise import TOKENS
from hugtweets.storage.artifacts import Plan, Reference, input_of, latest, learned_posts, obtain
from hugtweets.storage.atomic import write_text
from hugtweets.storage.handles import run_command
from hugtweets.storage.home import Home
from hugtweets.tracking import Content
from hugtweets.tracking.live import live_curves
from hugtweets.training.adapter_task import MOST_AT_ONCE, AdapterTask, shape_of
from hugtweets.training.continual import Continuation, continue_training
from hugtweets.training.rates import rate_in_plan

if TYPE_CHECKING:
    from hugtweets.training.trainer import TrainingResult

VERSION = 2
WEIGHTS = "weights"
HISTORY = "history.json"
# The base model counts by its digest, and the device and how memory is saved change no more than rounding.
ELSEWHERE = {"base_model", "device", "precision", "save_memory"} | TOKENISE_OPTIONS
# Old posts for each new one, see benchmarks/days.py and LOG.md.
REPLAY = 2.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """Where a training starts: from an earlier model of the account, or None, the base model; people read ``reason``.

    Which one it should be is :func:`hugtweets.steps.starting.find_start`'s to say.
    """

    model: Reference | None
    reason: str


def plan_finetune(job: Job, tokens: Reference, start: Start) -> Plan:
    """Depends on the tokens, the base model, how it is trained, and the earlier model that it goes on from."""
    train = job.config.train
    # Models made before there was this option are the ones that are made without it.
    unset = set() if train.tokens_per_step else {"tokens_per_step"}
    options = train.model_dump(mode="json", exclude=ELSEWHERE | unset)
    options |= rate_in_plan(train, job.base_model) | precision_in_plan(train)
    inputs = [tokens]
    if start.model:
        inputs.append(start.model)
        options["replay"] = _replay(job)
    return Plan("finetune", VERSION, job.handle, tuple(inputs), options, identity_of(job.base_model))


def precision_in_plan(train: TrainConfig) -> dict[str, str]:
    """The option of a plan that says the number format, where it is asked for.

    Else the device says it, so that a plan cannot; the manifest of a model has it as ``number_format``.
    """
    return {} if train.precision == "auto" else {"precision": train.precision}


def number_format(model: Reference) -> str | None:
    """In which a model was trained; None if it is a blend, or older than that was noted."""
    found: str | None = model.manifest().counts.get("number_format")
    return found


def kinds_of(model: Reference) -> list[Kind]:
    """The kinds of posts that a model was taught to tell apart; none for models older than that."""
    found: list[Kind] = model.manifest().counts.get("kinds", [])
    return found


def finetune(job: Job, tokens: Reference, start: Start) -> Reference:
    """Write ``weights/`` (adapter or full) and ``history.json`` (the loss curves); a trial is noted before.

    Raises:
        TrainingError: the loss is not a number, or the options cannot be met.
    """
    plan, showing = plan_finetune(job, tokens, start), ExitStack()

    def fill(folder: Path) -> Mapping[str, Any]:
        # Points of a sweep train the same account, which is all that progress is told by.
        if not job.is_trial:
            showing.enter_context(live_curves(job.home, plan, job.config.tracking, job.run))
        earlier = _continuation(job, tokens, start)
        logger.info("%s: training starts from the %s, %s", job.handle, _name(start), start.reason)
        result = _learn(job, tokens, folder / WEIGHTS, earlier)
        write_text(folder / HISTORY, json.dumps(result.history, indent=1) + "\n")
        numbers = {name: value for name, value in asdict(result).items() if name != "history"}
        posts = {"new_posts": len(earlier.new), "replayed_posts": len(earlier.replayed)} if earlier else {}
        posts["trainings_in_a_row"] = trainings_in_a_row(start.model) + 1
        names = {"base_model": job.base_model.name, "base_model_option": job.config.train.base_model}
        names |= {"kinds": tokens.manifest().counts.get("kinds", [])}
        return {"start": _name(start), "start_reason": start.reason} | posts | numbers | names

    if job.is_trial:
        note_trial(job.home, plan.reference(job.home), job.run)
    with showing:
        return perform(job, plan, fill, show_history)


def base_model_of(model: Reference, home: Home) -> BaseModel:
    """The base model that a finetune artifact was made from.

    Raises:
        BaseModelError: it cannot be found any more, or is another one now.
    """
    manifest = model.manifest()
    option = pinned(manifest.counts["base_model_option"], manifest.inputs["base_model"])
    found = resolve_base_model(option, home)
    if found.digest != manifest.inputs["base_model"]:
        raise BaseModelError(
            f"the model of {model.handle} was trained on another {manifest.counts['base_model']} than `{option}` "
            f"is now: run `{run_command(model.handle)}` again"
        )
    return found


def _continuation(job: Job, tokens: Reference, start: Start) -> Continuation | None:
    """What an earlier model goes on with."""
    if start.model is None:
        return None
    then = input_of(job.home, start.model, "tokenise")
    if then is None or not obtain(job.home, start.model):
        raise TrainingError(f"what the previous model of {job.handle} learned was just removed: run the command again")
    seed = f"{job.config.train.seed} {start.model.digest}"
    return continue_training(start.model.file(WEIGHTS), then.file(TOKENS), tokens.file(TOKENS), _replay(job), seed)


def trainings_in_a_row(model: Reference | None) -> int:
    """How many trainings, each going on from the one before, made a model from the base model; None is that itself."""
    return int(model.manifest().counts.get("trainings_in_a_row", 1)) if model else 0


def _replay(job: Job) -> float:
    """``refresh.replay``, or the default."""
    chosen = job.config.refresh.replay
    return REPLAY if chosen is None else chosen


def _name(start: Start) -> str:
    return f"previous model {start.model.digest}" if start.model else "base model"


def _learn(job: Job, tokens: Reference, output: Path, earlier: Continuation | None) -> TrainingResult:
    """Train in one batch with other accounts if some come, else alone."""
    config, base_model = job.config.train, job.base_model
    task, kind = AdapterTask(job.handle, tokens.file(TOKENS), output, config, earlier), shape_of(base_model, config)
    with suppress(NotGathered):
        result: TrainingResult = with_others(
            job, "finetune", kind, task, partial(_train_together, base_model), MOST_AT_ONCE
        )
        return result
    return on_device(_train, job, tokens, base_model, output, earlier)


def _train_together(base_model: BaseModel, accounts: Group[AdapterTask, TrainingResult]) -> None:
    # Imported on the device's thread only, as below.
    from hugtweets.training.multi_adapter import finetune_together

    logger.info("%d accounts learn in one batch of %s", len(accounts.members), base_model.name)
    finetune_together(base_model, accounts)


def _train(
    job: Job, tokens: Reference, base_model: BaseModel, output: Path, earlier: Continuation | None
) -> TrainingResult:
    # PyTorch takes seconds to import, and a run that finds everything done never needs it. It is imported only on the
    # device's thread: two threads that import parts of transformers at once can see half of it.
    from hugtweets.training.trainer import finetune as train

    progress = reporter(job.handle, "finetune")
    return train(base_model, tokens.file(TOKENS), output, job.config.train, progress, earlier)


def find_model(home: Home, handle: str) -> tuple[Reference, Reference]:
    """The current model of an account and the clean posts it was made from.

    Raises:
        NothingKept: there is no model, or what it was made from is gone.
    """
    model = current_model(home, handle)
    if model is None and latest(home, handle, "finetune"):
        raise NothingKept(
            f"no model of {handle} is good enough to be current: `hugtweets show {handle}` says why, and "
            f"`hugtweets promote {handle} DIGEST` chooses one all the same"
        )
    if model is None or not obtain(home, model):
        raise NothingKept(f"there is no model of {handle} in {home.root}: make one with `{run_command(handle)}`")
    clean = learned_posts(home, model)
    if clean is None:
        raise NothingKept(f"the posts that the model of {handle} was made from are gone: run `{run_command(handle)}`")
    return model, clean


def show_history(reference: Reference) -> Content:
    """What a training shows in Weights & Biases: its counts and its loss curves."""
    history = json.loads(reference.file(HISTORY).read_text(encoding="utf-8"))
    return Content(summary=reference.manifest().counts, history=history)
