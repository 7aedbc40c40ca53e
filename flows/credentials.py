"""Secrets from Prefect: a Secret block stands in for an environment variable that is not set."""

from __future__ import annotations

import os
from typing import cast

from prefect.blocks.system import Secret

BLOCKS = {
    "X_BEARER_TOKEN": "x-bearer-token",
    "MASTODON_ACCESS_TOKEN": "mastodon-access-token",
    "WANDB_API_KEY": "wandb-api-key",
    "HF_TOKEN": "hf-token",
}


def load_credentials() -> None:
    """Put what Prefect's Secret blocks hold into this process's environment; set variables win."""
    for variable, block in BLOCKS.items():
        if os.environ.get(variable):
            continue
        try:
            secret = cast("Secret[str]", Secret.load(block))
        except ValueError:  # Prefect's answer to a block that does not exist
            continue
        os.environ[variable] = secret.get()
