"""What a person may write into the forms of the Prefect UI; the server checks it before a run exists."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Handle = Annotated[str, Field(pattern=r"^@?[A-Za-z0-9_]{1,15}$")]
Source = Annotated[str, Field(pattern=r"^(x|(archive|file):.+)$")]
Prompts = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=280)], ...], Field(min_length=1, max_length=100)
]
PerPrompt = Annotated[int, Field(ge=1, le=1000)]
