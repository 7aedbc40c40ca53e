"""Stores of every kind: a shared folder, memory, and a bucket of an S3 server on this machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from hugtweets.storage.home import Home
from hugtweets.storage.remote import Store


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Where moto's server listens."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty bucket; the environment says how to reach it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"hugtweets-{secrets.token_hex(4)}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}/nightly"


@pytest.fixture(params=["file", "memory", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store, once of each kind."""
    if request.param == "s3":
        return Store(request.getfixturevalue("bucket"))
    return Store(f"file://{tmp_path}/store" if request.param == "file" else f"memory://{secrets.token_hex(4)}")


@pytest.fixture
def here(tmp_path: Path, store: Store) -> Home:
    """The home of one machine."""
    return Home(tmp_path / "here", store)


@pytest.fixture
def there(tmp_path: Path, store: Store) -> Home:
    """The home of another one, with the same store."""
    return Home(tmp_path / "there", store)
