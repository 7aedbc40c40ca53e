"""Secrets may come from Prefect's Secret blocks; the environment wins."""

from __future__ import annotations

import os

import pytest
from prefect.blocks.system import Secret

from flows.credentials import load_credentials

pytestmark = pytest.mark.usefixtures("prefect_server")


def test_a_block_stands_in_for_a_variable_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_BEARER_TOKEN", "")
    monkeypatch.setenv("HF_TOKEN", "from the shell")
    blocks = ("x-bearer-token", "hf-token")
    for block in blocks:
        Secret(value="from a block").save(block, overwrite=True)
    load_credentials()
    for block in blocks:
        Secret.delete(block)
    assert (os.environ["X_BEARER_TOKEN"], os.environ["HF_TOKEN"]) == ("from a block", "from the shell")
