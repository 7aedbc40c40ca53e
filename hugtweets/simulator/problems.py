"""The errors of X: bodies as in its documentation, with their exact titles and keys."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Body = dict[str, Any]

_TYPES = "https://api.twitter.com/2/problems/"
_TITLES = {
    401: "Unauthorized",
    402: "CreditsDepleted",
    403: "Client Forbidden",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
_MORE: Mapping[int, Body] = {
    402: {"detail": "The account has no credits left for this request.", "type": f"{_TYPES}credits"},
    403: {
        "detail": "The keys of this request belong to an app that is not attached to a project.",
        "reason": "client-not-enrolled",
        "required_enrollment": "Appropriate Level of API Access",
        "type": f"{_TYPES}client-forbidden",
    },
}


def refusal(status: int, code: int | None = None) -> Body:
    """The body of an answer that refuses a request as a whole; with a ``code``, in the manner of API v1.1."""
    if code is not None:
        return {"errors": [{"message": "Your access is limited to a part of the API.", "code": code}]}
    return {"title": _TITLES[status], "detail": _TITLES[status], "type": "about:blank", "status": status} | dict(
        _MORE.get(status, {})
    )


def usage_capped() -> Body:
    """HTTP 429: the app has read as many posts as it may in a month."""
    return {"title": "UsageCapExceeded", "period": "Monthly", "type": f"{_TYPES}usage-capped", "status": 429}


def spend_capped() -> Body:
    """HTTP 403: the owner of the app wants to spend no more until a day of the next month."""
    until = (datetime.now(UTC).replace(day=28) + timedelta(days=4)).replace(day=1)
    return {"title": "Forbidden", "type": f"{_TYPES}credits", "status": 403, "reset_date": f"{until:%Y-%m-%d}"}


def not_hydrated(field: str) -> Body:
    """An entry of ``errors``: a field could not be filled."""
    title = "Field Hydration Failure"
    return {"title": title, "detail": title, "field": field, "type": f"{_TYPES}field-hydration-failure"}


def invalid_request(complaints: Mapping[str, tuple[str, str]]) -> Body:
    """HTTP 400: by parameter, the value that was sent and what is wrong with it."""
    errors = [
        {"parameters": {name: [value]}, "message": f"The `{name}` query parameter value [{value}] {complaint}"}
        for name, (value, complaint) in complaints.items()
    ]
    return {
        "errors": errors,
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{_TYPES}invalid-request",
    }


def not_found(parameter: str, value: str) -> Body:
    """An entry of ``errors``: there is no such user."""
    named = "id" if parameter == "id" else "username" if "username" in parameter else parameter
    return _about("user", "Not Found Error", f"Could not find user with {named}: [{value}].", parameter, value)


def suspended(parameter: str, value: str) -> Body:
    """An entry of ``errors``: X has suspended the user."""
    return _about("user", "Forbidden", f"User has been suspended: [{value}].", parameter, value)


def protected(parameter: str, value: str) -> Body:
    """An entry of ``errors``: only approved followers may read the user."""
    return _not_authorized("user", f"the user with {parameter}", parameter, value)


def no_such_post(identifier: str) -> Body:
    """An entry of ``errors``: the post was deleted, or never was."""
    return _about("tweet", "Not Found Error", f"Could not find tweet with ids: [{identifier}].", "ids", identifier)


def hidden_post(identifier: str) -> Body:
    """An entry of ``errors``: the post exists, and its account is suspended or protected."""
    return _not_authorized("tweet", "the Tweet with ids", "ids", identifier)


def _not_authorized(resource: str, described: str, parameter: str, value: str) -> Body:
    detail = f"Sorry, you are not authorized to see {described}: [{value}]."
    problem = _about(resource, "Authorization Error", detail, parameter, value)
    return problem | {"section": "data", "type": f"{_TYPES}not-authorized-for-resource"}


def _about(resource: str, title: str, detail: str, parameter: str, value: str) -> Body:
    return {
        "value": value,
        "detail": detail,
        "title": title,
        "resource_type": resource,
        "parameter": parameter,
        "resource_id": value,
        "type": f"{_TYPES}resource-not-found",
    }
