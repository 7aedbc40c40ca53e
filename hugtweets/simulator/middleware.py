"""What every request passes before its endpoint: the fault plan, the bearer check, the rate limits, the record."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
import time

from fastapi.responses import JSONResponse
from starlette.datastructures import MutableHeaders
from starlette.requests import Request as HttpRequest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from hugtweets.simulator.faults import Fault
from hugtweets.simulator.manners import manners_of
from hugtweets.simulator.problems import refusal, spend_capped, usage_capped
from hugtweets.simulator.state import Request, State

# Tells the client that an answer costs nothing, whatever X would ask for it.
SIMULATED = "x-simulated"
_CLOSE_AT_ONCE = struct.pack("ii", 1, 0)


class ResettableProtocol(H11Protocol):
    """HTTP as uvicorn speaks it; the application finds the connection in ``request.state.transport``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection for the requests that will come through it."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class ApiMiddleware:
    """An ASGI middleware for the paths of the API; the simulator's own paths are let through."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Apply the fault of a request, refuse it, or let it through."""
        if scope["type"] != "http" or manners_of(scope["path"]) is None:
            await self._app(scope, receive, send)
            return
        request = HttpRequest(scope)
        request.state.posts = ()
        fault = request.state.fault = self._state.faults.take(request.url.path)
        if fault is not None and fault.kind == "drop":
            self._record(request, 0)
            await _reset(request, receive)
        elif fault is not None and fault.kind == "cut":
            await self._answer(request, fault, receive, _half(request, receive, send))
        elif fault is not None and fault.kind == "slow" and await _disconnects_within(fault.seconds, receive):
            self._record(request, 0)
        else:
            await self._answer(request, fault, receive, send)

    async def _answer(self, request: HttpRequest, fault: Fault | None, receive: Receive, send: Send) -> None:
        manners = manners_of(request.url.path)
        refused = _failure(fault, request.url.path)
        allowance = None
        if manners and manners.asks_for_token:
            refused = refused or self._unauthorized(request)
        if refused is None and manners and manners.asks_for_token:
            allowance = self._state.limits.spend(request.headers["authorization"], request.url.path)
            refused = JSONResponse(refusal(429), 429) if allowance.exceeded else None

        async def recording(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._record(request, message["status"])
                headers = MutableHeaders(scope=message)
                if not self._state.is_priced:
                    headers[SIMULATED] = "true"
                if allowance is not None:
                    headers.update(allowance.headers)
            await send(message)

        await (refused or self._app)(request.scope, receive, recording)

    def _unauthorized(self, request: HttpRequest) -> JSONResponse | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        expected = self._state.token
        if scheme.casefold() == "bearer" and token and expected in (None, token):
            return None
        return JSONResponse(refusal(401), 401)

    def _record(self, request: HttpRequest, status: int) -> None:
        fault, posts = request.state.fault, request.state.posts
        kind = fault.kind if fault else None
        path, query, caller = request.url.path, dict(request.query_params), _caller(request)
        self._state.requests.append(Request(path, query, status, posts, kind, time.time(), caller))


def _caller(request: HttpRequest) -> str:
    return hashlib.sha256(request.headers.get("authorization", "").encode()).hexdigest()[:8]


def _failure(fault: Fault | None, path: str) -> JSONResponse | None:
    """The answer that a fault puts in the place of the true one, if it does."""
    manners = manners_of(path)
    if fault is None or manners is None:
        return None
    if fault.kind == "usage_cap":
        return JSONResponse(usage_capped(), 429)
    if fault.kind == "spend_cap":
        return JSONResponse(spend_capped(), 403)
    if fault.kind == "rate_limit":
        return JSONResponse(manners.refuse(429, None), 429, manners.limited(path, fault.reset_seconds))
    return JSONResponse(manners.refuse(fault.status, fault.code), fault.status) if fault.status else None


async def _reset(request: HttpRequest, receive: Receive) -> None:
    transport: asyncio.Transport = request.state.transport
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_AT_ONCE)
    transport.abort()
    await _disconnect(receive)


def _half(request: HttpRequest, receive: Receive, send: Send) -> Send:
    """Send the first half of an answer, then end the connection."""

    async def half(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        body = message["body"]
        await send({"type": message["type"], "body": body[: len(body) // 2], "more_body": True})
        request.state.transport.close()
        await _disconnect(receive)

    return half


async def _disconnects_within(seconds: float, receive: Receive) -> bool:
    """Wait; whether the client disconnected before the time was over."""
    try:
        await asyncio.wait_for(_disconnect(receive), seconds)
    except TimeoutError:
        return False
    return True


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
