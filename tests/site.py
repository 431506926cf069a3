"""A real service on a port of its own, in a thread, so that it shares the loaded model."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from app import Server, create_app
from bot.accounts import Accounts, Role
from bot.database import Database
from bot.settings import Settings

ROOT = Path(__file__).parent.parent
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Site:
    """Where a service is, and what it was started with."""

    url: str
    settings: Settings

    def client(self, **options: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, **options)

    @contextmanager
    def signed_in(self, name: str) -> Iterator[httpx.Client]:
        """A client with the session of a user."""
        with self.client() as client:
            response = client.post("/login", data={"name": name, "password": PASSWORD})
            assert response.status_code == 303, response.text
            yield client

    @property
    def database(self) -> Database:
        return Database(self.settings.database_url.get_secret_value(), self.settings.data)


@contextmanager
def serve(data: Path, **settings: Any) -> Iterator[Site]:
    """A service with its data in a folder and two users, "agent" and "legal"."""
    import uvicorn

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {"corpus": ROOT / "corpus", "client_rate": "100000/minute", "global_rate": "100000/minute", **settings}
    site = Site(f"http://127.0.0.1:{port}", Settings(data=data, port=port, **({"login_rate": "1000/minute"} | given)))
    accounts = Accounts(site.database)
    for role in Role:
        accounts.add(role.value, role, PASSWORD)
    server = Server(uvicorn.Config(create_app(site.settings), port=port, access_log=False, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with site.client() as client:
            for _ in range(600):
                try:
                    client.get("/healthz").raise_for_status()
                    break
                except httpx.TransportError:
                    threading.Event().wait(0.05)
        yield site
    finally:
        server.should_exit = True
        thread.join(timeout=20)
