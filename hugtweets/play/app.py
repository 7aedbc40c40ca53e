"""The page and its API."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader
from starlette.concurrency import run_in_threadpool

from hugtweets import __version__
from hugtweets.errors import HugtweetsError
from hugtweets.evaluation.people import Answers, AnyAnswer
from hugtweets.generation.favourites import Favourite, Favourites
from hugtweets.play.comparison import Comparisons, plan_comparison
from hugtweets.play.completions import add_completions
from hugtweets.play.messages import (
    Accounts,
    Comparison,
    ComparisonRequest,
    Event,
    FavouriteRequest,
    Guess,
    PostsRequest,
    Problem,
    Quiz,
    QuizRequest,
    Revealed,
    Verdict,
)
from hugtweets.play.problems import malformed, refused
from hugtweets.play.quiz import GENERATED, Quizzes, real_post
from hugtweets.play.registry import plan_batches, playable_accounts
from hugtweets.play.security import SecurityMiddleware
from hugtweets.play.service import PlayService

PAGES = Path(__file__).parent / "pages"
DESCRIPTION = (
    "Posts by the models of this machine. Every one is made up by a model and was written by nobody. "
    "If `hugtweets play` printed a token, send it as `Authorization: Bearer TOKEN`. "
    "Below `/v1` are completions as OpenAI's clients know them."
)
PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The request makes no sense."},
    404: {"model": Problem, "description": "There is no such thing, or no more."},
    422: {"model": Problem, "description": "A field is missing, unknown or out of range."},
    503: {"model": Problem, "description": "Too many wait for the models."},
}
# A refusal is one JSON document, also where the answer would have been a stream.
PROBLEM = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Problem.__name__}"}}}
STREAM_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"description": problem["description"], "content": PROBLEM} for status, problem in PROBLEMS.items()
}
# The bounds of a value in an OpenAPI document, in words.
LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "minItems": "items at least",
    "maxItems": "items at most",
    "maxLength": "characters at most",
}


class JsonLines(JSONResponse):
    """What the OpenAPI document says of the stream: one JSON document a line."""

    media_type = "application/x-ndjson"


def create_app(service: PlayService, names: frozenset[str], token: str | None) -> FastAPI:
    """The application; ``names`` and ``token`` as :class:`hugtweets.play.security.SecurityMiddleware` takes them."""
    app = FastAPI(title="hugtweets play", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.add_middleware(SecurityMiddleware, names=names, token=token)
    app.add_exception_handler(HugtweetsError, refused)
    app.add_exception_handler(RequestValidationError, malformed)
    _add_pages(app)
    _add_posts(app, service)
    _add_quiz(app, service)
    _add_comparisons(app, service)
    _add_favourites(app, service)
    add_completions(app, service)
    return app


def _add_pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGES / "play.html")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        # Unlike FastAPI's own page of the API this one loads nothing from elsewhere.
        document = app.openapi()
        schemas = document["components"]["schemas"]
        pages = Environment(loader=FileSystemLoader(PAGES), autoescape=True)
        page = pages.get_template("api.html").render(
            info=document["info"], paths=document["paths"], schemas=schemas, limits=limits
        )
        return HTMLResponse(page)

    app.mount("/static", StaticFiles(directory=PAGES / "static"))


def limits(schema: Mapping[str, Any]) -> dict[str, str]:
    """What a value is bounded by, in words."""
    return {words: f"{schema[name]:g}" for name, words in LIMITS.items() if name in schema}


def _add_posts(app: FastAPI, service: PlayService) -> None:
    @app.get("/api/accounts")
    def accounts() -> Accounts:
        """Every account that has a current model."""
        return Accounts(accounts=playable_accounts(service.home))

    @app.post("/api/posts", response_class=JsonLines, responses={200: {"model": Event}, **STREAM_PROBLEMS})
    async def posts(request: PostsRequest) -> StreamingResponse:
        """Write posts. The answer is a stream of events, one JSON document a line, in the order in which they happen.

        `waiting` says how many requests come first; `writing` shows a post as far as it got; `post` is a finished one;
        the last is `done`, or `failed` with a reason. To close the connection stops the writing.
        """
        events = service.stream(request)
        # What makes no sense is said with the status code, before anything is streamed.
        first = await anext(events)
        return StreamingResponse(_lines(first, events), media_type=JsonLines.media_type)


async def _lines(first: Event, events: AsyncGenerator[Event]) -> AsyncIterator[str]:
    async with aclosing(events):
        yield f"{first.model_dump_json()}\n"
        async for event in events:
            yield f"{event.model_dump_json()}\n"


def _add_quiz(app: FastAPI, service: PlayService) -> None:
    quizzes = Quizzes(Answers(service.home))

    @app.post("/api/quiz", responses=PROBLEMS)
    async def quiz(request: QuizRequest) -> Quiz:
        """Ask which of a few posts is real, of one of these accounts. This takes as long as it takes to write them."""
        handle = service.home.spelling(random.choice(request.accounts))
        real = await run_in_threadpool(real_post, service.home, handle)
        batches = await run_in_threadpool(plan_batches, service.home, [handle], False)
        return quizzes.ask(handle, real, await service.write(batches, GENERATED))

    @app.post("/api/quiz/{name}", responses=PROBLEMS)
    def answer(name: str, guess: Guess) -> Verdict:
        """Guess, once. Whether it was right is kept."""
        return quizzes.answer(name, guess.choice)


def _add_comparisons(app: FastAPI, service: PlayService) -> None:
    comparisons = Comparisons(Answers(service.home))

    @app.post("/api/comparisons", responses=PROBLEMS)
    async def compare(request: ComparisonRequest) -> Comparison:
        """Ask for a post by each of two models of an account, without being told which is whose."""
        batches = await run_in_threadpool(plan_comparison, service.home, request.account, request.models)
        return comparisons.ask(batches[0].authors[0].handle, await service.write(batches, 1))

    @app.post("/api/comparisons/{name}", responses=PROBLEMS)
    def decide(name: str, guess: Guess) -> Revealed:
        """Say which post is more like the account, once. The answer is kept."""
        return comparisons.answer(name, guess.choice)

    @app.get("/api/answers")
    def answers() -> list[AnyAnswer]:
        """Every answer to a quiz or a comparison, oldest first."""
        return Answers(service.home).all()


def _add_favourites(app: FastAPI, service: PlayService) -> None:
    favourites = Favourites(service.home)

    @app.get("/api/favourites")
    def kept() -> list[Favourite]:
        """Every post that was kept, oldest first."""
        return favourites.all()

    @app.post("/api/favourites", responses=PROBLEMS)
    def keep(request: FavouriteRequest) -> Favourite:
        """Keep a post that was written since this program was started."""
        return favourites.add(service.posts.get(request.post))

    @app.delete("/api/favourites/{name}", status_code=204, response_class=Response, responses={422: PROBLEMS[422]})
    def remove(name: str) -> None:
        """Remove a favourite."""
        favourites.remove(name)
