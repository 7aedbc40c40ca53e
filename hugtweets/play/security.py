"""The security of every page and endpoint: who may ask, and what a browser may do with the answer."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hugtweets.play.problems import problem

API = ("/api/", "/v1/")
# A prompt is a few hundred bytes.
MOST_BYTES = 65_536
HEADERS = {
    # Nothing but this program's own files: no inline script or style, no picture, font or request elsewhere.
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def own_names(host: str) -> frozenset[str]:
    """The names by which this machine may be asked. Addresses always may: no other site's name leads to them."""
    machine = socket.gethostname().lower()
    return frozenset({"localhost", host.lower(), machine, f"{machine}.local"})


class SecurityMiddleware:
    """Refuses requests that others may not make, and restricts what a page may load (ASGI).

    Another site's page in the reader's browser reaches servers on loopback: through its own name, which it points to
    127.0.0.1 (the Host header tells), or by plain requests (Origin and Sec-Fetch-Site tell). Other machines need the
    token, if there is one.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str], token: str | None) -> None:
        self._app = app
        self._names = names
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Turn a request away, or let it through."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(Request(scope)) if scope["type"] == "http" else None
        if refusal is None:
            await self._app(scope, receive, send_with_headers)
        else:
            status, detail = refusal
            await problem(Request(scope), status, detail)(scope, receive, send_with_headers)

    def _refusal(self, request: Request) -> tuple[int, str] | None:
        host = request.headers.get("host", "")
        if not self._is_own(host):
            return 421, "this machine is not called that: open the address that `hugtweets play` printed"
        if not request.url.path.startswith(API):
            return None
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site", "none")
        if (origin is not None and urlsplit(origin).netloc != host) or site not in ("same-origin", "none"):
            return 403, "another site's page may not ask"
        authorization = request.headers.get("authorization", "").encode()
        if self._token is not None and not secrets.compare_digest(authorization, f"Bearer {self._token}".encode()):
            return 401, "the token is missing or wrong: open the address that `hugtweets play` printed"
        return _size_refusal(request)

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            return name in self._names or bool(ipaddress.ip_address(name))
        except ValueError:
            return False


def _size_refusal(request: Request) -> tuple[int, str] | None:
    if request.method not in ("POST", "PUT", "PATCH"):
        return None
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        return 411, "say how long the request is (Content-Length)"
    return (413, f"a request may have {MOST_BYTES:,} bytes") if int(length) > MOST_BYTES else None
