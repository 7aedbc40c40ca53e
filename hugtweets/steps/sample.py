"""Sample: new posts in the account's voice, each marked as generated."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from hugtweets.artifacts import Plan, Reference
from hugtweets.base_models import BaseModel
from hugtweets.config import Config
from hugtweets.device_queue import on_device
from hugtweets.jobs import Job
from hugtweets.progress import reporter
from hugtweets.steps.clean import CLEAN
from hugtweets.steps.finetune import WEIGHTS
from hugtweets.steps.splits import of_split
from hugtweets.steps.step import perform
from hugtweets.timeline import write_posts
from hugtweets.tracking import Content

if TYPE_CHECKING:
    from hugtweets.sampling import Sample

VERSION = 1
SAMPLES = "samples.parquet"
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
    """Depends on the model, the posts that must not be copied, and how to draw."""
    options = job.config.sample.model_dump(mode="json")
    return Plan("sample", VERSION, job.handle, (model, clean), options)


def sample(job: Job, model: Reference, clean: Reference, base_model: BaseModel) -> Reference:
    """Write ``samples.parquet``."""

    def fill(folder: Path) -> Mapping[str, Any]:
        drawn = draw_posts(job.handle, model, clean, base_model, job.config)
        write_posts(folder / SAMPLES, to_table(drawn))
        return {"samples": len(drawn), "copies_replaced": sum(sample.replaced for sample in drawn)}

    return perform(job, plan_sample(job, model, clean), fill, _content)


def draw_posts(
    handle: str, model: Reference, clean: Reference, base_model: BaseModel, config: Config
) -> Sequence[Sample]:
    """New posts from a finetune artifact, none of them a copy of a training post in ``clean``."""
    options = config.sample.model_copy(update={"seed": account_seed(handle, config.sample.seed)})
    drawing = config.model_copy(update={"sample": options})
    return on_device(_draw, handle, model.file(WEIGHTS), training_texts(clean), base_model, drawing)


def _draw(handle: str, weights: Path, texts: Sequence[str], base_model: BaseModel, config: Config) -> Sequence[Sample]:
    # Imported on the device's thread only, as in finetune.
    from hugtweets.devices import choose_device
    from hugtweets.loading import load_tuned
    from hugtweets.sampling import draw

    tuned, tokenizer = load_tuned(base_model, weights, choose_device(config.train))
    return draw(tuned, tokenizer, config.sample.prompts, texts, config.sample, reporter(handle, "sample"))


def account_seed(handle: str, seed: int) -> int:
    """A seed of its own for each account, or all of them would begin their posts with the same draws."""
    return zlib.crc32(f"{seed} {handle}".encode())


def training_texts(clean: Reference) -> list[str]:
    """The texts of the training posts of a clean artifact."""
    table = pq.read_table(clean.file(CLEAN), columns=["text", "split"])
    return list(of_split(table, "train")["text"].to_pylist())


def to_table(drawn: Sequence[Sample]) -> pa.Table:
    """Generated posts as an Arrow table under :data:`SAMPLES_SCHEMA`."""
    rows = [{name: getattr(sample, name, True) for name in SAMPLES_SCHEMA.names} for sample in drawn]
    return pa.Table.from_pylist(rows, schema=SAMPLES_SCHEMA)


def read_samples(samples: Reference) -> list[dict[str, Any]]:
    """The rows of a sample artifact."""
    rows: list[dict[str, Any]] = pq.read_table(samples.file(SAMPLES)).to_pylist()
    return rows


def _content(reference: Reference) -> Content:
    rows = [[row[name] for name in SAMPLES_SCHEMA.names] for row in read_samples(reference)]
    return Content(summary=reference.manifest().counts, table=("samples", SAMPLES_SCHEMA.names, rows))
