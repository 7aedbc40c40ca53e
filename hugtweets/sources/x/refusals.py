"""What X refuses: which error each refusal is. What it means for other accounts is in ``standing``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import requests

from hugtweets.errors import (
    AccountError,
    AccountNotFound,
    AccountProtected,
    AccountSuspended,
    BadToken,
    Blocked,
    CapReached,
    FieldsRefused,
    HugtweetsError,
    OutOfCredit,
    RateLimited,
    UnexpectedAnswer,
    WrongTier,
    XUnavailable,
)
from hugtweets.sources.x.answers import NOT_FOUND, SentProblem, last_part, printable


def refusal(response: requests.Response, subject: str) -> HugtweetsError:
    """The error for an answer of another status than 200; ``subject`` is what was asked for, such as ``@NASA``."""
    status, body = response.status_code, _body(response)
    kind = last_part(body.get("type"))
    if status == 401:
        return BadToken(f"X does not accept the bearer token when asked for {subject} (401): set X_BEARER_TOKEN anew")
    if status == 402:
        return OutOfCredit(
            f"the X developer account has no credit left when asked for {subject} (402): buy credit in the developer "
            "portal, or use --source archive:PATH"
        )
    if status == 429:
        is_capped = kind == "usage-capped" or body.get("title") == "UsageCapExceeded"
        return _cap_reached(body, "monthly cap", status, subject) if is_capped else _rate_limited(response, subject)
    if status == 403 and kind == "credits":
        return _cap_reached(body, "spend cap", status, subject)
    if status == 403 and _is_page(response):
        return Blocked(
            f"something on the way to X, not X itself, blocks the request for {subject} (403 with a web page): check "
            "proxy and network, or try again later"
        )
    if status == 403:
        return WrongTier(
            f"X does not let this app read {subject} (403): in the developer portal, attach the app to a project "
            "whose plan reads timelines, or use --source archive:PATH"
        )
    if status >= 500:
        return XUnavailable(f"X is down: it answered {status} when asked for {subject}; try again later")
    kind_of_error = FieldsRefused if status == 400 and "tweet.fields" in response.text else UnexpectedAnswer
    return kind_of_error(
        f"X answered {status} when asked for {subject} ({_reason(body)}): try again later, and look for a newer "
        "version of hugtweets if it stays"
    )


def _reason(body: Mapping[str, Any]) -> str:
    """What X says of a refusal, in either of its two forms, and of which parameters."""
    said = next((body[name] for name in ("detail", "title", "message") if body.get(name)), "it does not say why")
    parameters = _refused_parameters(body)
    return printable(f"{', '.join(sorted(parameters))}: {said}" if parameters else str(said))


def _refused_parameters(body: Mapping[str, Any]) -> set[str]:
    """The parameters of a request that X does not accept."""
    errors = body.get("errors")
    problems = [body, *(error for error in (errors if isinstance(errors, list) else []) if isinstance(error, dict))]
    several = [problem["parameters"] for problem in problems if isinstance(problem.get("parameters"), dict)]
    named = [problem["parameter"] for problem in problems if isinstance(problem.get("parameter"), str)]
    return {*named, *(name for parameters in several for name in parameters)}


def account_problem(problem: SentProblem, handle: str) -> AccountError:
    """The error for one of ``errors`` in an answer of status 200."""
    if problem.is_suspension:
        return AccountSuspended(f"X has suspended @{handle}: take it off the list, or use --source archive:PATH")
    if problem.kind == NOT_FOUND:
        return AccountNotFound(f"X knows no account @{handle}: check the spelling, or whether it was renamed")
    if problem.kind == "not-authorized-for-resource":
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


def _cap_reached(body: Mapping[str, Any], cap: str, status: int, subject: str) -> CapReached:
    until = f" until {printable(str(body['reset_date']))}" if body.get("reset_date") else ""
    return CapReached(
        f"the {cap} of the X developer account is reached{until} when asked for {subject} ({status}): raise it in the "
        "developer portal, or use --source archive:PATH"
    )


def _rate_limited(response: requests.Response, subject: str) -> RateLimited:
    reset_at = _reset_time(response.headers)
    if reset_at is None:
        return RateLimited(f"X sends no more of {subject} for now (429) and does not say until when: try again later")
    return RateLimited(
        f"X sends no more of {subject} for now (429): try again after {reset_at:%Y-%m-%d %H:%M:%S} UTC", reset_at
    )


def _reset_time(headers: Mapping[str, str]) -> datetime | None:
    """When X answers again, if it says so: at a time still to come, of the window of a day if that is used up."""
    used_up = [f"x-{whose}-limit-24hour" for whose in ("user", "app")]
    used_up = [name for name in used_up if headers.get(f"{name}-remaining") == "0"]
    said = [headers.get(f"{name}-reset", "") for name in used_up] or [headers.get("x-rate-limit-reset", "")]
    # Ten digits are seconds until the year 2286; anything longer is no time.
    seconds = [int(text) for text in said if text.isascii() and text.isdigit() and len(text) <= 10]
    reset_at = datetime.fromtimestamp(max(seconds, default=0), UTC)
    return reset_at if reset_at > datetime.now(UTC) else None


def _body(response: requests.Response) -> Mapping[str, Any]:
    """The JSON object of a refusal; empty if it is none."""
    try:
        body = read_json(response)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def read_json(response: requests.Response) -> object:
    """The JSON of an answer; a number of more digits than any id has becomes None, which costs no other post.

    Raises:
        ValueError: it is none, or lists hold lists deeper than any answer of X.
    """
    try:
        return json.loads(response.content, parse_int=lambda digits: int(digits) if len(digits) <= 20 else None)
    except RecursionError:
        raise ValueError("is too deep") from None


def _is_page(response: requests.Response) -> bool:
    return "html" in response.headers.get("content-type", "") or response.text.lstrip().startswith("<")
