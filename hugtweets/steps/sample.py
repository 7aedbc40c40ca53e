"""Sample: new posts in the account's voice, each marked as generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.jobs.job import Job
from hugtweets.jobs.outcomes import SampleOutcome
from hugtweets.steps.authors import Author, generate_with_others, without_prompts
from hugtweets.steps.choosing import before_choice, choose
from hugtweets.steps.reader import reader_named
from hugtweets.steps.step import perform
from hugtweets.storage.artifacts import Plan, Reference
from hugtweets.timelines.timeline import write_posts
from hugtweets.tracking import Content

if TYPE_CHECKING:
    from hugtweets.generation.sampler import Sample

VERSION = 6
SAMPLES = "samples.parquet"
# Generated without a prompt, as many as evaluate.generated says: what the scorecard looks at.
UNPROMPTED = "unprompted.parquet"
SAMPLES_SCHEMA = pa.schema(
    {
        "prompt": pa.string(),
        "text": pa.string(),
        "seed": pa.int64(),
        "index": pa.int32(),
        "log_prob": pa.float64(),
        "longest_copy": pa.int32(),
        "replaced": pa.int32(),
        "generated": pa.bool_(),
    }
)


def plan_sample(job: Job, model: Reference, clean: Reference) -> Plan:
    """Depends on the model, the posts that must not be copied, how and how many to generate, and who chooses."""
    choice = {"reader": reader_named(job.home, job.config)}
    # Posts that nobody chooses are the ones of before there was this option.
    unset, chosen = ({"best_of"}, {}) if job.config.sample.best_of == 1 else (set(), choice)
    options = job.config.sample.model_dump(mode="json", exclude=unset) | chosen
    options |= {"unprompted": job.config.evaluate.generated}
    return Plan("sample", VERSION, job.handle, (model, clean), options)


def sample(job: Job, model: Reference, clean: Reference) -> Reference:
    """Write ``samples.parquet`` for people and ``unprompted.parquet`` for the scorecard."""

    def fill(folder: Path) -> Mapping[str, Any]:
        author, best_of = Author(job.handle, model, clean, job.base_model), job.config.sample.best_of
        judged = without_prompts(job.config, job.config.evaluate.generated)
        wanted = [author.wanted(before_choice(job.config))]
        wanted += [replace(wanted[0], config=before_choice(judged), scored=False)]
        written = zip(generate_with_others(job, author, wanted), (job.config, judged), strict=True)
        prompted, unprompted = choose(job.home, job.handle, job.base_model, [clean], list(written))
        write_posts(folder / SAMPLES, to_table(prompted))
        write_posts(folder / UNPROMPTED, to_table(unprompted))
        copies, masked = (
            sum(getattr(sample, name) for sample in [*prompted, *unprompted]) for name in ("replaced", "masked")
        )
        counts = {"samples": len(prompted), "unprompted": len(unprompted)}
        # Whatever was asked for and is not there was a copy to the end. Where there is a choice, another one is there.
        left_out = job.config.evaluate.generated - len(unprompted)
        counts |= {"best_of": best_of} if best_of > 1 else {}
        return counts | {"copies_replaced": copies, "unprompted_left_out": left_out, "private_masked": masked}

    return perform(job, plan_sample(job, model, clean), fill, _content)


def record_sample(job: Job, samples: Reference) -> None:
    """Put the posts that are for people into the outcome."""
    job.outcome.samples = list(map(SampleOutcome.model_validate, read_samples(samples)))


def to_table(samples: Sequence[Sample]) -> pa.Table:
    """Generated posts as an Arrow table under :data:`SAMPLES_SCHEMA`."""
    rows = [{name: getattr(sample, name, True) for name in SAMPLES_SCHEMA.names} for sample in samples]
    return pa.Table.from_pylist(rows, schema=SAMPLES_SCHEMA)


def read_samples(samples: Reference) -> list[dict[str, Any]]:
    """The rows of a sample artifact that are for people."""
    return list(pq.read_table(samples.file(SAMPLES)).to_pylist())


def read_unprompted(samples: Reference) -> list[dict[str, Any]]:
    """The rows of a sample artifact that the model is judged by."""
    return list(pq.read_table(samples.file(UNPROMPTED)).to_pylist())


def _content(reference: Reference) -> Content:
    rows = [[row[name] for name in SAMPLES_SCHEMA.names] for row in read_samples(reference)]
    return Content(summary=reference.manifest().counts, table=("samples", SAMPLES_SCHEMA.names, rows))
