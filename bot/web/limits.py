"""How much a client may send, and how often."""

import hashlib
import secrets
import time
from collections.abc import Iterable

import limits as rates
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.problems import problem_response, too_many

_EVERYBODY = "everybody"


class RateLimiter:
    """Counts hits by key in a moving window, in memory. Keys are hashed with a secret of this process."""

    def __init__(self) -> None:
        self._window = MovingWindowRateLimiter(MemoryStorage())
        self._salt = secrets.token_bytes(16)

    async def hit(self, rate: str, *key: str) -> float:
        """Count a hit; returns 0 where the rate allows it, else the seconds to wait."""
        item = rates.parse(rate)
        hashed = hashlib.blake2b("\0".join(key).encode(), key=self._salt, digest_size=16).hexdigest()
        if await self._window.hit(item, hashed):
            return 0.0
        stats = await self._window.get_window_stats(item, hashed)
        return max(1.0, stats.reset_time - time.time())


def client(scope: Scope) -> str:
    """The client's address, as the server knows it."""
    return str((scope.get("client") or ("unknown",))[0])


class QuestionRates:
    """Answers questions that come too often, of one client or of all, with 429."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter, client_rate: str, global_rate: str) -> None:
        self._app, self._limiter = app, limiter
        self._client_rate, self._global_rate = client_rate, global_rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and _asks(scope["path"]):
            wait = await self._limiter.hit(self._client_rate, "client", client(scope))
            wait = wait or await self._limiter.hit(self._global_rate, _EVERYBODY)
            if wait:
                response = too_many("That was too many questions in a short time. Wait a little, then ask again.", wait)
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _asks(path: str) -> bool:
    """Whether a POST to the path makes work: the API, or the chat page's own endpoints."""
    return path.startswith(("/api/", "/gradio_api/"))


class BodyLimit:
    """Reads a request's body whole before anything else does, and answers a larger one than allowed with 413."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []
        size = 0
        while True:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            if size > self._most:
                response = problem_response(413, f"The request is larger than {self._most} bytes. Send less.")
                await response(scope, receive, send)
                return
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        await self._app(scope, _replayed(messages, receive), send)


def _replayed(messages: Iterable[Message], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def replay() -> Message:
        for message in waiting:
            return message
        return await receive()

    return replay
