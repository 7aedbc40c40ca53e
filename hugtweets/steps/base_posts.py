"""Posts by a base model itself: what a scorecard compares with. They are generated once for all accounts, and kept."""

from __future__ import annotations

import hashlib

import pyarrow.parquet as pq

from hugtweets.config import Config
from hugtweets.devices.queue import on_device
from hugtweets.models.registry import BaseModel
from hugtweets.steps.sample import generate_from, to_table, without_prompts
from hugtweets.storage.home import Home
from hugtweets.timelines.timeline import write_posts

# A base model does not know where a post ends, so that each takes as long as a post can be: as few as will do.
NUMBER = 30


def base_posts(home: Home, base_model: BaseModel, config: Config) -> list[str]:
    """Posts without a prompt, under the options by which an account's posts are generated."""
    options = without_prompts(config, NUMBER)
    key = hashlib.sha256(options.sample.model_dump_json().encode()).hexdigest()[:16]
    path = home.base_posts(base_model.digest, key)
    if not path.is_file():
        [posts] = on_device(generate_from, base_model.name, None, [], base_model, [options], options.sample.seed)
        write_posts(path, to_table(posts))
    return list(pq.read_table(path, columns=["text"])["text"].to_pylist())
