"""Posts of files that have no ids, or no times: each tells, more or less, what the other would."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, ValidationInfo, model_validator

from hugtweets.sources.fields import Identifier
from hugtweets.sources.files.dialects.handles import username
from hugtweets.sources.files.moments import time_of_id
from hugtweets.sources.files.post_row import PostRow, id_or_none

# Ids of a digit more than X's: the seconds since 1970, then what tells posts of the same second apart.
_FIRST_ID = 10**19
_SECONDS = 10**10
_TEXTS = 10**9


def _time(_: object, info: ValidationInfo) -> datetime:
    return time_of_id(info.data.get("id", ""))


class RowWithoutId(PostRow):
    """A post whose id is made of its time, its text and its author: the same in whichever file it stands."""

    id: Annotated[Identifier | None, BeforeValidator(id_or_none)] = None  # type: ignore[assignment]

    @model_validator(mode="after")
    def _make_id(self) -> Self:
        if self.id is None:
            said = f"{username(self.author or '').casefold()}\n{self.text}".encode()
            text = int.from_bytes(hashlib.sha256(said).digest()[:8]) % _TEXTS
            self.id = str(_FIRST_ID + int(self.created_at.timestamp()) % _SECONDS * _TEXTS + text)
        return self


class RowWithoutTime(PostRow):
    """A post whose time is that of its id."""

    created_at: Annotated[datetime, BeforeValidator(_time)] = Field(None, validate_default=True)
