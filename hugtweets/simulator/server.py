"""Running the simulator: in the background for tests and the demo, in the foreground for the command line.

Both raise ``ConfigurationError`` if the folder cannot be served, the port is taken, or the fault plan is malformed.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from uvicorn import Config, Server

from hugtweets.simulator.accounts import Accounts
from hugtweets.simulator.app import create_app
from hugtweets.simulator.faults import Fault, FaultPlan, read_faults
from hugtweets.simulator.http_server import in_background, listen
from hugtweets.simulator.middleware import ResettableProtocol
from hugtweets.simulator.state import Request, State

HOST = "127.0.0.1"
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Simulator:
    """A running simulator: where it answers, and what it was asked."""

    url: str
    _state: State

    @property
    def requests(self) -> list[Request]:
        """Every request to the API so far, in the order of the answers."""
        return list(self._state.requests)

    def add_faults(self, *faults: Fault) -> None:
        """Add faults behind those that are planned already."""
        self._state.faults.add(faults)


@contextmanager
def running(
    directory: Path,
    *,
    port: int = 0,
    token: str | None = None,
    faults: Sequence[Fault] = (),
    seed: int = 0,
    priced: bool = False,
) -> Iterator[Simulator]:
    """Serve the timelines of a folder from a background thread while the block lasts.

    Port 0 takes a free one; ``token`` is the only bearer token accepted, None accepts any; ``seed`` decides which
    requests meet the faults that come by chance. If ``priced``, the client takes the answers for X's, and reckons them
    with X's prices.
    """
    state = State(Accounts(directory), token, FaultPlan(faults, seed), priced)
    listener = listen(HOST, port)
    with in_background(_server(state), listener, "x-simulator"):
        yield Simulator(_address(listener), state)


def serve(directory: Path, *, port: int, faults_file: Path | None, seed: int = 0, priced: bool = False) -> None:
    """Serve the timelines of a folder until interrupted; any bearer token will do, and ``priced`` as above."""
    faults = read_faults(faults_file) if faults_file else ()
    state = State(Accounts(directory), faults=FaultPlan(faults, seed), is_priced=priced)
    listener = listen(HOST, port)
    logger.info("serving the timelines of %s at %s", directory, _address(listener))
    with suppress(KeyboardInterrupt):
        _server(state).run(sockets=[listener])


def _server(state: State) -> Server:
    config = Config(create_app(state), http=ResettableProtocol, ws="none", lifespan="off", log_config=None)
    return Server(config)


def _address(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"
