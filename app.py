"""The service: settings, bot, database and pages, put together. Run as `python app.py` or `policybot serve`."""

import gc
import os
import sys
from socket import socket

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import uvicorn
from fastapi import FastAPI

from bot.accounts import Accounts
from bot.chain import PolicyBot
from bot.database import Database
from bot.errors import PolicybotError
from bot.log import QuestionLog
from bot.settings import Settings, load_settings
from bot.web.agent import agent_page
from bot.web.asking import Asking
from bot.web.chat import chat_page
from bot.web.observe import configure_logging
from bot.web.service import service
from evals.desk.page import review_page


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI app, its index up to date with the corpus. Raises PolicybotError."""
    settings = settings or load_settings()
    configure_logging()
    print("Loading the embedding model ...", flush=True)
    bot = PolicyBot(settings)
    print(f"Bringing the index up to date with {settings.corpus} ...", flush=True)
    bot.sync()
    database = Database(settings.database_url.get_secret_value(), settings.data)
    log = QuestionLog(database, settings.log_days) if settings.log else None
    asking = Asking(bot, log, settings)
    pages = {"/agent": agent_page(asking), "/review": review_page(asking, database), "/": chat_page(asking)}
    return service(asking, Accounts(database), pages)


def main() -> None:
    """Serve until interrupted."""
    try:
        settings = load_settings()
        app = create_app(settings)
        gc.freeze()  # or each full collection walks all that was loaded, and holds up every request for 0.3 s
        server = Server(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                forwarded_allow_ips=settings.trusted_proxies,
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        )
    except PolicybotError as error:
        sys.exit(f"policybot: {error}")
    try:
        server.run()
    except KeyboardInterrupt:
        return
    except SystemExit:
        sys.exit(f"policybot: port {settings.port} is taken. Set POLICYBOT_PORT to a free one.")


class Server(uvicorn.Server):
    """Says where it is, once it answers."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"Ready: http://{self.config.host}:{self.config.port}", flush=True)


if __name__ == "__main__":
    main()
