"""How a request is turned away: in one sentence, in the form that its client reads."""

from __future__ import annotations

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from hugtweets.errors import Busy, HugtweetsError, InvalidHandle, NothingKept, RequestError
from hugtweets.play.completion_messages import Refusal, RefusalReason

# Below it, answers have the form of OpenAI's.
COMPLETIONS = "/v1/"
CODES = {401: "invalid_api_key", 404: "model_not_found"}


def problem(request: Request, status: int, detail: str, param: str | None = None) -> JSONResponse:
    """The answer to a request that is turned away."""
    if not request.url.path.startswith(COMPLETIONS):
        return JSONResponse({"detail": detail}, status)
    kind = "server_error" if status >= 500 else "invalid_request_error"
    reason = RefusalReason(message=detail, type=kind, param=param, code=CODES.get(status))
    return JSONResponse(Refusal(error=reason).model_dump(), status)


def refused(request: Request, error: Exception) -> JSONResponse:
    """The answer to what hugtweets refuses."""
    statuses: tuple[tuple[type[HugtweetsError], int], ...] = ((NothingKept, 404), (RequestError, 400), (Busy, 503))
    if request.url.path.startswith(COMPLETIONS):
        # A model is named there, which may be no handle at all.
        statuses = ((InvalidHandle, 404), *statuses)
    status = next((status for kind, status in statuses if isinstance(error, kind)), 500)
    return problem(request, status, str(error), "model" if status == 404 else None)


def malformed(request: Request, error: Exception) -> JSONResponse:
    """One sentence, without what was sent: that may be anything."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - Starlette's signature is wider than what it calls
    complaint = error.errors()[0]
    field = next((str(part) for part in complaint["loc"][1:]), None)
    where = ".".join(map(str, complaint["loc"][1:]))
    said = str(complaint["msg"]).removeprefix("Value error, ")
    sentence = (f"{where}: {said}" if where else said).encode("ascii", "backslashreplace").decode()
    status = 400 if request.url.path.startswith(COMPLETIONS) else 422
    return problem(request, status, sentence, field.encode("ascii", "backslashreplace").decode() if field else None)
