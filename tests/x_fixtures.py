"""A server that gives one answer to everything, for answers that no sane X (and no simulator) would give."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pydantic import SecretStr

from hugtweets.budget.ledger import Ledger
from hugtweets.config import FetchConfig
from hugtweets.sources.x.timeline import XClient, XSource, XUser

TOKEN = "AAAAAAAAAAsecretAAAA"
CONFIG = FetchConfig(timeout_seconds=5)
ALICE = XUser("11", "alice", "Alice", protected=False)


@dataclass
class Server:
    """Where it listens, and the paths and headers it was asked with."""

    url: str
    paths: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)


@contextmanager
def answering(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Iterator[Server]:
    """Answer every request with ``body``: bytes as they are, anything else as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.paths.append(self.path)
            server.tokens.append(self.headers["Authorization"])
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # named by the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        server = Server(f"http://127.0.0.1:{listener.server_port}")
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()


def client_of(url: str, config: FetchConfig = CONFIG) -> XClient:
    """A client of a server on this machine."""
    return XClient(url, SecretStr(TOKEN), config.timeout_seconds)


def run_ledger(folder: Path, run: str = "run-1") -> Ledger:
    """The ledger of one run."""
    return Ledger(folder / "ledger.jsonl", run)


def alice(url: str, ledger: Ledger, config: FetchConfig = CONFIG) -> XSource:
    """The account that the server above is asked for."""
    return XSource(ALICE, client_of(url, config), config, ledger.of("alice"))
