"""The chat page: questions on the left, the policy on the right, every quote shown in its place."""

import re
from collections.abc import AsyncIterator
from html import escape, unescape
from typing import Any
from urllib.parse import quote, unquote

import gradio as gr

from bot.answer import Answer, Citation, label
from bot.errors import PolicybotError
from bot.policy import Span
from bot.web.api import SUGGESTIONS
from bot.web.asking import Asked, Asking
from bot.web.gradio_page import FORESEEN, SCROLL, Page, find, sentence
from bot.web.policy_page import policy_html

_OPEN_CITATIONS = """() => document.addEventListener("click", event => {
  const link = event.target.closest("#chat a[href^='#cite=']");
  if (!link) return;
  event.preventDefault();
  const place = document.querySelector("#place textarea, #place input");
  // The time makes it another value each time, so that a second click on a link opens it again.
  place.value = link.getAttribute("href").slice("#cite=".length) + "/" + Date.now();
  place.dispatchEvent(new Event("input", {bubbles: true}));
})"""
_CITED = re.compile(r"(?P<policy>[^/]+)/(?P<version>[^/]+)/(?P<start>\d{1,9})-(?P<end>\d{1,9})/\d+")

Message = dict[str, Any]


def chat_page(asking: Asking) -> Page:
    """The page, ready to be mounted."""
    bot, settings = asking.bot, asking.settings
    policies = {entry.id: bot.index.policy(entry) for entry in bot.index.scope(None)}
    first = next(iter(policies.values()))
    several = len(policies) > 1

    async def ask(
        question: str, messages: list[Message], policy: str | None
    ) -> AsyncIterator[tuple[str, list[Message]]]:
        earlier = [_text(message) for message in messages if message["role"] == "user"]
        history = earlier[-settings.history_turns :] if settings.history_turns else []
        messages = [*messages, {"role": "user", "content": _literal(question)}]
        text = ""
        try:
            async for piece in asking.stream(question, history, policy or None):
                if isinstance(piece, Asked):
                    yield "", [*messages, _message(piece.answer)]
                else:
                    text += piece
                    yield "", [*messages, {"role": "assistant", "content": _literal(text)}]
        except FORESEEN as error:
            yield "", [*messages, {"role": "assistant", "content": _literal(sentence(error))}]

    def show(link: str) -> Any:
        match = _CITED.fullmatch(link)
        policy = find(asking, unquote(match["policy"]), unquote(match["version"])) if match else None
        if match is None or policy is None:
            return gr.skip()
        return policy_html(policy, Span(int(match["start"]), int(match["end"])))

    def show_policy(name: str | None) -> str:
        try:
            return policy_html(bot.index.policy(bot.index.scope(name or None)[0]))
        except PolicybotError as error:
            raise gr.Error(str(error)) from error

    kept = _notice(asking)
    page: gr.Blocks
    with gr.Blocks(title=f"{first.title}: questions and answers", fill_width=True) as page:
        gr.HTML(f"<h1>Ask about your privacy</h1><p>Answers quote the policy, word for word. {kept}</p>", elem_id="top")
        with gr.Row(elem_id="main"):
            with gr.Column(scale=5, min_width=300):
                choice = gr.Dropdown(
                    [("All policies", ""), *((p.title + f" ({name})", name) for name, p in policies.items())],
                    value="",
                    label="Policy",
                    visible=several,
                )
                chat = gr.Chatbot(
                    render_markdown=False,
                    show_label=False,
                    height="calc(100vh - 330px)",
                    min_height=320,
                    elem_id="chat",
                    buttons=[],
                    placeholder="Ask in your own words.",
                )
                box = gr.Textbox(
                    placeholder="Your question",
                    label="Your question",
                    show_label=False,
                    max_lines=4,
                    elem_id="question",
                    max_length=settings.question_chars,
                )
                with gr.Row(elem_id="suggestions"):
                    buttons = [gr.Button(text, size="sm", variant="secondary") for text in SUGGESTIONS]
            with gr.Column(scale=4, min_width=300):
                panel = gr.HTML(policy_html(first), elem_id="panel")
        box.submit(ask, [box, chat, choice], [box, chat], api_name="ask", concurrency_limit=None)
        for button in buttons:
            button.click(ask, [button, chat, choice], [box, chat], api_visibility="private", concurrency_limit=None)
        place = gr.Textbox(visible="hidden", elem_id="place")  # what a citation's link says when it is clicked
        place.change(show, place, panel, api_visibility="private").then(None, js=SCROLL)
        page.load(show_policy, choice, panel, api_visibility="private")
        page.load(None, js=_OPEN_CITATIONS)
        choice.change(show_policy, choice, panel, api_visibility="private")
    return Page(page)


def _message(answer: Answer) -> Message:
    text = answer.text
    if answer.fallback:
        text += f"\n\n(The chat model gave no usable answer: {answer.fallback}. These are the policy's own words.)"
    links = " ".join(map(_link, answer.citations))
    return {"role": "assistant", "content": f"{_literal(text)}<nav>{links}</nav>" if links else _literal(text)}


def _link(citation: Citation) -> str:
    """A link for each citation: under every answer, for as long as the conversation lasts."""
    policy, span = citation.policy, citation.span
    place = f"{quote(policy.id, safe='')}/{quote(policy.version, safe='')}/{span.start}-{span.end}"
    return f'<a href="#cite={place}">{escape(label(policy, citation.section))}</a>'


def _notice(asking: Asking) -> str:
    """What is kept of a question, in one line."""
    if asking.log is None:
        return "Nothing you ask is kept."
    days = asking.settings.log_days
    return f"Questions are kept for {days} days, with contact details masked and nothing about who asked."


def _text(message: Message) -> str:
    """A message's text, which Gradio hands back as a string or as parts."""
    content = message["content"]
    if not isinstance(content, str):
        content = " ".join(part.get("text", "") for part in content if isinstance(part, dict))
    return unescape(content)


def _literal(text: str) -> str:
    """The text as it must be handed to Gradio, which inserts messages as HTML, to be seen as it is."""
    return escape(text.replace("&lt;", "<"), quote=False)
