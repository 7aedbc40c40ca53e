"""What can be asked of the page's API, and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from hugtweets.cleaning.kinds import Kind
from hugtweets.generation.posts import MOST_CHARACTERS, GeneratedPost
from hugtweets.play.registry import PlayableAccount

# With these the base model and all accounts fit into two batches.
MOST_ACCOUNTS = 6
MOST_POSTS = 8


class Question(BaseModel):
    """What somebody asks for. Unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PostsRequest(Question):
    """Which posts are to be written."""

    accounts: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_ACCOUNTS)] = Field(
        description="handles of accounts with a current model"
    )
    base_model: bool = Field(False, description="let the base model of the first account write as well")
    # A character of a post can be made of several code points.
    prompt: Annotated[str, Field(max_length=4 * MOST_CHARACTERS)] = Field("", description="how the posts begin")
    kind: Kind | None = Field(
        None, description="one that all of these accounts know; unset, any; the base model knows none"
    )
    temperature: Annotated[float, Field(ge=0.1, le=2)] = Field(1.0, description="1 follows the model, less is safer")
    top_p: Annotated[float, Field(ge=0.05, le=1)] = Field(0.95, description="share of the probability to draw from")
    number: Annotated[int, Field(ge=1, le=MOST_POSTS)] = Field(3, description="posts of each")


class QuizRequest(Question):
    """Of which accounts a real post may be shown."""

    accounts: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_ACCOUNTS)]


class Guess(Question):
    """Which of the posts is real."""

    choice: Annotated[int, Field(ge=0)] = Field(description="place of a post, counted from 0")


class ComparisonRequest(Question):
    """Which two models of an account write a post each."""

    account: str
    models: Annotated[tuple[str, ...], Field(min_length=2, max_length=2)] | None = Field(
        None, description="digests of two models of the account; without them the current one and the one before it"
    )


class FavouriteRequest(Question):
    """Which post to keep."""

    post: Annotated[str, Field(max_length=100)] = Field(description="id of a post that was written by this program")


class Accounts(BaseModel):
    """Whose models can be played with."""

    accounts: list[PlayableAccount]


class Waiting(BaseModel):
    """So many requests come first; with 0 it is this one's turn."""

    event: Literal["waiting"] = "waiting"
    place: int


class Writing(BaseModel):
    """A post so far; it may begin again."""

    event: Literal["writing"] = "writing"
    handle: str | None
    index: int
    text: str


class Finished(BaseModel):
    """A finished post."""

    event: Literal["post"] = "post"
    handle: str | None
    index: int
    post: GeneratedPost


class Failed(BaseModel):
    """Nothing more comes."""

    event: Literal["failed"] = "failed"
    reason: str


class Done(BaseModel):
    """All posts were sent."""

    event: Literal["done"] = "done"


Event = Waiting | Writing | Finished | Failed | Done


class Quiz(BaseModel):
    """One of the texts was written by the account, the others by its model."""

    id: str
    handle: str
    texts: list[str]


class Verdict(BaseModel):
    """Whether a guess was right, and which of the texts is real."""

    right: bool
    real: int
    written_at: datetime = Field(description="when the account posted it")


class Comparison(BaseModel):
    """Two posts by two models of an account; which wrote which is told with the answer."""

    id: str
    handle: str
    texts: list[str]


class Revealed(BaseModel):
    """Which models wrote the posts of a comparison, in their order."""

    models: list[str]


class Problem(BaseModel):
    """Why a request was turned away."""

    detail: str
