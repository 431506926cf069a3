"""Legal's desk (/review): the queue, one item with all that bears on it, and what is decided."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import APIRouter
from starlette.responses import PlainTextResponse, Response

from bot.database import Database
from bot.errors import PolicybotError
from bot.log import Entry, Thumb
from bot.policy import Policy
from bot.web.asking import Asking
from bot.web.gradio_page import Page, find
from evals.cases import CaseError, read_cases
from evals.desk import drafts
from evals.desk.decisions import TITLES, Action, Decisions, to_csv
from evals.desk.patch import patch
from evals.desk.queue import Item, items, unsettled
from evals.desk.unanswered import group
from evals.gates import Metrics
from evals.metrics import measure
from evals.reports import html, words
from evals.run import Run, comparable, read_runs

_TREND = 20
_EVERY = "every cause"
_CSS = (
    """
.report { --ink: var(--body-text-color); --soft: #475569; --line: var(--border-color-primary);
  --paper: var(--background-fill-primary); --good: #15803d; --bad: #b91c1c; --expected: #bbf7d0; --cited: #fed7aa;
  --both: #d9f99d; --mark-ink: #1c1917; --accent: var(--primary-500); overflow-wrap: anywhere; }
.dark .report { --soft: #a9b8cc; --good: #4ade80; --bad: #fca5a5; }
#queue .wrap { flex-direction: column; gap: .4rem; } #queue label { align-items: flex-start; }
#queue label span { white-space: normal; line-height: 1.4; }
#queue .wrap { max-height: calc(100vh - 17rem); min-height: 16rem; overflow-y: auto; flex-wrap: nowrap; }
#case textarea { font-family: ui-monospace, monospace; font-size: .85rem; }
#bar { align-items: center; } #bar form { display: flex; justify-content: flex-end; }
.report {
"""
    + html.pieces_css()
    + "}"
)


@dataclass(frozen=True)
class StoredRun:
    run: Run
    metrics: Metrics


class Desk:
    """What the page shows, read anew from the runs, the question log and the decisions each time."""

    def __init__(self, asking: Asking, database: Database) -> None:
        self.asking = asking
        self.decisions = Decisions(database)

    def queue(self) -> list[Item]:
        """The items to decide on."""
        return unsettled(self._items(), self.decisions.all())

    def item(self, key: str) -> Item | None:
        """An item by its key, decided or not."""
        return next((item for item in self._items() if item.key == key), None)

    def findings(self, item: Item) -> str:
        """All that bears on an item, as HTML."""
        if item.result:
            return html.findings(item.result, self._runs()[-1].run.policies)
        assert item.entry is not None
        quote = next(iter(item.entry.citations), None)
        return html.reported(item.entry, find(self.asking, quote["policy"], quote["version"]) if quote else None)

    def draft(self, item: Item) -> str:
        return drafts.write(drafts.draft(item, self._taken()))

    def decide(self, reviewer: str, item: Item, action: Action, reason: str, edited: str) -> str:
        """Store a decision; returns what to tell the reviewer. Raises PolicybotError."""
        case = None
        if action is Action.SAVE_CASE:
            case = drafts.to_dict(drafts.read(edited, self._policies()))
        elif action is Action.ACCEPT_ANSWER:
            accepted = drafts.write(drafts.accepted(item, self._taken(), reason.strip()))
            case = drafts.to_dict(drafts.read(accepted, self._policies()))
        self.decisions.add(reviewer, item.key, action, reason, case)
        return "Decided." if case is None else f"Decided. The case {case['id']} is in the patch, under Decisions."

    def patch(self) -> str:
        return patch(self.asking.settings.cases, self.decisions.all())

    async def unanswered(self) -> str:
        log = self.asking.log
        entries = list(log.entries(outcome="not_in_policy")) if log else []
        groups = await self.asking.run(lambda: group(entries, self.asking.bot.embedding))
        return html.render("desk_unanswered.html", groups=groups, kept=log is not None)

    def runs(self) -> str:
        """The stored runs and their trend, as HTML."""
        stored = self._runs()[-_TREND:]
        trend = [s.metrics for s in stored if comparable(s.run, stored[-1].run)]
        plots = [(name, title, html.plot(trend, name)) for name, title in words.HEADLINES.items()]
        return html.render("desk_runs.html", runs=stored, headlines=plots)

    def decided(self) -> str:
        return html.render("desk_decisions.html", made=self.decisions.all())

    def _runs(self) -> tuple[StoredRun, ...]:
        folder = self.asking.settings.data / "runs"
        return _read(folder, tuple(sorted(folder.glob("*.json"))))

    def _items(self) -> list[Item]:
        runs = self._runs()
        return items(runs[-1].run if runs else None, self._complaints())

    def _complaints(self) -> list[Entry]:
        return list(self.asking.log.entries(thumbs=(Thumb.DOWN, Thumb.REPORT))) if self.asking.log else []

    def _policies(self) -> dict[str, Policy]:
        index = self.asking.bot.index
        return {entry.id: index.policy(entry) for entry in index.scope(None)}

    def _taken(self) -> set[str]:
        """The ids that are cases already."""
        decided = {decision.case["id"] for decision in self.decisions.all() if decision.case}
        try:
            return decided | {case.id for case in read_cases(self.asking.settings.cases)}
        except CaseError:
            return decided  # no folder of cases yet


@lru_cache(maxsize=1)
def _read(folder: Path, _: tuple[Path, ...]) -> tuple[StoredRun, ...]:
    """The runs of a folder, read and measured again when another file is there."""
    return tuple(StoredRun(run, measure(run)) for run in read_runs(folder))


def review_page(asking: Asking, database: Database) -> Page:
    """The page, ready to be mounted. Who sees it has signed in as legal."""
    desk = Desk(asking, database)

    def refresh(cause: str) -> tuple[Any, Any, str, str, str]:
        try:
            waiting = desk.queue()
            causes = list(dict.fromkeys(item.group for item in waiting))
            shown = [item for item in waiting if cause not in causes or item.group == cause]
            return (
                gr.update(choices=[_EVERY, *causes], value=cause if cause in causes else _EVERY),
                gr.update(choices=[(_title(item), item.key) for item in shown], value=None, label=_count(shown)),
                desk.runs(),
                desk.decided(),
                "",
            )
        except PolicybotError as error:
            return gr.skip(), gr.update(choices=[], value=None), "", "", str(error)

    def show(key: str | None) -> tuple[str, str, str]:
        try:
            item = desk.item(key) if key else None
            if item is None:
                return "<p>Choose an item.</p>", "", ""
            return desk.findings(item), desk.draft(item), ""
        except PolicybotError as error:
            return "", "", str(error)

    def decide(action: Action, key: str | None, reason: str, edited: str, request: gr.Request) -> tuple[str, str]:
        item = desk.item(key) if key else None
        if item is None:
            return reason, "Choose an item first."
        try:
            return "", desk.decide(request.username or "", item, action, reason, edited)
        except PolicybotError as error:
            return reason, str(error)

    page: gr.Blocks
    with gr.Blocks(title="Legal's desk", fill_width=True) as page:
        with gr.Row(elem_id="bar"):
            gr.HTML("<h1>Legal's desk</h1>", elem_id="top")
            gr.HTML('<form method="post" action="/logout"><button>Sign out</button></form>')
        told = gr.Markdown(elem_id="told", show_label=False)
        with gr.Tabs():
            with gr.Tab("Queue"), gr.Row():
                with gr.Column(scale=3, min_width=300):
                    cause = gr.Dropdown([_EVERY], value=_EVERY, label="Cause")
                    queue = gr.Radio([], label="Nothing waits", elem_id="queue")
                with gr.Column(scale=5, min_width=320):
                    findings = gr.HTML("<p>Choose an item.</p>", elem_classes="report", elem_id="findings")
                    edited = gr.Textbox(label="The case (YAML)", lines=8, max_lines=30, elem_id="case")
                    reason = gr.Textbox(label="Reason for your decision", lines=2, max_length=2000, elem_id="reason")
                    with gr.Row():
                        buttons = {action: gr.Button(title, size="sm") for action, title in TITLES.items()}
            with gr.Tab("Runs"):
                runs = gr.HTML(elem_classes="report", elem_id="runs")
            with gr.Tab("Unanswered") as asked:
                unanswered = gr.HTML(elem_classes="report", elem_id="unanswered")
            with gr.Tab("Decisions"):
                decided = gr.HTML(elem_classes="report", elem_id="decisions")
        private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        fresh = [cause, queue, runs, decided, told]
        page.load(refresh, cause, fresh, **private)
        cause.input(refresh, cause, fresh, **private)
        queue.change(show, queue, [findings, edited, told], **private)
        asked.select(desk.unanswered, None, unanswered, **private)
        for action, button in buttons.items():

            def handle(
                key: str | None, reason: str, edited: str, request: gr.Request, action: Action = action
            ) -> tuple[str, str]:
                return decide(action, key, reason, edited, request)

            done = button.click(handle, [queue, reason, edited], [reason, told], **private)
            done.success(desk.decided, None, decided, **private)
    return Page(page, _CSS, _downloads(desk))


def _downloads(desk: Desk) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/review/decisions.csv")
    def decisions() -> Response:
        return Response(to_csv(desk.decisions.all()), media_type="text/csv", headers=_saved_as("decisions.csv"))

    @router.get("/review/cases.patch")
    def cases() -> Response:
        return PlainTextResponse(desk.patch(), headers=_saved_as("cases.patch"))

    return router


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _title(item: Item) -> str:
    return f"{item.question[:140] or '(nothing)'} · {item.group}"


def _count(shown: list[Item]) -> str:
    return f"{len(shown)} waiting" if shown else "Nothing waits"
