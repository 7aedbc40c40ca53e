"""HTTP to servers that strangers run: no redirects, no private addresses, bounded in time and size."""

from __future__ import annotations

import ipaddress
import time
from socket import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from hugtweets.errors import NetworkUnavailable
from hugtweets.sources.servers import read_whole

_PIECE = 64 * 1024


class BoundedSession(requests.Session):
    """A session of which every answer is read within ``timeout_seconds``, and none is larger than any need be."""

    def __init__(self, server: str, timeout_seconds: float, is_own_machine: bool) -> None:
        super().__init__()
        self._server = server
        self._timeout_seconds = timeout_seconds
        # A proxy of the environment cannot reach a server on this machine.
        self.trust_env = not is_own_machine
        self.mount("https://", _PublicAdapter())
        #: When the last refusal for too many requests says that it ends, as the server wrote it.
        self.headers_of_refusal: dict[str, str] = {}

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """As the base class, with an answer that has arrived as a whole."""
        deadline = time.monotonic() + self._timeout_seconds
        kwargs.update(timeout=self._timeout_seconds, allow_redirects=False, stream=True)
        with super().request(method, url, *args, **kwargs) as response:
            pieces = response.iter_content(_PIECE)
            # requests has no other way to give an answer that was read in pieces to those who want it whole.
            response._content = read_whole(pieces, self._server, deadline)
        if response.is_redirect:
            raise NetworkUnavailable(f"{self._server} points elsewhere: name the account's own server")
        if response.status_code == 429:
            self.headers_of_refusal = {name.casefold(): value for name, value in response.headers.items()}
        return response


class _PublicConnection(HTTPSConnection):
    """TLS to an address that anybody can reach: a name in a list must not make this machine ask its own network."""

    def _new_conn(self) -> socket:
        connection = super()._new_conn()
        # Behind a proxy the address is the proxy's, which somebody here has chosen.
        if self.proxy is None and not ipaddress.ip_address(connection.getpeername()[0]).is_global:
            connection.close()
            raise NetworkUnavailable(f"{self.host} is an address of a private network: name a public server")
        return connection


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools = self.poolmanager.pool_classes_by_scheme
        self.poolmanager.pool_classes_by_scheme = {**pools, "https": _PublicPool}
