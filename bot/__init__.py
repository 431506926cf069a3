"""Answers questions on privacy policies, with the section and the exact words."""

from bot.answer import Answer, Citation, Outcome
from bot.chain import PolicyBot
from bot.errors import PolicybotError

__all__ = ["Answer", "Citation", "Outcome", "PolicyBot", "PolicybotError"]
__version__ = "0.1.0"
