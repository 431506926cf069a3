"""What the Gradio pages share: their look, and how a quote is shown in its place."""

from dataclasses import dataclass, field
from pathlib import Path

import gradio as gr
from fastapi import APIRouter

from bot.errors import PolicybotError, UnknownPolicyError
from bot.policy import Policy
from bot.web.api import find_version
from bot.web.asking import Asking
from bot.web.model_queue import QueueFullError

THEME = gr.themes.Base(
    primary_hue="teal",
    neutral_hue="slate",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
)
CSS = Path(__file__).with_name("gradio.css").read_text(encoding="utf-8")
SCROLL = """() => requestAnimationFrame(() => setTimeout(() => {
  const mark = document.getElementById("cited");
  if (mark) mark.scrollIntoView({block: "center"});
}, 60))"""
SCROLL_INSIDE = """() => requestAnimationFrame(() => setTimeout(() => {
  const mark = document.getElementById("cited");
  const text = mark?.closest(".policy-text");
  const top = element => element.getBoundingClientRect().top;
  if (text) text.scrollTop += top(mark) - top(text) - text.clientHeight / 3;
}, 60))"""
"""The same without moving the page itself: for who is still typing."""
FORESEEN = (PolicybotError, QueueFullError, TimeoutError)


@dataclass(frozen=True)
class Page:
    """A page to be mounted, with the styles and the plain routes of its own."""

    blocks: gr.Blocks
    css: str = ""
    routes: APIRouter = field(default_factory=APIRouter)


def sentence(error: Exception) -> str:
    """What to tell a person of an error that was foreseen."""
    if isinstance(error, QueueFullError):
        return "Too many questions are waiting. Ask again in a moment."
    return "The answer took too long. Ask again." if isinstance(error, TimeoutError) else str(error)


def find(asking: Asking, policy: str, version: str) -> Policy | None:
    """A version of a policy, or None where there is none any more."""
    try:
        return asking.bot.index.policy(find_version(asking, policy, version))
    except UnknownPolicyError:
        return None
