"""The chat model, where one is configured: its reply as it arrives, or the reason why there is none."""

import logging
import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from bot.errors import SettingsError
from bot.settings import Settings

log = logging.getLogger(__name__)

_PROVIDERS = ("openai", "anthropic", "ollama")
_LONGEST_REPLY = 8_000  # characters


class ChatModelError(Exception):
    """The chat model gave no usable answer.

    `reason` is one of "timeout", "rate_limited", "unauthorized", "unreachable", "refused", "malformed",
    "unsupported" (no sentence could be verified) and "error".
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ChatModel:
    """The model that the settings name; raises SettingsError when they do not make one."""

    def __init__(self, settings: Settings) -> None:
        provider, model, base_url = _endpoint(settings)
        self.name = f"{provider}:{model}"
        self.langchain_model = _load(provider, model, base_url, settings)
        self._timeout_s = settings.llm_timeout_s

    def stream(self, messages: Sequence[BaseMessage]) -> Iterator[str]:
        """The reply's text as it arrives, within `llm_timeout_s` in all. Raises ChatModelError.

        The model is read in a thread of its own, since a server that sends a byte now and then
        never trips a client's timeout.
        """
        deadline = time.monotonic() + self._timeout_s
        inbox: queue.SimpleQueue[BaseMessage | Exception | None] = queue.SimpleQueue()
        abandoned = threading.Event()

        def read() -> None:
            try:
                for chunk in self.langchain_model.stream(list(messages)):
                    if abandoned.is_set():
                        return
                    inbox.put(chunk)
                inbox.put(None)
            except Exception as error:
                inbox.put(error)

        threading.Thread(target=read, daemon=True, name="chat-model").start()
        length = 0
        try:
            while True:
                try:
                    item = inbox.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    raise ChatModelError("timeout") from None
                if item is None:
                    break
                if isinstance(item, Exception):
                    log.warning("The chat model failed: %s", type(item).__name__)
                    raise ChatModelError(_reason(item)) from item
                if item.additional_kwargs.get("refusal") or _filtered(item):
                    raise ChatModelError("refused")
                text = str(item.text)
                length += len(text)
                if length > _LONGEST_REPLY:
                    raise ChatModelError("malformed")
                yield text
        finally:
            abandoned.set()
        if not length:
            raise ChatModelError("malformed")


def _load(provider: str, model: str, base_url: str, settings: Settings) -> BaseChatModel:
    options: dict[str, Any] = {"temperature": 0, "base_url": base_url or None}
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    if provider == "ollama":
        options |= {"num_predict": settings.llm_reply_tokens, "num_ctx": settings.llm_context_tokens}
        options["client_kwargs"] = {"timeout": settings.llm_timeout_s}
    else:
        options |= {"timeout": settings.llm_timeout_s, "max_retries": 0, "max_tokens": settings.llm_reply_tokens}
        if provider == "openai" and base_url and not os.environ.get("OPENAI_API_KEY"):
            key = key or "none"  # a server of one's own seldom wants a key, the client always does
        options |= {"api_key": key} if key else {}
    try:
        chat_model: BaseChatModel = init_chat_model(model, model_provider=provider, **options)
        return chat_model
    except ImportError as error:
        raise SettingsError(
            f"The chat model {provider}:{model} needs a package that is not installed. "
            f"Run: pip install 'policybot[{provider}]'."
        ) from error
    except Exception as error:
        raise SettingsError(
            f"The chat model {provider}:{model} cannot be set up ({type(error).__name__}). "
            "Set POLICYBOT_LLM_API_KEY to its key, and see that POLICYBOT_LLM names a model."
        ) from error


def _endpoint(settings: Settings) -> tuple[str, str, str]:
    """Provider, model and base URL. A bare URL stands for a server that holds one model."""
    if settings.llm.startswith(("http://", "https://")):
        return "openai", "default", settings.llm
    provider, _, model = settings.llm.partition(":")
    if provider not in _PROVIDERS or not model:
        raise SettingsError(
            f"POLICYBOT_LLM={settings.llm} is not usable: write openai:MODEL, anthropic:MODEL, ollama:MODEL "
            "or the base URL of an OpenAI-compatible server."
        )
    return provider, model, settings.llm_base_url


def _reason(error: Exception) -> str:
    """The reason of a client's exception, told without importing any client."""
    status = getattr(error, "status_code", None)
    kinds = " ".join(kind.__name__ for kind in type(error).__mro__)
    if status == 429 or "RateLimit" in kinds:
        return "rate_limited"
    if status in (401, 403):
        return "unauthorized"
    if "Timeout" in kinds:
        return "timeout"
    if "Connect" in kinds or "ProtocolError" in kinds or "ReadError" in kinds:
        return "unreachable"
    if status is None and isinstance(error, (ValueError, KeyError, TypeError, AttributeError, IndexError)):
        return "malformed"
    return "error"


def _filtered(message: BaseMessage) -> bool:
    return message.response_metadata.get("finish_reason") == "content_filter"
