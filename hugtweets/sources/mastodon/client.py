"""Requests to one server of Mastodon, by its public interface; nothing is paid."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from dateutil.parser import isoparse
from mastodon import Mastodon
from mastodon.errors import (
    MastodonAPIError,
    MastodonError,
    MastodonNetworkError,
    MastodonNotFoundError,
    MastodonRatelimitError,
    MastodonServerError,
    MastodonUnauthorizedError,
)
from pydantic import SecretStr

from hugtweets.budget.ledger import Ledger, Usage
from hugtweets.errors import (
    AccountNotFound,
    AccountProtected,
    BadToken,
    HugtweetsError,
    NetworkUnavailable,
    RateLimited,
    UnexpectedAnswer,
)
from hugtweets.sources.fields import utc
from hugtweets.sources.mastodon.session import BoundedSession
from hugtweets.sources.servers import is_loopback, validate_url

Answer = TypeVar("Answer")
SINCE_1970 = 1_000_000_000  # nobody waits as many seconds


class MastodonClient:
    """Asks the server of one account, and records in the ledger that it did.

    ``stands_for_all`` tells that the server of ``MASTODON_API_URL`` is asked, whichever the account's own is.
    """

    def __init__(self, server: str, timeout_seconds: float, ledger: Ledger) -> None:
        chosen = os.environ.get("MASTODON_API_URL")
        self.stands_for_all = bool(chosen)
        url = validate_url("MASTODON_API_URL", chosen) if chosen else f"https://{server}"
        self._session = BoundedSession(server, timeout_seconds, is_loopback(url))
        self._token = SecretStr(os.environ.get("MASTODON_ACCESS_TOKEN", "").strip())
        self._url, self._server, self._ledger = url, server, ledger
        self._timeout_seconds = timeout_seconds
        self._public = self._connect(None)

    def ask(self, call: Callable[[Mastodon], Answer], subject: str) -> Answer:
        """What the server answers, about an account, to somebody without an account.

        Raises:
            AccountUnavailable, RateLimited, NetworkUnavailable, UnexpectedAnswer: as the server says, or does not.
        """
        try:
            return self._ask(self._public, call, subject)
        except BadToken:
            raise AccountProtected(
                f"{self._server} shows {subject} only to those who have an account there (401): take it out"
            ) from None

    def own_account(self, handle: str) -> str | None:
        """The id of the account that ``MASTODON_ACCESS_TOKEN`` belongs to; None if it is not that of this handle.

        Only the server of the account that ``MASTODON_ACCOUNT`` names ever gets the token, or the one that stands for
        all: every other server in a list of accounts could use it.

        Raises:
            BadToken: the server does not accept it.
        """
        is_own = os.environ.get("MASTODON_ACCOUNT", "").strip().removeprefix("@").casefold() == handle.casefold()
        if not self._token.get_secret_value() or not (is_own or self.stands_for_all):
            return None
        # A client of its own: the token goes with this one question only, and is kept nowhere else.
        client = self._connect(self._token.get_secret_value())
        return str(self._ask(client, lambda asked: asked.account_verify_credentials(), handle)["id"])

    def _connect(self, token: str | None) -> Mastodon:
        return Mastodon(
            api_base_url=self._url,
            access_token=token,
            request_timeout=self._timeout_seconds,
            ratelimit_method="throw",
            version_check_mode="none",
            session=self._session,
            user_agent="hugtweets",
        )

    def _ask(self, client: Mastodon, call: Callable[[Mastodon], Answer], subject: str) -> Answer:
        refused = True
        try:
            answer = call(client)
            refused = False
        except MastodonError as error:
            raise self._explain(error, subject) from None
        finally:
            self._ledger.record(Usage(requests=1), refused=refused)
        return answer

    def _explain(self, error: MastodonError, subject: str) -> HugtweetsError:
        cause = error.__context__
        if isinstance(cause, HugtweetsError):
            return cause
        about = f"{self._server} when asked for {subject}"
        if isinstance(error, MastodonRatelimitError):
            return RateLimited(
                f"the rate limit is used up at {about} (429)", reset_at(self._session.headers_of_refusal)
            )
        if isinstance(error, MastodonUnauthorizedError):
            return BadToken(f"no access to {about} (401): set MASTODON_ACCESS_TOKEN to one of your account there")
        if isinstance(error, MastodonNotFoundError):
            return AccountNotFound(f"{self._server} knows no {subject} (moved, deleted or misspelled): check it")
        if isinstance(error, MastodonNetworkError | MastodonServerError):
            return NetworkUnavailable(f"no answer from {about}: try again later")
        if isinstance(error, MastodonAPIError) and 410 in error.args:
            return AccountNotFound(f"{self._server} has no {subject} any more (suspended or deleted): take it out")
        return UnexpectedAnswer(f"no sense in the answer of {about}: try again later, or check that it is a Mastodon")


def reset_at(headers: Mapping[str, str]) -> datetime | None:
    """When a rate limit ends: ``x-ratelimit-reset``, else ``retry-after``; None if neither makes sense."""
    for name in ("x-ratelimit-reset", "retry-after"):
        with suppress(KeyError, ValueError, OverflowError, OSError):
            return _moment(headers[name].strip())
    return None


def _moment(written: str) -> datetime:
    """A time in ISO 8601 or as HTTP writes it, or in seconds: since 1970, or few from now.

    Raises:
        ValueError, OverflowError, OSError: it is none, or out of range.
    """
    if written.isdecimal():
        seconds = int(written)
        start = datetime.fromtimestamp(0, UTC) if seconds >= SINCE_1970 else datetime.now(UTC)
        return start + timedelta(seconds=seconds)
    try:
        return utc(isoparse(written))
    except ValueError:
        return utc(parsedate_to_datetime(written))


def as_plain(answer: Any) -> Any:
    """An answer without the library's own types, which are dictionaries, lists and strings as well."""
    if isinstance(answer, Mapping):
        return {str(name): as_plain(value) for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [as_plain(value) for value in answer]
    return str(answer) if isinstance(answer, str) else answer
