"""The agents' console: passages as one types, the policy beside them, and an answer ready to copy."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from bot.answer import Answer, label
from bot.errors import DatabaseError
from bot.index import IndexedPolicy
from bot.log import Thumb
from bot.policy import Policy, Span
from bot.retrieval import Passage
from bot.web.api import store_feedback
from bot.web.asking import Asked, Asking
from bot.web.copying import email, markdown, plain
from bot.web.gradio_page import FORESEEN, SCROLL, SCROLL_INSIDE, Page, find, sentence
from bot.web.policy_page import policy_html

_PASSAGES = 10
_RECENT = 12
_ALL = ""
_CURRENT, _EVERY = "", "*"
_KEYS = """() => document.addEventListener("keydown", event => {
  const typing = event.target.closest("input:not([type=radio]), textarea, [contenteditable]");
  if (event.key === "/" && !typing) {
    event.preventDefault();
    document.querySelector("#search textarea, #search input").focus();
  }
})"""
CSS = """
#bar { align-items: center; } #bar form { display: flex; gap: .7rem; justify-content: flex-end; align-items: center; }
#passages label { align-items: flex-start; white-space: normal; }
#passages .wrap { flex-direction: column; gap: .4rem; }
#passages label span { line-height: 1.45; }
#told { min-height: 1.6rem; }
"""

Place = tuple[str, str, int, int]
"""A span in a version of a policy: policy, version, start, end. It is a radio button's value, as text."""


def agent_page(asking: Asking) -> Page:
    """The page, ready to be mounted. Who sees it has signed in."""
    bot, settings = asking.bot, asking.settings

    async def search(question: str, policy: str, version: str, section: str) -> tuple[Any, Any]:
        if not question.strip():
            return gr.update(choices=[], value=None, label="Passages"), gr.skip()
        try:
            asking.check(question, ())
            found = await asking.run(lambda: _search(asking, question, policy, version, section))
        except FORESEEN as error:
            return gr.update(choices=[], value=None, label=sentence(error)), gr.skip()
        choices = [(_describe(passage), _place(passage.policy, _best(passage))) for passage in found]
        if not choices:
            return gr.update(choices=[], value=None, label="No passage is found there"), gr.skip()
        first = found[0]
        return (
            gr.update(choices=choices, value=choices[0][1], label="Passages, best first"),
            policy_html(first.policy, _best(first)),
        )

    def show(place: str | None) -> Any:
        if not place:
            return gr.skip()
        policy, version, start, end = place.rsplit("\t", 3)
        found = find(asking, policy, version)
        return policy_html(found, Span(int(start), int(end))) if found else gr.skip()

    async def answer(
        question: str, policy: str, version: str, recent: list[str]
    ) -> tuple[str, str, str, str | None, list[str], Any, str]:
        if not question.strip():
            return "", "", "", None, recent, gr.skip(), "Type a question first."
        try:
            chosen = version if version not in (_CURRENT, _EVERY) else None
            *_, asked = [piece async for piece in asking.stream(question, (), policy or None, chosen)]
        except FORESEEN as error:
            return "", "", "", None, recent, gr.skip(), sentence(error)
        assert isinstance(asked, Asked)
        recent = [question, *(q for q in recent if q != question)][:_RECENT]
        said = asked.answer
        texts = plain(said), markdown(said, settings.public_url), email(said)
        return (*texts, asked.id, recent, gr.update(choices=recent, value=None, visible=True), _outcome(said))

    async def report(entry: str | None, reason: str, request: gr.Request) -> tuple[str, str]:
        if asking.log is None:
            return reason, "Questions are not kept here, so nothing can be reported."
        if entry is None:
            return reason, "Press Enter in the search box first: a report is about an answer."
        if not reason.strip():
            return reason, "Say in a few words what is wrong."
        try:
            response = await store_feedback(asking.log, entry, Thumb.REPORT, reason, request.username)
        except DatabaseError as error:
            return reason, str(error)
        if response.status_code != 204:
            return reason, "This answer is no longer kept. Ask again, then report it."
        return "", "Reported. It is on legal's desk now."

    def choose_policy(policy: str) -> tuple[Any, Any]:
        versions = [e.version for e in bot.index.entries if e.id == policy]
        choices = [("Current", _CURRENT), *((v, v) for v in reversed(versions)), ("Every version", _EVERY)]
        return gr.update(choices=choices, value=_CURRENT), gr.update(choices=_sections(asking, policy), value=_ALL)

    entries = bot.index.scope(None)
    page: gr.Blocks
    with gr.Blocks(title="Agents' console", fill_width=True) as page:
        entry, recent = gr.State(None), gr.State([])
        with gr.Row(elem_id="bar"):
            gr.HTML("<h1>Agents' console</h1>", elem_id="top")
            gr.HTML('<form method="post" action="/logout"><button>Sign out</button></form>')
        with gr.Row(elem_id="main"):
            with gr.Column(scale=5, min_width=320):
                box = gr.Textbox(
                    label="Question (press / to come here, Enter for the answer)",
                    placeholder="What the customer asks",
                    autofocus=True,
                    max_length=settings.question_chars,
                    elem_id="search",
                )
                with gr.Row():
                    policy = gr.Dropdown(_policy_choices(entries), value=_ALL, label="Policy", min_width=120)
                    version = gr.Dropdown(
                        [("Current", _CURRENT), ("Every version", _EVERY)],
                        value=_CURRENT,
                        label="Version",
                        min_width=120,
                    )
                    section = gr.Dropdown(_sections(asking, _ALL), value=_ALL, label="Section", min_width=120)
                told = gr.Markdown(elem_id="told", show_label=False)
                with gr.Tabs():
                    texts = []
                    for name in ("Plain text", "Markdown", "E-mail"):
                        with gr.Tab(name):
                            texts.append(
                                gr.Textbox(
                                    label=f"Answer as {name.lower()}",
                                    placeholder=f"The answer as {name.lower()}",  # its only name beside a button
                                    lines=5,
                                    max_lines=14,
                                    interactive=True,
                                    buttons=["copy"],
                                )
                            )
                passages = gr.Radio([], label="Passages", elem_id="passages")
                with gr.Accordion("Report a problem with this answer", open=False):
                    reason = gr.Textbox(label="What is wrong", lines=2, max_length=1000)
                    send = gr.Button("Report to legal", size="sm")
                again = gr.Radio([], label="Recent questions of this session", visible=False)
            with gr.Column(scale=4, min_width=320):
                panel = gr.HTML(policy_html(bot.index.policy(entries[0])), elem_id="panel")
        asked: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
        searched = [box, policy, version, section]
        box.input(search, searched, [passages, panel], trigger_mode="always_last", **asked).then(None, js=SCROLL_INSIDE)
        policy.change(choose_policy, policy, [version, section], **asked)
        for choice in (version, section):
            choice.change(search, searched, [passages, panel], **asked).then(None, js=SCROLL_INSIDE)
        passages.input(show, passages, panel, **asked).then(None, js=SCROLL)
        answered = [*texts, entry, recent, again, told]
        box.submit(answer, [box, policy, version, recent], answered, **asked)
        again.input(lambda question: question, again, box, **asked).then(
            search, searched, [passages, panel], **asked
        ).then(answer, [box, policy, version, recent], answered, **asked)
        send.click(report, [entry, reason], [reason, told], **asked)
        page.load(None, js=_KEYS)
    return Page(page, CSS)


def _search(asking: Asking, question: str, policy: str, version: str, section: str) -> Sequence[Passage]:
    """The best passages within the filters."""
    entries = [e for e in asking.bot.index.entries if e.id == policy or policy == _ALL]
    if version == _CURRENT:
        entries = [e for e in entries if e.current]
    elif version != _EVERY:
        entries = [e for e in entries if e.version == version]
    k = 1000 if section else _PASSAGES
    found = [p for e in entries for p in asking.bot.search(question, k, e.id, version=e.version)]
    if section:
        found = [passage for passage in found if label(passage.policy, passage.section) == section]
    return sorted(found, key=lambda passage: -passage.score)[:_PASSAGES]


def _sections(asking: Asking, policy: str) -> list[tuple[str, str]]:
    """The sections of one policy, every version's; of all policies none is offered."""
    entries = [e for e in asking.bot.index.entries if e.id == policy or len(asking.bot.index.entries) == 1]
    names = [label(found, section) for found in map(asking.bot.index.policy, entries) for section in found.sections]
    return [("All", _ALL), *((name, name) for name in dict.fromkeys(names))]


def _policy_choices(entries: Sequence[IndexedPolicy]) -> list[tuple[str, str]]:
    return [("All", _ALL), *((entry.id, entry.id) for entry in entries)]


def _best(passage: Passage) -> Span:
    return passage.clauses[0].clause.span


def _describe(passage: Passage) -> str:
    words = " ".join(_best(passage).of(passage.policy.text).split())
    where = f"{label(passage.policy, passage.section)} · {passage.policy.id} {passage.policy.version}"
    return f"{passage.score:.2f} · {where}: {words[:160]}{'…' if len(words) > 160 else ''}"


def _place(policy: Policy, span: Span) -> str:
    return f"{policy.id}\t{policy.version}\t{span.start}\t{span.end}"


def _outcome(answer: Answer) -> str:
    cited = ", ".join(label(c.policy, c.section) for c in answer.citations)
    return escape(f"{answer.outcome.replace('_', ' ').capitalize()}" + (f": {cited}" if cited else ""))
