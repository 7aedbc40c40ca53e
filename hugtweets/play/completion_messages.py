"""What clients of OpenAI's completions ask for, and what they are answered.

Field by field as in OpenAI's reference of ``/v1/completions`` and ``/v1/models``, with what says that a text is
generated besides. What has no meaning here is refused unless it asks for nothing.
"""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from hugtweets.cleaning.kinds import Kind
from hugtweets.generation.posts import MOST_CHARACTERS
from hugtweets.play.messages import MOST_POSTS, Question
from hugtweets.play.registry import PlayableAccount

MOST_STOPS = 4
Prompt = Annotated[str, Field(max_length=4 * MOST_CHARACTERS)]
Stop = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]
Nothing = Annotated[float, Field(ge=0, le=0)]


class StreamOptions(Question):
    """What is told besides in a stream."""

    include_usage: bool = Field(False, description="send a last event with the numbers of tokens")


class CompletionRequest(Question):
    """How posts begin that the model of an account is to end."""

    model: Annotated[str, Field(max_length=200)] = Field(description="an account with a current model, or a mix")
    prompt: Prompt | Annotated[tuple[Prompt, ...], Field(min_length=1, max_length=MOST_POSTS)] = Field(
        "", description="how the posts begin"
    )
    max_tokens: Annotated[int, Field(ge=1)] | None = Field(
        None, description="cut after so many; unset, posts are whole"
    )
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        None, description="1 follows the model and is the default, less is safer"
    )
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(None, description="share of the probability to draw from")
    n: Annotated[int, Field(ge=1, le=MOST_POSTS)] | None = Field(None, description="posts for each prompt")
    stop: Stop | Annotated[tuple[Stop, ...], Field(max_length=MOST_STOPS)] | None = Field(
        None, description="cut before the first of these"
    )
    seed: int | None = Field(None, description="the same seed writes the same posts, on one machine")
    stream: bool | None = Field(None, description="send each post as soon as it is finished")
    stream_options: StreamOptions | None = Field(None, description="with stream only")
    kind: Kind | None = Field(None, description="not OpenAI's: a kind of post that the model knows; unset, any")
    user: str | None = Field(None, description="is not looked at")
    echo: Literal[False] | None = Field(None, description="repeating the prompt is not offered")
    best_of: Literal[1] | None = Field(None, description="not offered")
    logprobs: None = Field(None, description="not offered")
    suffix: None = Field(None, description="not offered")
    presence_penalty: Nothing | None = Field(None, description="not offered")
    frequency_penalty: Nothing | None = Field(None, description="not offered")
    logit_bias: Annotated[dict[str, float], Field(max_length=0)] | None = Field(None, description="not offered")

    @model_validator(mode="after")
    def _no_more_than_can_be_waited_for(self) -> Self:
        if (posts := len(self.prompts) * self.number) > MOST_POSTS:
            raise ValueError(f"n: {posts} posts are asked for, and one request may have {MOST_POSTS}")
        return self

    @property
    def prompts(self) -> tuple[str, ...]:
        """All prompts."""
        return (self.prompt,) if isinstance(self.prompt, str) else self.prompt

    @property
    def number(self) -> int:
        """Posts for each prompt."""
        return self.n or 1

    @property
    def stops(self) -> tuple[str, ...]:
        """All texts before which a post is cut."""
        return (self.stop,) if isinstance(self.stop, str) else self.stop or ()


class Choice(BaseModel):
    """The end of a post; ``index`` counts prompts, and the posts of each.

    A post that stayed a copy of a real one to the end is left out: ``content_filter``, without a text.
    """

    text: str
    index: int
    finish_reason: Literal["stop", "length", "content_filter"]
    logprobs: None = None
    generated: Literal[True] = True
    label: str = Field(description="says that the text is generated, and by what")


class Usage(BaseModel):
    """Tokens of the account's base model."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, prompt: int, completion: int) -> Self:
        """Their numbers and their sum."""
        return cls(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


class Completion(BaseModel):
    """Posts that were written; in a stream, those of one event."""

    id: str = Field(default_factory=lambda: f"cmpl-{secrets.token_urlsafe(12)}")
    object: Literal["text_completion"] = "text_completion"
    created: int = Field(default_factory=lambda: int(time.time()), description="seconds since 1970, UTC")
    model: str
    choices: list[Choice] = []
    usage: Usage | None = None
    generated: Literal[True] = True


class Model(BaseModel):
    """The current model of an account or a mix."""

    id: str
    object: Literal["model"] = "model"
    created: int = Field(description="seconds since 1970, UTC")
    owned_by: Literal["hugtweets"] = "hugtweets"
    base_model: str
    kinds: list[Kind]

    @classmethod
    def of(cls, account: PlayableAccount) -> Self:
        """As the account is known here."""
        created = int(account.learned_at.timestamp())
        return cls(id=account.handle, created=created, base_model=account.base_model, kinds=account.kinds)


class Models(BaseModel):
    """Everything that can be named as ``model``."""

    object: Literal["list"] = "list"
    data: list[Model]


class RefusalReason(BaseModel):
    """Why a request was turned away, as OpenAI says it."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class Refusal(BaseModel):
    """What a request that was turned away is answered."""

    error: RefusalReason
