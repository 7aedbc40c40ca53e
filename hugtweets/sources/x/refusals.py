"""What X refuses: which error each refusal is, and what it means for the other accounts of the run."""

from __future__ import annotations

import threading
from collections import defaultdict
from datetime import UTC, datetime

import requests

from hugtweets.budget.ledger import Ledger
from hugtweets.errors import (
    AccountError,
    AccountNotFound,
    AccountProtected,
    AccountSuspended,
    BadToken,
    HugtweetsError,
    OutOfCredit,
    RateLimited,
    UnexpectedAnswer,
    WrongTier,
    XUnavailable,
)
from hugtweets.sources.x.answers import NOT_FOUND, SentProblem, printable


def refusal(response: requests.Response, subject: str) -> HugtweetsError:
    """The error for an answer of another status than 200; ``subject`` is what was asked for, such as ``@NASA``."""
    status = response.status_code
    if status == 401:
        return BadToken(f"X does not accept the bearer token when asked for {subject} (401): set X_BEARER_TOKEN anew")
    if status == 402:
        return OutOfCredit(
            f"X refuses to send {subject}: the developer account has no credit left (402); buy credit in the "
            "developer portal or use --source archive:PATH"
        )
    if status == 403:
        return WrongTier(
            f"X does not let this app read {subject} (403): in the developer portal, attach the app to a project "
            "whose plan reads timelines, or use --source archive:PATH"
        )
    if status == 429:
        return _rate_limited(response, subject)
    if status >= 500:
        return XUnavailable(f"X is down: it answered {status} when asked for {subject}; try again later")
    return UnexpectedAnswer(
        f"X answered {status} when asked for {subject} ({_detail(response)}): try again later, "
        "and look for a newer version of hugtweets if it stays"
    )


def account_problem(problem: SentProblem, handle: str) -> AccountError:
    """The error for one of ``errors`` in an answer of status 200."""
    if problem.title == NOT_FOUND:
        return AccountNotFound(f"X knows no account @{handle}: check the spelling, or whether it was renamed")
    if problem.title == "Forbidden" and "suspended" in problem.detail.casefold():
        return AccountSuspended(f"X has suspended @{handle}: take it off the list, or use --source archive:PATH")
    if problem.title == "Authorization Error":
        return protected(handle)
    return UnexpectedAnswer(
        f"X does not send @{handle}, for a reason unknown to hugtweets "
        f"({printable(problem.title)}: {printable(problem.detail)}); try again later"
    )


def protected(handle: str) -> AccountProtected:
    """The error for an account whose posts are not public."""
    return AccountProtected(
        f"@{handle} is protected, only its followers may read it: ask for its export and use --source archive:PATH"
    )


def empty_answer(subject: str) -> UnexpectedAnswer:
    """The error for an answer of status 200 with neither data nor errors."""
    return UnexpectedAnswer(f"X answered with neither data nor errors when asked for {subject}: try again later")


def _rate_limited(response: requests.Response, subject: str) -> RateLimited:
    header = response.headers.get("x-rate-limit-reset", "")
    # Ten digits are seconds until the year 2286; anything longer is no time.
    if not (header.isascii() and header.isdigit() and len(header) <= 10):
        return RateLimited(f"X sends no more of {subject} for now (429) and does not say until when: try again later")
    reset_at = datetime.fromtimestamp(int(header), UTC)
    return RateLimited(
        f"X sends no more of {subject} for now (429): try again after {reset_at:%Y-%m-%d %H:%M:%S} UTC", reset_at
    )


def _detail(response: requests.Response) -> str:
    try:
        answer = response.json()
    except requests.JSONDecodeError:
        return printable(str(response.reason))
    if not isinstance(answer, dict):
        return "no reason given"
    return printable(str(answer.get("detail") or answer.get("title")))


class Refusals:
    """What X refused to a run in this process, and holds for all its accounts: each of them would meet it again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reset_at: datetime | None = None
        self._ended_by: BadToken | OutOfCredit | None = None

    def check(self, subject: str) -> None:
        """Called before a request for ``subject``, which is not sent if X would refuse it.

        Raises:
            RateLimited: X sends nothing until a time still to come, as it said when asked for another account.
            BadToken, OutOfCredit: X said so when asked for another account; this run sends no further request.
        """
        with self._lock:
            reset_at, ended_by = self._reset_at, self._ended_by
        if ended_by:
            raise type(ended_by)(f"{subject} was not asked for, as fetching has ended for this run: {ended_by}")
        if reset_at and datetime.now(UTC) < reset_at:
            raise RateLimited(
                f"{subject} was not asked for, as X sends nothing for now (429): try again after "
                f"{reset_at:%Y-%m-%d %H:%M:%S} UTC",
                reset_at,
            )

    def remember(self, refused: HugtweetsError) -> None:
        """Keep a refusal if it holds for all accounts."""
        with self._lock:
            if isinstance(refused, RateLimited) and refused.reset_at:
                self._reset_at = max(refused.reset_at, self._reset_at or refused.reset_at)
            elif isinstance(refused, BadToken | OutOfCredit):
                self._ended_by = refused


_refusals: defaultdict[tuple[str, str], Refusals] = defaultdict(Refusals)
_refusals_lock = threading.Lock()


def refusals_of(ledger: Ledger) -> Refusals:
    """The refusals to the run that writes the ledger."""
    with _refusals_lock:
        return _refusals[str(ledger.path), ledger.run]
