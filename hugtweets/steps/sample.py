"""Sample: new posts in the account's voice, each marked as generated."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.config import Config
from hugtweets.devices.progress import reporter
from hugtweets.devices.queue import on_device
from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import SampleOutcome
from hugtweets.models.cache import is_adapter, load_adapters, load_tuned
from hugtweets.models.registry import BaseModel
from hugtweets.steps.clean import texts_of
from hugtweets.steps.finetune import WEIGHTS, base_model_of, find_model
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import Plan, Reference
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import write_posts
from hugtweets.tracking import Content

if TYPE_CHECKING:
    from hugtweets.generation.sampler import Sample

VERSION = 4
SAMPLES = "samples.parquet"
# Generated without a prompt, as many as evaluate.generated says: what the scorecard looks at.
UNPROMPTED = "unprompted.parquet"
SAMPLES_SCHEMA = pa.schema(
    [
        pa.field("prompt", pa.string()),
        pa.field("text", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("index", pa.int32()),
        pa.field("log_prob", pa.float64()),
        pa.field("longest_copy", pa.int32()),
        pa.field("replaced", pa.int32()),
        pa.field("generated", pa.bool_()),
    ]
)


def plan_sample(job: Job, model: Reference, clean: Reference) -> Plan:
    """Depends on the model, the posts that must not be copied, and how and how many to generate."""
    options = job.config.sample.model_dump(mode="json") | {"unprompted": job.config.evaluate.generated}
    return Plan("sample", VERSION, job.handle, (model, clean), options)


def sample(job: Job, model: Reference, clean: Reference) -> Reference:
    """Write ``samples.parquet`` for people and ``unprompted.parquet`` for the scorecard."""

    def fill(folder: Path) -> Mapping[str, Any]:
        judged = without_prompts(job.config, job.config.evaluate.generated)
        prompted, unprompted = generate_posts(job.handle, model, clean, job.base_model, [job.config, judged])
        write_posts(folder / SAMPLES, to_table(prompted))
        write_posts(folder / UNPROMPTED, to_table(unprompted))
        copies = sum(sample.replaced for sample in [*prompted, *unprompted])
        return {"samples": len(prompted), "unprompted": len(unprompted), "copies_replaced": copies}

    return perform(job, plan_sample(job, model, clean), fill, _content)


def record_sample(job: Job, samples: Reference) -> None:
    """Put the posts that are for people into the outcome."""
    job.outcome.samples = list(map(SampleOutcome.model_validate, read_samples(samples)))


@dataclass(frozen=True)
class Author:
    """An account whose model generates posts, with the clean posts that it learned."""

    handle: str
    model: Reference
    clean: Reference
    base_model: BaseModel

    @classmethod
    def find(cls, home: Home, handle: str) -> Author:
        """The account and its current model.

        Raises:
            NothingKept: there is no model, or what it was made from is gone.
            BaseModelError: its base model cannot be found any more, or is another one now.
        """
        name = home.spelling(handle)
        model, clean = find_model(home, name)
        return cls(name, model, clean, base_model_of(model, home))

    @property
    def base_model_option(self) -> str:
        """What ``train.base_model`` was when the model was made."""
        return str(self.model.manifest().counts["base_model_option"])

    @property
    def weights(self) -> Path:
        """What was trained."""
        return self.model.file(WEIGHTS)


def together(authors: Sequence[Author]) -> list[list[Author]]:
    """The authors whose posts can be generated in one batch: their models are adapters to the same base model."""
    groups: dict[str, list[Author]] = {}
    for author in authors:
        # A model that was trained in full shares nothing with others.
        key = author.base_model.digest if is_adapter(author.weights) else author.handle
        groups.setdefault(key, []).append(author)
    return list(groups.values())


def generate_for_all(authors: Sequence[Author], config: Config) -> list[Sequence[Sample]]:
    """New posts of several accounts, in their order, none of them a copy of a training post of its account.

    Adapters to the same base model generate in one batch; each account gets the posts that it would get alone, up
    to rounding in the model.
    """
    generated: dict[str, Sequence[Sample]] = {}
    for group in together(authors):
        first = group[0]
        if len(group) > 1:
            posts = on_device(_generate_together, group, config)
        else:
            posts = generate_posts(first.handle, first.model, first.clean, first.base_model, [config])
        generated |= {author.handle: theirs for author, theirs in zip(group, posts, strict=True)}
    return [generated[author.handle] for author in authors]


def generate_posts(
    handle: str, model: Reference, clean: Reference, base_model: BaseModel, configs: Sequence[Config]
) -> Sequence[Sequence[Sample]]:
    """New posts from a finetune artifact, none of them a copy of a training post; see :func:`generate_from`."""
    seed = account_seed(handle, configs[0].sample.seed)
    return on_device(generate_from, handle, model.file(WEIGHTS), texts_of(clean, "train"), base_model, configs, seed)


def _generate_together(authors: Sequence[Author], config: Config) -> Sequence[Sequence[Sample]]:
    """New posts from adapters to the same base model. On the device."""
    from hugtweets.devices.selection import choose_device
    from hugtweets.generation.sampler import GenerationRequest, generate

    weights = [author.weights for author in authors]
    model, tokenizer, adapters = load_adapters(authors[0].base_model, weights, choose_device(config.train))
    requests = [
        GenerationRequest(
            config.sample.prompts,
            config.sample.per_prompt,
            texts_of(author.clean, "train"),
            account_seed(author.handle, config.sample.seed),
            adapter,
        )
        for author, adapter in zip(authors, adapters, strict=True)
    ]
    names = ", ".join(author.handle for author in authors)
    return generate(model, tokenizer, requests, config.sample, reporter(names, "sample"))


def generate_from(
    name: str,
    weights: Path | None,
    texts: Sequence[str],
    base_model: BaseModel,
    configs: Sequence[Config],
    seed: int,
) -> Sequence[Sequence[Sample]]:
    """New posts from tuned weights, or from the base model itself. On the device.

    Args:
        name: progress is told under it.
        weights: a training's, or None.
        texts: posts that must not be copied.
        base_model: what was trained.
        configs: posts with these prompts, as many for each as they say; they differ in nothing else.
        seed: of all of them.
    """
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices.selection import choose_device
    from hugtweets.generation.sampler import GenerationRequest, generate

    tuned, tokenizer = load_tuned(base_model, weights, choose_device(configs[0].train))
    requests = [GenerationRequest(config.sample.prompts, config.sample.per_prompt, texts, seed) for config in configs]
    return generate(tuned, tokenizer, requests, configs[0].sample, reporter(name, "sample"))


def without_prompts(config: Config, number: int) -> Config:
    """How to generate the posts that a model is judged by: a prompt would betray them."""
    options = config.sample.model_copy(update={"prompts": ("",), "per_prompt": number})
    return config.model_copy(update={"sample": options})


def account_seed(handle: str, seed: int) -> int:
    """A seed of its own for each account, or all of them would begin their posts with the same words."""
    return zlib.crc32(f"{seed} {handle}".encode())


def to_table(samples: Sequence[Sample]) -> pa.Table:
    """Generated posts as an Arrow table under :data:`SAMPLES_SCHEMA`."""
    rows = [{name: getattr(sample, name, True) for name in SAMPLES_SCHEMA.names} for sample in samples]
    return pa.Table.from_pylist(rows, schema=SAMPLES_SCHEMA)


def read_samples(samples: Reference) -> list[dict[str, Any]]:
    """The rows of a sample artifact that are for people."""
    rows: list[dict[str, Any]] = pq.read_table(samples.file(SAMPLES)).to_pylist()
    return rows


def read_unprompted(samples: Reference) -> list[dict[str, Any]]:
    """The rows of a sample artifact that the model is judged by."""
    rows: list[dict[str, Any]] = pq.read_table(samples.file(UNPROMPTED)).to_pylist()
    return rows


def _content(reference: Reference) -> Content:
    rows = [[row[name] for name in SAMPLES_SCHEMA.names] for row in read_samples(reference)]
    return Content(summary=reference.manifest().counts, table=("samples", SAMPLES_SCHEMA.names, rows))
