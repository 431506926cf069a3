"""Errors as problem details (RFC 9457)."""

import math
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from bot.errors import DatabaseError, InputError, PolicybotError, StaleIndexError, UnknownPolicyError
from bot.web.model_queue import QueueFullError

MEDIA_TYPE = "application/problem+json"
_BUSY_S = 2


class Problem(BaseModel):
    """What went wrong, as RFC 9457 has it; `type` is always about:blank, so `title` is the status's name."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["question: the field is required."])


def problem(status: int, detail: str) -> Problem:
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)


def problem_response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(problem(status, detail).model_dump(), status, dict(headers or {}), MEDIA_TYPE)


def too_many(detail: str, retry_after_s: float, status: int = 429) -> Response:
    return problem_response(status, detail, {"Retry-After": str(max(1, math.ceil(retry_after_s)))})


def explain(error: Exception) -> Response | None:
    """The response to an error that was foreseen; None for any other."""
    match error:
        case RequestValidationError():
            return problem_response(422, _first(error))
        case HTTPException():
            return problem_response(error.status_code, str(error.detail), error.headers)
        case QueueFullError():
            return too_many("Too many questions are waiting. Ask again in a moment.", _BUSY_S, 503)
        case TimeoutError():
            return problem_response(504, "The answer took too long. Ask again.")
        case UnknownPolicyError():
            return problem_response(404, str(error))
        case InputError():
            return problem_response(422, str(error))
        case StaleIndexError() | DatabaseError():
            return too_many(str(error), _BUSY_S, 503)
        case PolicybotError():
            return problem_response(500, str(error))
    return None


def handle_problems(app: FastAPI) -> None:
    """Have every foreseen error answered with its problem."""

    async def handle(_: Request, error: Exception) -> Response:
        response = explain(error)
        assert response is not None
        return response

    for kind in (RequestValidationError, HTTPException, QueueFullError, TimeoutError, PolicybotError):
        app.add_exception_handler(kind, handle)


def _first(error: RequestValidationError) -> str:
    """The first thing that is wrong. It never repeats the input."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {message}." if place else f"{message}."
