"""A pydantic type for what a post can do without: a value that is not as X writes it counts as not there."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WrapValidator


def _or_none(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    try:
        return handler(value)
    except ValidationError:
        return None


NoneIfOdd = WrapValidator(_or_none)
