"""Requests to Bluesky's public AppView: no account and no key are needed, and nothing is paid."""

from __future__ import annotations

import time
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeVar

import httpx
from atproto_client.client.base import ClientBase
from atproto_client.exceptions import InvokeTimeoutError, NetworkError, RequestErrorBase
from atproto_client.models.base import ParamsModelBase
from atproto_client.models.common import XrpcError
from atproto_client.request import Request
from pydantic import BaseModel, ValidationError

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.errors import (
    AccountNotFound,
    AccountProtected,
    AccountSuspended,
    HugtweetsError,
    NetworkUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from hugtweets.sources.servers import is_loopback, read_whole, validate_url

BLUESKY_API_URL = "https://public.api.bsky.app"
_MISSING = {"AccountDeactivated", "NotFound", "RepoNotFound"}
_SUSPENDED = {"AccountTakedown", "RepoTakendown", "RepoSuspended"}
_BLOCKED = {"BlockedActor", "BlockedByActor"}

Answer = TypeVar("Answer", bound=BaseModel)


class BlueskyClient:
    """Asks for profiles and posts, and records in the ledger that it did.

    The library's own models of answers are not used: they refuse a whole page for one post that another app wrote.
    """

    def __init__(self, url: str, timeout_seconds: float, ledger: Ledger) -> None:
        address = validate_url("BLUESKY_API_URL", url)
        transport = _Bounded(timeout_seconds, has_proxy=not is_loopback(address))
        request = Request(transport=transport, timeout=timeout_seconds)
        self._client = ClientBase(address, request)
        # httpx leaves connections that nobody closed to the garbage collector, which warns of them.
        weakref.finalize(self, request.close)
        self._ledger = ledger

    def ask(self, model: type[Answer], method: str, subject: str, parameters: ParamsModelBase) -> Answer:
        """The answer to a query, such as ``app.bsky.actor.getProfile``, about an account.

        Raises:
            AccountUnavailable, RateLimited, NetworkUnavailable, UnexpectedAnswer: as Bluesky says, or does not.
        """
        refused = True
        try:
            response = self._client.invoke_query(method, params=parameters)
            answer = model.model_validate(response.content)
            refused = False
        except RequestErrorBase as error:
            _raise(error, subject)
        except httpx.HTTPError:
            raise NetworkUnavailable(
                f"the connection to Bluesky broke when asked for {subject}: try again later"
            ) from None
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
            raise UnexpectedAnswer(
                f"Bluesky answered with a {where[:80] or 'page'!a} that cannot be understood when asked for {subject}: "
                "look for a newer version of hugtweets"
            ) from None
        except ValueError:
            raise NetworkUnavailable(f"Bluesky sent no JSON when asked for {subject}: try again later") from None
        finally:
            self._ledger.record(Usage(requests=1), refused=refused)
        return answer


class _Bounded(httpx.BaseTransport):
    """Follows no redirect, and reads an answer only so far, and so long."""

    def __init__(self, timeout_seconds: float, has_proxy: bool) -> None:
        self._timeout_seconds = timeout_seconds
        self._inner = httpx.Client(timeout=timeout_seconds, trust_env=has_proxy, follow_redirects=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; what is compressed might grow without end, so nothing is asked for that is."""
        deadline = time.monotonic() + self._timeout_seconds
        request.headers["accept-encoding"] = "identity"
        response = self._inner.send(request, stream=True)
        try:
            if response.is_redirect or response.headers.get("content-encoding", "identity") != "identity":
                raise NetworkUnavailable("Bluesky sent an answer that was not asked for: try again later")
            content = read_whole(response.iter_raw(), "Bluesky", deadline)
        finally:
            response.close()
        headers = [(name, value) for name, value in response.headers.multi_items() if name != "transfer-encoding"]
        return httpx.Response(response.status_code, headers=headers, content=content, request=request)

    def close(self) -> None:
        """Close the connections."""
        self._inner.close()


def _raise(error: RequestErrorBase, subject: str) -> NoReturn:
    response = error.response
    if isinstance(error, InvokeTimeoutError):
        raise NetworkUnavailable(f"Bluesky stayed silent when asked for {subject}: try again later") from None
    if response is None or (isinstance(error, NetworkError) and response.status_code >= 500):
        raise NetworkUnavailable(f"Bluesky cannot be reached when asked for {subject}: try again later") from None
    if response.status_code == 429:
        raise RateLimited(
            f"Bluesky's rate limit is used up when asked for {subject} (429)", reset_at(response.headers)
        ) from None
    if response.status_code >= 500:
        raise NetworkUnavailable(
            f"Bluesky is out of order ({response.status_code}) when asked for {subject}: try again later"
        ) from None
    raise _problem(response.content, response.status_code, subject) from None


def _problem(content: object, status: int, subject: str) -> HugtweetsError:
    name = content.error if isinstance(content, XrpcError) else ""
    message = (content.message or "") if isinstance(content, XrpcError) else ""
    if name in _SUSPENDED:
        return AccountSuspended(f"Bluesky has suspended {subject}: take it out, or wait until it is back")
    if name in _BLOCKED:
        return AccountProtected(f"Bluesky does not show the posts of {subject}: take it out")
    if name in _MISSING or (name == "InvalidRequest" and "not found" in message.casefold()):
        return AccountNotFound(f"Bluesky knows no {subject} (deleted, deactivated, renamed or misspelled): check it")
    return UnexpectedAnswer(
        f"Bluesky refused {subject} ({status}, {name[:60]!a}): look for a newer version of hugtweets"
    )


def reset_at(headers: Mapping[str, str]) -> datetime | None:
    """When a rate limit ends: ``ratelimit-reset`` in seconds since 1970, or ``retry-after`` in seconds from now."""
    try:
        if "ratelimit-reset" in headers:
            return datetime.fromtimestamp(int(headers["ratelimit-reset"]), UTC)
        return datetime.now(UTC) + timedelta(seconds=int(headers["retry-after"]))
    except (KeyError, ValueError, OverflowError, OSError):
        return None
