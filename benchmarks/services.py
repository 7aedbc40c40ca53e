"""What a run stands on: invented timelines, a tiny model, and servers as processes of their own.

The X simulator, a Prefect server, and for several machines PostgreSQL and an S3 endpoint.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = (
    "harbour bicycle soup neighbour clock umbrella brass band rain Tuesday noise garden letter ferry lantern kettle "
    "sings forgets repairs borrows follows paints answers keeps finds loses quietly again twice early never slowly "
    "green salted crooked borrowed patient enormous second-hand the a our my every another that because while under"
)


def write_timelines(folder: Path, handles: Sequence[str], posts: int) -> None:
    """One ``<handle>.jsonl`` of invented posts each, the same at every call; about 100 characters a post."""
    folder.mkdir(parents=True, exist_ok=True)
    for handle in handles:
        lines = [json.dumps(_post(handle, number)) for number in range(posts)]
        (folder / f"{handle}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _post(handle: str, number: int) -> dict[str, object]:
    draw = random.Random(f"{handle} {number}")
    return {
        "id": str(10**17 + number),
        "created_at": (FIRST + timedelta(hours=number)).isoformat(),
        "text": " ".join(draw.choices(WORDS.split(), k=16)),
    }


def save_tiny_model(folder: Path) -> Path:
    """The model that the tests use, made by a process that takes PyTorch away with it."""
    code = (
        "import pathlib, sys; from tests.fixtures.tiny_models import save_tiny_model as s; s(pathlib.Path(sys.argv[1]))"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=True)
    return folder


@contextmanager
def simulator(folder: Path, *options: str) -> Iterator[tuple[int, str]]:
    """Serve the timelines of a folder; ``options`` are those of the command. Yields process and URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "hugtweets.cli", "simulate-x", str(folder), "--port", str(port), *options]
    with serving(command, f"{url}/usage", os.environ, folder.parent / "simulator.log") as process:
        yield process, url


@contextmanager
def prefect_server(home: Path, database: str | None = None, port: int = 0) -> Iterator[tuple[int, str]]:
    """A Prefect server whose ``PREFECT_HOME`` is the given folder, on SQLite if no database is named.

    Port 0 takes a free one. Yields process and API URL.
    """
    port = port or free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "PREFECT_HOME": str(home), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    if database:
        environment["PREFECT_API_DATABASE_CONNECTION_URL"] = database
    with serving(command, f"{url}/health", environment, home.parent / "server.log") as process:
        yield process, url


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """PostgreSQL with its data in a new folder; yields the URL for a Prefect server. It never runs as root."""
    folder.mkdir()
    port, user = free_port(), []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        user = ["runuser", "--user", "postgres", "--"]
    data = str(folder / "data")
    subprocess.run(
        [*user, "initdb", "-D", data, "-U", "prefect", "--auth=trust"], check=True, stdout=subprocess.DEVNULL
    )
    command = [*user, "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)]
    with serving(command, f"tcp://127.0.0.1:{port}", os.environ, folder.parent / "postgres.log"):
        yield f"postgresql+asyncpg://prefect@127.0.0.1:{port}/postgres"


@contextmanager
def s3(folder: Path) -> Iterator[str]:
    """An S3 endpoint that keeps everything in memory; yields its URL. Its log is in the folder."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with serving(["moto_server", "--port", str(port)], f"{url}/moto-api/", os.environ, folder / "s3.log"):
        yield url


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], url: str, environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """Run a server, wait until it answers, and stop it at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_for(url, process, log)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ask(url: str) -> None:
    """Find out whether a loopback address of ours answers.

    Raises:
        OSError: it does not.
    """
    if url.startswith("tcp:"):
        host, _, port = url.removeprefix("tcp://").partition(":")
        socket.create_connection((host, int(port)), timeout=5).close()
    else:
        urllib.request.urlopen(url, timeout=5).close()  # noqa: S310


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path, seconds: float = 180) -> None:
    """Return when a server answers.

    Raises:
        RuntimeError: it does not, or has ended; its log says why.
    """
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and process.poll() is None:
        try:
            _ask(url)
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"{url} does not answer: {log.read_text(errors='replace')[-2000:]}")
