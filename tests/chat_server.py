"""A real HTTP server that speaks the OpenAI chat protocol and says what a test tells it to."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class ChatServer:
    """Serves on a free port until closed. `script` writes the response; `requests` are those received."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.closed = threading.Event()
        self.script: Callable[[Exchange], None] = says("")
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                owner.requests.append(json.loads(body))
                owner.keys.append(self.headers.get("Authorization", ""))
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    owner.script(Exchange(self, owner.closed))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.closed.set()
        self._http.shutdown()
        self._http.server_close()

    def prompt(self) -> str:
        """All that the last request told the model."""
        return "\n".join(message["content"] for message in self.requests[-1]["messages"])


class Exchange:
    """One response being written."""

    def __init__(self, handler: BaseHTTPRequestHandler, closed: threading.Event) -> None:
        self.handler = handler
        self.closed = closed

    def send(self, status: int, content_type: str, body: bytes) -> None:
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", content_type)
        self.handler.send_header("Content-Length", str(len(body)))
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def begin(self) -> None:
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream")
        self.handler.end_headers()

    def event(self, delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        self.raw(f"data: {json.dumps(chunk)}\n\n".encode())

    def raw(self, data: bytes) -> None:
        self.handler.wfile.write(data)
        self.handler.wfile.flush()

    def done(self) -> None:
        self.raw(b"data: [DONE]\n\n")

    def hang(self) -> None:
        """Say nothing more, until the test is over."""
        self.closed.wait(60)


def tokens(text: str) -> Iterator[str]:
    """The text in pieces that a model might send, cutting through words, quotes and brackets."""
    at = 0
    for size in [3, 1, 5, 2, 7] * (len(text) // 9 + 1):
        if at < len(text):
            yield text[at : at + size]
        at += size


def says(text: str, finish: str = "stop") -> Callable[[Exchange], None]:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        exchange.event({"role": "assistant", "content": ""})
        for token in tokens(text):
            exchange.event({"content": token})
        exchange.event({}, finish)
        exchange.done()

    return script


def fails(status: int) -> Callable[[Exchange], None]:
    body = json.dumps({"error": {"message": "scripted", "type": "error", "code": None}}).encode()
    return lambda exchange: exchange.send(status, "application/json", body)


def answers_with(body: bytes, content_type: str) -> Callable[[Exchange], None]:
    return lambda exchange: exchange.send(200, content_type, body)


def hangs_after(text: str) -> Callable[[Exchange], None]:
    def script(exchange: Exchange) -> None:
        exchange.begin()
        for token in tokens(text):
            exchange.event({"content": token})
        exchange.hang()

    return script


def drips(interval_s: float) -> Callable[[Exchange], None]:
    """Sends a little now and then, for ever: no read on the socket ever times out."""

    def script(exchange: Exchange) -> None:
        exchange.begin()
        while not exchange.closed.is_set():
            exchange.event({"content": "a "})
            time.sleep(interval_s)

    return script


def breaks_off(text: str) -> Callable[[Exchange], None]:
    """Promises more than it sends, and closes the connection."""

    def script(exchange: Exchange) -> None:
        exchange.handler.send_response(200)
        exchange.handler.send_header("Content-Type", "text/event-stream")
        exchange.handler.send_header("Content-Length", "100000")
        exchange.handler.end_headers()
        for token in tokens(text):
            exchange.event({"content": token})

    return script
