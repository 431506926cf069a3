"""Answers questions on privacy policies, with the section and the exact words."""

from typing import TYPE_CHECKING, Any

from bot.answer import Answer, Citation, Outcome
from bot.errors import PolicybotError

if TYPE_CHECKING:
    from bot.chain import PolicyBot

__all__ = ["Answer", "Citation", "Outcome", "PolicyBot", "PolicybotError"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load what brings the models along only for those who use it: that takes seconds."""
    if name == "PolicyBot":
        from bot.chain import PolicyBot

        return PolicyBot
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
