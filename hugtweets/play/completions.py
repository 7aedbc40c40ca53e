"""The models of the accounts for any client that knows OpenAI's completions: ``/v1/models`` and ``/v1/completions``.

A post is sent when it is finished, also in a stream: until then it may turn out to be a copy of a real one, or to hold
something private, and what a client has read cannot be taken back.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing
from typing import Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from hugtweets.errors import HugtweetsError, NothingKept
from hugtweets.generation.posts import GeneratedPost, label_of
from hugtweets.models.tokens import TextTokenizer
from hugtweets.play.completion_messages import (
    Choice,
    Completion,
    CompletionRequest,
    Model,
    Models,
    Refusal,
    RefusalReason,
    Usage,
)
from hugtweets.play.messages import Event, Failed, Finished, Waiting
from hugtweets.play.registry import plan_batches, playable_accounts
from hugtweets.play.service import PlayService
from hugtweets.steps.authors import Author

# Says of every answer that its text is generated, and by what.
MARK = "x-generated"
EVENTS = "text/event-stream"
# With 0, clients ask for the likeliest token each time.
LEAST_TEMPERATURE = 1e-3
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "The request makes no sense, or asks for what is not offered."},
    401: {"model": Refusal, "description": "The token is missing or wrong."},
    404: {"model": Refusal, "description": "There is no such model."},
    503: {"model": Refusal, "description": "Too many wait for the models."},
}


def add_completions(app: FastAPI, service: PlayService) -> None:
    """Add the two endpoints, and an answer for whatever else is looked for beside them."""

    @app.get("/v1/models")
    def models() -> Models:
        """Every account, mix and blend with a current model."""
        return Models(data=list(map(Model.of, playable_accounts(service.home))))

    @app.get("/v1/models/{name}", responses={404: REFUSALS[404]})
    def model(name: str) -> Model:
        """One of them."""
        wanted = service.home.spelling(name)
        found = (account for account in playable_accounts(service.home) if account.handle == wanted)
        if account := next(found, None):
            return Model.of(account)
        raise NothingKept(f"there is no model of {wanted}: /v1/models lists all")

    @app.post("/v1/completions", response_model=Completion, responses=REFUSALS)
    async def completions(request: CompletionRequest) -> Response:
        """Write posts. With `stream` each is an event as soon as it is finished; the last event is `[DONE]`."""
        author = await run_in_threadpool(Author.find, service.home, request.model)
        answer = Answer(author, request)
        config = service.options(
            request.prompts,
            request.number,
            1.0 if request.temperature is None else max(request.temperature, LEAST_TEMPERATURE),
            request.top_p,
            request.seed,
        )
        batches = await run_in_threadpool(
            plan_batches, service.home, (author.handle,), with_base_model=False, kind=request.kind
        )
        events = service.events(batches, config)
        # What makes no sense is said with the status code, before anything is streamed.
        await anext(events)
        headers = {MARK: label_of(author.handle).encode("ascii", "backslashreplace").decode()}
        if request.stream:
            return StreamingResponse(answer.stream(events), media_type=EVENTS, headers=headers)
        return JSONResponse((await answer.whole(events)).model_dump(), headers=headers)

    @app.api_route("/v1/{path:path}", methods=["GET", "POST"], include_in_schema=False)
    def others(path: str) -> Response:
        message = "only /v1/models and /v1/completions are here: these models end texts, and do not chat"
        refusal = Refusal(error=RefusalReason(message=message, type="invalid_request_error"))
        return JSONResponse(refusal.model_dump(), 404)


class Answer:
    """What one request is answered, from the events of the service."""

    def __init__(self, author: Author, request: CompletionRequest) -> None:
        self._request = request
        self._tokenizer = TextTokenizer.of(author.base_model)
        self._handle = author.handle
        self._completion_tokens = 0

    async def whole(self, events: AsyncGenerator[Event]) -> Completion:
        """All posts at once.

        Raises:
            HugtweetsError: they could not be written.
        """
        choices = []
        async for event in events:
            if isinstance(event, Failed):
                raise HugtweetsError(event.reason)
            if isinstance(event, Finished):
                choices.append(self._choice(event))
        choices += self._left_out({choice.index for choice in choices})
        choices.sort(key=lambda choice: choice.index)
        return Completion(model=self._handle, choices=choices, usage=self._usage())

    async def stream(self, events: AsyncGenerator[Event]) -> AsyncIterator[str]:
        """Server-sent events; comments keep the connection open while others are served."""
        empty, written = Completion(model=self._handle), set[int]()
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Waiting):
                    yield f": {event.place} before you\n\n"
                elif isinstance(event, Finished):
                    written.add(event.index)
                    yield _sent(empty.model_copy(update={"choices": [self._choice(event)]}))
                elif isinstance(event, Failed):
                    yield _sent(Refusal(error=RefusalReason(message=event.reason, type="server_error")))
                    return
        if left_out := self._left_out(written):
            yield _sent(empty.model_copy(update={"choices": left_out}))
        options = self._request.stream_options
        if options and options.include_usage:
            yield _sent(empty.model_copy(update={"usage": self._usage()}))
        yield "data: [DONE]\n\n"

    def _choice(self, event: Finished) -> Choice:
        """The post without its prompt, cut where the request says so."""
        asked = self._request.prompts[event.index // self._request.number]
        text = _continuation(event.post, asked)
        cut = min((place for stop in self._request.stops if (place := text.find(stop)) >= 0), default=len(text))
        text = text[:cut]
        short = self._tokenizer.shorten(text, self._request.max_tokens) if self._request.max_tokens else text
        self._completion_tokens += len(self._tokenizer.encode(short))
        reason = "stop" if short == text else "length"
        return Choice(text=short, index=event.index, finish_reason=reason, label=event.post.label)

    def _left_out(self, written: Collection[int]) -> list[Choice]:
        """What stands for the posts that came out as copies of real ones to the end."""
        places = range(len(self._request.prompts) * self._request.number)
        label = label_of(self._handle)
        return [
            Choice(text="", index=place, finish_reason="content_filter", label=label)
            for place in places
            if place not in written
        ]

    def _usage(self) -> Usage:
        prompts = sum(len(self._tokenizer.encode(prompt)) for prompt in self._request.prompts)
        return Usage.of(prompts, self._completion_tokens)


def _continuation(post: GeneratedPost, asked: str) -> str:
    """What goes on after the prompt as it was asked, which the post has as one line."""
    rest = post.text.removeprefix(post.prompt)
    return rest.lstrip() if asked[-1:].isspace() or not asked else rest


def _sent(document: Completion | Refusal) -> str:
    return f"data: {document.model_dump_json()}\n\n"
