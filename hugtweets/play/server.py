"""Serves the page: in the foreground for the command line, in the background for tests and benchmarks."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from uvicorn import Config as ServerConfig
from uvicorn import Server

from hugtweets.config import Config
from hugtweets.play.app import create_app
from hugtweets.play.security import own_names
from hugtweets.play.service import PlayService
from hugtweets.simulator.http_server import in_background, listen
from hugtweets.storage.home import Home

LOOPBACK = "127.0.0.1"
# Reserved for documentation (RFC 5737). Nothing is sent there: to ask for a way there shows this machine's address.
FAR_AWAY = ("192.0.2.1", 9)


def serve(home: Home, config: Config, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until interrupted; ``ready`` is told the URL once the models are warm.

    Other machines than this one need a token, which is part of the URL.

    Raises:
        ConfigurationError: the port is taken, or the host is none of this machine's.
        NothingKept: no account has a current model.
        BaseModelError: a base model cannot be found any more, or is another one now.
    """
    listener = listen(host, port)
    service = PlayService(home, config)
    service.warm_up()
    token = None if is_loopback(host) else secrets.token_urlsafe(16)
    server = _server(service, host, token)
    ready(_url(listener, host, token))
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


@contextmanager
def running(home: Home, config: Config, token: str | None = None) -> Iterator[str]:
    """Serve on a free port of loopback while the block lasts, and yield the URL."""
    listener = listen(LOOPBACK, 0)
    server = _server(PlayService(home, config), LOOPBACK, token)
    with in_background(server, listener, "play"):
        yield _url(listener, LOOPBACK, token)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _server(service: PlayService, host: str, token: str | None) -> Server:
    app = create_app(service, own_names(host), token)
    return Server(ServerConfig(app, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1))


def _url(listener: socket.socket, host: str, token: str | None) -> str:
    # Behind the # no browser sends it to anybody, and no log shows it.
    return f"http://{_shown(host)}:{listener.getsockname()[1]}/" + (f"#token={token}" if token else "")


def _shown(host: str) -> str:
    """The host as others can reach it: a server on all addresses is found at one of them."""
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            return _own_address()
        return f"[{host}]" if address.version == 6 else host
    return host


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(FAR_AWAY)
        except OSError:
            return socket.gethostname()
        address: str = probe.getsockname()[0]
        return address
