"""Tests see no network but their own machine, also where there is one."""

from __future__ import annotations

import socket

import pytest


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1"])
def test_nothing_beyond_this_machine_can_be_reached(host: str) -> None:
    with pytest.raises(OSError, match=f"a test .* {host}"):
        socket.create_connection((host, 443), timeout=1)


def test_this_machine_can_be_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()
