"""HTTP servers of this program: a socket to listen on, and a server that runs in the background while a block lasts."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from uvicorn import Server

from hugtweets.errors import ConfigurationError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        ConfigurationError: the port is taken, or the host is none of this machine's.
    """
    listener: socket.socket | None = None
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        # asyncio switches Nagle's algorithm off only where the protocol is named; with it, each answer takes 40 ms
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
        return listener
    except (OSError, OverflowError, UnicodeError) as error:
        if listener:
            listener.close()
        raise ConfigurationError(f"port {port} of {host} cannot be used ({error}): choose another") from None


@contextmanager
def in_background(server: Server, listener: socket.socket, name: str) -> Iterator[None]:
    """Serve from a thread while the block lasts."""
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name=name, daemon=True)
    thread.start()
    try:
        while thread.is_alive() and not server.started:
            time.sleep(0.005)
        yield
    finally:
        server.force_exit = server.should_exit = True
        thread.join()
