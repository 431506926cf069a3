"""Security headers on every response; which sites may frame a page follows the allowed origins."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PLAIN = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'self'"
)
_GRADIO = (
    # Gradio's pages have scripts and styles in them, and compile the functions of their event listeners.
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'"
)


class SecurityHeaders:
    """Adds the headers. `gradio` says which paths are pages of Gradio's, `private` which nobody may frame."""

    def __init__(
        self, app: ASGIApp, origins: tuple[str, ...], plain: tuple[str, ...], private: tuple[str, ...]
    ) -> None:
        self._app, self._plain, self._private = app, plain, private
        self._ancestors = " ".join(("'self'", *origins))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                private = path.startswith(self._private)
                ancestors = "'none'" if private else self._ancestors
                policy = _PLAIN if path.startswith(self._plain) else _GRADIO
                headers["Content-Security-Policy"] = f"{policy}; frame-ancestors {ancestors}"
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                embedded = path == "/widget.js" or path.startswith("/api/")
                headers["Cross-Origin-Resource-Policy"] = "cross-origin" if embedded else "same-origin"
                if scope.get("scheme") == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if private or path.startswith("/api/v1/ask"):
                    headers["Cache-Control"] = "no-store"
            await send(message)

        await self._app(scope, receive, send_with_headers)
