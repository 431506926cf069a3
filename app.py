"""Starts the chat: settings, bot and page, put together."""

import os
import sys

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

from bot.chain import PolicyBot
from bot.errors import PolicybotError
from bot.settings import load_settings
from bot.web.chat import CSS, THEME, chat_page


def main() -> None:
    """Bring the index up to date and serve the page until interrupted."""
    try:
        settings = load_settings()
        print("Loading the embedding model ...", flush=True)
        bot = PolicyBot(settings)
        print(f"Bringing the index up to date with {settings.corpus} ...", flush=True)
        bot.sync()
        page = chat_page(bot)
    except PolicybotError as error:
        sys.exit(f"policybot: {error}")
    try:
        page.launch(
            server_name=settings.host,
            server_port=settings.port,
            prevent_thread_lock=True,
            quiet=True,
            theme=THEME,
            css=CSS,
            footer_links=[],
            ssr_mode=False,
        )
    except OSError:
        sys.exit(f"policybot: port {settings.port} is taken. Set POLICYBOT_PORT to a free one.")
    print(f"Ready: http://{settings.host}:{settings.port}", flush=True)
    page.block_thread()


if __name__ == "__main__":
    main()
