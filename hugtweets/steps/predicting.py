"""How models predict posts: one by itself, or those of several accounts in one batch."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from hugtweets.config import TrainConfig
from hugtweets.devices.gathering import Group, NotGathered
from hugtweets.evaluation.bits_per_byte import Nats
from hugtweets.jobs.job import Job
from hugtweets.models.cache import ADAPTER, is_adapter
from hugtweets.models.registry import BaseModel
from hugtweets.steps.gathering import with_others
from hugtweets.training.adapter_task import MOST_AT_ONCE, PLACES, shape_of

# By the folder of its weights; None is the base model.
Predictions = Mapping[Path | None, Nats]
Asked = tuple[Path | None, Sequence[Sequence[int]]]

logger = logging.getLogger(__name__)


def predict(
    base_model: BaseModel, weights: Path | None, documents: Sequence[Sequence[int]], config: TrainConfig
) -> Nats:
    """How a model predicts posts, in its turn on the device; without weights the base model itself."""
    from hugtweets.devices.selection import choose_device
    from hugtweets.evaluation.bits_per_byte import nats_of
    from hugtweets.models.cache import load_tuned

    loaded, tokenizer = load_tuned(base_model, weights, choose_device(config))
    return nats_of(loaded, documents, tokenizer.ends)


@dataclass(frozen=True)
class Reading:
    """The posts of one of several accounts, and the folders of the adapters that are to predict them."""

    documents: Sequence[Sequence[int]]
    adapters: Sequence[Path]


def predict_with_others(
    job: Job, base_model: BaseModel, weights: Sequence[Path], documents: Sequence[Sequence[int]]
) -> Predictions:
    """How the base model and adapters to it predict posts, in one batch with those of other accounts if some come.

    Of ``weights`` the first is the model that is judged. Those that have another shape than it has are left out, and
    nothing is predicted if no other account comes. Up to rounding it is what :func:`predict` says.
    """
    shape = _shape(weights[0])
    if not documents or shape is None:
        return {}
    same = [each for each in dict.fromkeys(weights) if _shape(each) == shape]
    kind, reading = (shape_of(base_model, job.config.train), shape), Reading(documents, same)
    with suppress(NotGathered):
        work = partial(_predict_all, base_model, job.config.train)
        predictions: Predictions = with_others(job, "evaluate", kind, reading, work, MOST_AT_ONCE)
        return predictions
    return {}


def _shape(weights: Path) -> tuple[Any, ...] | None:
    """What adapters that stand in one stack have in common; None for a model that is none."""
    if not is_adapter(weights):
        return None
    options = json.loads((weights / ADAPTER).read_text(encoding="utf-8"))
    return options["r"], options["lora_alpha"], *sorted(options["target_modules"])


def _predict_all(base_model: BaseModel, config: TrainConfig, accounts: Group[Reading, Predictions]) -> None:
    """What the base model and all adapters say of the posts of all who have come."""
    while members := list(iter(accounts.next, None)):
        logger.info("%d accounts are evaluated in one batch of %s", len(members), base_model.name)
        asked: list[Asked] = [
            (weights, member.item.documents) for member in members for weights in (None, *member.item.adapters)
        ]
        nats = iter(predict_all(base_model, asked, config))
        for member in members:
            member.outcome.set_result({weights: next(nats) for weights in (None, *member.item.adapters)})


def predict_all(base_model: BaseModel, asked: Sequence[Asked], config: TrainConfig) -> list[Nats]:
    """What :func:`predict` says of each, computed for all at once: the base model multiplies the tokens of all.

    No more adapters are stacked at a time than learn at a time, and a batch has no more tokens than one of a single
    account. The adapters have one shape.
    """
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices.selection import choose_device
    from hugtweets.models.cache import load_base
    from hugtweets.models.stacked import StackedModel
    from hugtweets.models.tokens import TextTokenizer

    choice, ends = choose_device(config), TextTokenizer.of(base_model).ends
    base = load_base(base_model, choice)
    bare = [place for place, (weights, _) in enumerate(asked) if weights is None]
    adapted = [place for place, (weights, _) in enumerate(asked) if weights is not None]
    found = dict(zip(bare, _nats_of_each(base, [asked[place] for place in bare], ends), strict=True))
    most = PLACES[choice.device]
    for start in range(0, len(adapted), most):
        places = adapted[start : start + most]
        chosen = [asked[place] for place in places]
        with StackedModel.of(base, [weights for weights, _ in chosen if weights]) as model:
            found |= zip(places, _nats_of_each(model, chosen, ends), strict=True)
    return [found[place] for place in range(len(asked))]


def _nats_of_each(model: Any, asked: Sequence[Asked], ends: tuple[int, int]) -> list[Nats]:
    """From one model, in whose batches all of their posts are mixed."""
    from hugtweets.evaluation.bits_per_byte import nats_of

    adapters = [str(weights) for weights, documents in asked if weights for _ in documents]
    nats = nats_of(model, [post for _, documents in asked for post in documents], ends, adapters=adapters)
    places = iter(range(len(nats.posts)))
    return [nats.at(list(islice(places, len(documents)))) for _, documents in asked]
