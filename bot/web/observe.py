"""What operators see of the service: a line of JSON for each request, and figures. Never what was asked."""

import logging
import re
import sys
import time
import traceback
import uuid

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.problems import problem_response

REQUESTS = Counter("policybot_requests", "Requests answered.", ["method", "route", "status"])
SECONDS = Histogram("policybot_request_seconds", "From the request's head to the response's end.", ["route"])
_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS".split())
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def configure_logging() -> None:
    """One JSON object a line on standard error; access lines of the server's own are left out."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
    for name in ("uvicorn.access", "httpx", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


class Observed:
    """Gives each request an id, logs and counts it, and answers an unforeseen error with a problem.

    The log has the route's pattern and not the path, and neither query nor body: those can hold
    what a person asked.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._logger = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        started, status = time.perf_counter(), 0

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, observed_send)
            except Exception as error:
                # The error's own words are left out: they can quote the input.
                frames = [f"{f.filename}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
                self._logger.error("unforeseen error", error=type(error).__name__, stack=frames)
                if not status:
                    response = problem_response(500, f"Something failed here. It was logged as {request_id}.")
                    await response(scope, receive, observed_send)
            finally:
                seconds = time.perf_counter() - started
                method, route = scope["method"], _route(scope)
                REQUESTS.labels(method if method in _METHODS else "other", route, status).inc()
                SECONDS.labels(route).observe(seconds)
                self._logger.info("request", method=method, route=route, status=status, ms=round(seconds * 1e3, 1))


def _route(scope: Scope) -> str:
    """The pattern of the route taken; of a mounted page the page's own path."""
    mounted = scope.get("page")
    if mounted:
        return str(mounted)
    route = scope.get("route")
    return getattr(route, "path", "") or ("/" if scope.get("endpoint") else "none")
