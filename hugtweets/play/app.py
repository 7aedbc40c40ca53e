"""The page and its API."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from hugtweets import __version__
from hugtweets.errors import Busy, HugtweetsError, NothingKept, RequestError
from hugtweets.generation.favourites import Favourite, Favourites
from hugtweets.play.api_page import api_page
from hugtweets.play.cast import players
from hugtweets.play.guard import Guard
from hugtweets.play.messages import (
    Accounts,
    Event,
    Failed,
    FavouriteRequest,
    Guess,
    PostsRequest,
    Problem,
    Quiz,
    QuizRequest,
    Verdict,
    Written,
)
from hugtweets.play.quiz import GENERATED, Quizzes, real_post
from hugtweets.play.stage import Stage

PAGES = Path(__file__).parent / "pages"
DESCRIPTION = (
    "Posts by the models of this machine. Every one is made up by a model and was written by nobody. "
    "If `hugtweets play` printed a token, send it as `Authorization: Bearer TOKEN`."
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


class JsonLines(JSONResponse):
    """What the OpenAPI document says of the stream: one JSON document a line."""

    media_type = "application/x-ndjson"


def create_app(stage: Stage, names: frozenset[str], token: str | None) -> FastAPI:
    """The application; ``names`` and ``token`` as :class:`hugtweets.play.guard.Guard` takes them."""
    # FastAPI's own page of the API loads scripts from elsewhere.
    app = FastAPI(title="hugtweets play", version=__version__, description=DESCRIPTION, docs_url=None, redoc_url=None)
    app.add_middleware(Guard, names=names, token=token)
    app.add_exception_handler(HugtweetsError, _problem)
    app.add_exception_handler(RequestValidationError, _malformed)
    _add_pages(app)
    _add_posts(app, stage)
    _add_quiz(app, stage)
    _add_favourites(app, stage)
    return app


def _add_pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGES / "play.html")

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(api_page(app.openapi()))

    app.mount("/static", StaticFiles(directory=PAGES / "static"))


def _add_posts(app: FastAPI, stage: Stage) -> None:
    @app.get("/api/accounts")
    def accounts() -> Accounts:
        """Every account that has a current model."""
        return Accounts(accounts=players(stage.home))

    @app.post("/api/posts", response_class=JsonLines, responses={200: {"model": Event}, **STREAM_PROBLEMS})
    async def posts(request: PostsRequest) -> StreamingResponse:
        """Write posts. The answer is a stream of events, one JSON document a line, in the order in which they happen.

        `waiting` says how many requests come first; `writing` shows a post as far as it got; `post` is a finished one;
        the last is `done`, or `failed` with a reason. To close the connection stops the writing.
        """
        events = stage.perform(request)
        # What makes no sense is said with the status code, before anything is streamed.
        first = await anext(events)
        return StreamingResponse(_lines(first, events), media_type=JsonLines.media_type)


async def _lines(first: Event, events: AsyncGenerator[Event]) -> AsyncIterator[str]:
    async with aclosing(events):
        yield f"{first.model_dump_json()}\n"
        async for event in events:
            yield f"{event.model_dump_json()}\n"


def _add_quiz(app: FastAPI, stage: Stage) -> None:
    quizzes = Quizzes()

    @app.post("/api/quiz", responses=PROBLEMS)
    async def quiz(request: QuizRequest) -> Quiz:
        """Ask which of a few posts is real, of one of these accounts. This takes as long as it takes to write them."""
        handle = stage.home.spelling(random.choice(request.accounts))
        real = await run_in_threadpool(real_post, stage.home, handle)
        generated: list[str] = []
        async for event in stage.perform(PostsRequest(accounts=(handle,), number=GENERATED)):
            if isinstance(event, Failed):
                raise HugtweetsError(event.reason)
            if isinstance(event, Written):
                generated.append(event.post.text)
        return quizzes.ask(handle, real, generated)

    @app.post("/api/quiz/{name}", responses=PROBLEMS)
    async def answer(name: str, guess: Guess) -> Verdict:
        """Guess, once."""
        return quizzes.answer(name, guess.choice)


def _add_favourites(app: FastAPI, stage: Stage) -> None:
    favourites = Favourites(stage.home)

    @app.get("/api/favourites")
    def kept() -> list[Favourite]:
        """Every post that was kept, oldest first."""
        return favourites.all()

    @app.post("/api/favourites", responses=PROBLEMS)
    def keep(request: FavouriteRequest) -> Favourite:
        """Keep a post that was written since this program was started."""
        return favourites.add(stage.posts.get(request.post))

    @app.delete("/api/favourites/{name}", status_code=204, response_class=Response, responses={422: PROBLEMS[422]})
    def let_go(name: str) -> None:
        """Let a favourite go."""
        favourites.remove(name)


def _problem(request: Request, error: Exception) -> JSONResponse:
    statuses = ((NothingKept, 404), (RequestError, 400), (Busy, 503))
    status = next((status for kind, status in statuses if isinstance(error, kind)), 500)
    return JSONResponse({"detail": str(error)}, status)


def _malformed(request: Request, error: Exception) -> JSONResponse:
    """One sentence, without what was sent: that may be anything."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - Starlette's signature is wider than what it calls
    complaint = error.errors()[0]
    where = ".".join(map(str, complaint["loc"][1:]))
    sentence = f"{where}: {complaint['msg']}" if where else str(complaint["msg"])
    return JSONResponse({"detail": sentence.encode("ascii", "backslashreplace").decode()}, 422)
