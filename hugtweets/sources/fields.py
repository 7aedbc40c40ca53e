"""Pydantic types that check the fields of a post, whatever source it comes from."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator, ValidationError

_ID = re.compile(r"0|[1-9][0-9]{0,19}")
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with surrogate pairs joined, and NUL and lone surrogates, which UTF-8 has no place for, as U+FFFD."""
    if not _NOT_STORABLE.search(text):
        return text
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def identifier(value: object) -> str:
    """An id as a string of digits.

    Raises:
        ValueError: it is none, or a float, which keeps only the first 15 digits of an id.
    """
    if isinstance(value, float):
        raise ValueError("is a floating-point number, which has lost digits: write it as a string")
    digits = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _ID.fullmatch(digits):
        raise ValueError("is not a string of at most 20 digits (a spreadsheet may have rounded it)")
    return digits


def utc(moment: datetime) -> datetime:
    """The same moment in UTC; one without a zone is taken to be in UTC already.

    Raises:
        ValueError: it falls before year 1 or after year 9999.
    """
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


def unknown_if_empty(value: object) -> object:
    """None for an empty string, else the value."""
    return None if value == "" else value


def explain(error: ValidationError) -> str:
    """The first complaint in a few words, without the value itself."""
    complaint = error.errors(include_url=False, include_input=False, include_context=False)[0]
    key = ".".join(str(part) for part in complaint["loc"]) or "the post"
    if complaint["type"] == "missing":
        return f"{key} is missing"
    return f"{key}: {complaint['msg'].removeprefix('Value error, ')}"


Identifier = Annotated[str, BeforeValidator(identifier)]
# Before, not after: pydantic refuses a lone surrogate outright.
Text = Annotated[str, BeforeValidator(lambda value: storable(value) if isinstance(value, str) else value)]
Words = Annotated[Text | None, BeforeValidator(unknown_if_empty)]
