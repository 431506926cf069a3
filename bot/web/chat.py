"""The chat page: questions on the left, the policy on the right, every quote shown in its place."""

import re
from collections.abc import Iterator
from html import escape, unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import gradio as gr

from bot.answer import Answer, Citation, label
from bot.chain import PolicyBot
from bot.errors import PolicybotError
from bot.policy import Policy, Span
from bot.web.policy_page import policy_html

CSS = Path(__file__).with_name("chat.css").read_text(encoding="utf-8")
THEME = gr.themes.Base(
    primary_hue="teal",
    neutral_hue="slate",
    font=["system-ui", "sans-serif"],
    font_mono=["ui-monospace", "monospace"],
)
SUGGESTIONS = (
    "What do you collect about me?",
    "Who gets to see my data?",
    "Do you sell my data?",
    "How long do you keep it?",
    "How do I delete my data?",
)
_OPEN_CITATIONS = """() => document.addEventListener("click", event => {
  const link = event.target.closest("#chat a[href^='#cite=']");
  if (!link) return;
  event.preventDefault();
  const place = document.querySelector("#place textarea, #place input");
  // The time makes it another value each time, so that a second click on a link opens it again.
  place.value = link.getAttribute("href").slice("#cite=".length) + "/" + Date.now();
  place.dispatchEvent(new Event("input", {bubbles: true}));
})"""
_SCROLL = """() => requestAnimationFrame(() => setTimeout(() => {
  const mark = document.getElementById("cited");
  if (mark) mark.scrollIntoView({block: "center"});
}, 60))"""
_CITED = re.compile(r"(?P<policy>[^/]+)/(?P<version>[^/]+)/(?P<start>\d{1,9})-(?P<end>\d{1,9})/\d+")

Message = dict[str, Any]


def chat_page(bot: PolicyBot) -> gr.Blocks:
    """The page, ready to be launched or mounted."""
    policies = {entry.id: bot.index.policy(entry) for entry in bot.index.scope(None)}
    first = next(iter(policies.values()))
    several = len(policies) > 1

    def ask(question: str, messages: list[Message], policy: str | None) -> Iterator[tuple[str, list[Message]]]:
        history = [_text(message) for message in messages if message["role"] == "user"]
        messages = [*messages, {"role": "user", "content": _literal(question)}]
        text = ""
        try:
            for piece in bot.stream(question, history, policy or None):
                if isinstance(piece, Answer):
                    yield "", [*messages, _message(piece)]
                else:
                    text += piece
                    yield "", [*messages, {"role": "assistant", "content": _literal(text)}]
        except PolicybotError as error:
            yield "", [*messages, {"role": "assistant", "content": _literal(str(error))}]

    def show(link: str) -> Any:
        match = _CITED.fullmatch(link)
        policy = _find(bot, unquote(match["policy"]), unquote(match["version"])) if match else None
        if match is None or policy is None:
            return gr.skip()
        return policy_html(policy, Span(int(match["start"]), int(match["end"])))

    def show_policy(name: str | None) -> str:
        try:
            return policy_html(bot.index.policy(bot.index.scope(name or None)[0]))
        except PolicybotError as error:
            raise gr.Error(str(error)) from error

    page: gr.Blocks
    with gr.Blocks(title=f"{first.title}: questions and answers", fill_width=True) as page:
        gr.HTML("<h1>Ask about your privacy</h1><p>Answers quote the policy, word for word.</p>", elem_id="top")
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
                )
                with gr.Row(elem_id="suggestions"):
                    buttons = [gr.Button(text, size="sm", variant="secondary") for text in SUGGESTIONS]
            with gr.Column(scale=4, min_width=300):
                panel = gr.HTML(policy_html(first), elem_id="panel")
        box.submit(ask, [box, chat, choice], [box, chat], api_name="ask")
        for button in buttons:
            button.click(ask, [button, chat, choice], [box, chat], api_visibility="private")
        place = gr.Textbox(visible="hidden", elem_id="place")  # what a citation's link says when it is clicked
        place.change(show, place, panel, api_visibility="private").then(None, js=_SCROLL)
        page.load(show_policy, choice, panel, api_visibility="private")
        page.load(None, js=_OPEN_CITATIONS)
        choice.change(show_policy, choice, panel, api_visibility="private")
    return page


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


def _find(bot: PolicyBot, policy: str, version: str) -> Policy | None:
    found = (e for e in bot.index.entries if (e.id, e.version) == (policy, version))
    return next((bot.index.policy(entry) for entry in found), None)


def _text(message: Message) -> str:
    """A message's text, which Gradio hands back as a string or as parts."""
    content = message["content"]
    if not isinstance(content, str):
        content = " ".join(part.get("text", "") for part in content if isinstance(part, dict))
    return unescape(content)


def _literal(text: str) -> str:
    """The text as it must be handed to Gradio, which inserts messages as HTML, to be seen as it is."""
    return escape(text.replace("&lt;", "<"), quote=False)
