"""The HTTP API, version 1."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from bot.answer import Outcome
from bot.errors import DatabaseError, UnknownPolicyError
from bot.index import IndexedPolicy
from bot.log import QuestionLog, Thumb
from bot.policy import Policy
from bot.web.asking import Asked, Asking
from bot.web.problems import MEDIA_TYPE, Problem, explain, problem, problem_response

SUGGESTIONS = (
    "What do you collect about me?",
    "Who gets to see my data?",
    "Do you sell my data?",
    "How long do you keep it?",
    "How do I delete my data?",
)
_STORE_S = 10.0
_PROBLEMS = {
    400: "The body is not text in UTF-8.",
    404: "There is no such policy, version or answer.",
    413: "The body is too large.",
    422: "The request is not valid.",
    429: "Too many requests; Retry-After says when to try again.",
    503: "Too busy, or the index is stale, or the database is out of reach; Retry-After says when to try again.",
    504: "The answer took too long.",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {
        status: {"description": _PROBLEMS[status], "model": Problem, "content": {MEDIA_TYPE: {}}} for status in statuses
    }


class AskRequest(BaseModel):
    """A question, and the conversation that it stands in."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(description="In plain words.", examples=["do you sell my data?"])
    history: list[str] = Field(
        [], description="The earlier questions, oldest first.", examples=[["what do you collect?"]]
    )
    policy: str | None = Field(None, description="The policy asked about; null: all.", examples=[None])


class CitationModel(BaseModel):
    """The exact words of a policy and where they stand; offsets count characters (code points)."""

    policy: str = Field(examples=["alumia-privacy-policy"])
    version: str = Field(examples=["2026-04-28"])
    source: str = Field(examples=["alumia-privacy-policy.txt"])
    section: str | None = Field(examples=["4"])
    title: str | None = Field(examples=["AI Providers and Customer Content"])
    start: int = Field(examples=[2951])
    end: int = Field(examples=[2985])
    quote: str = Field(examples=["We do not sell Customer Content."])


class JudgementModel(BaseModel):
    """Why this outcome: the probabilities that it is about privacy, that the policy answers, and that a clause does."""

    on_topic: float = Field(examples=[0.99])
    answerable: float = Field(examples=[0.91])
    score: float = Field(examples=[0.88])
    sure: bool = Field(description="Whether an offline answer is given without reserve.")
    nearest: CitationModel


class AnswerModel(BaseModel):
    """An answer. `id` names it in the question log; null where nothing is kept."""

    id: str | None = Field(examples=["0d9c6a2e-6a0e-4ac4-9d5e-4d6a8d1f2b77"])
    question: str = Field(examples=["do you sell my data?"])
    outcome: Outcome = Field(examples=["answered"])
    text: str
    citations: list[CitationModel]
    answerer: str = Field(examples=["extractive"])
    fallback: str | None = Field(
        description="Why the chat model was not used, where one is configured.", examples=[None]
    )
    judgement: JudgementModel | None = Field(description="Null where there was nothing to judge.")
    left_open: str = Field(
        description="The sentence of the text that says which part of the question the policy does not answer.",
        examples=["", "The policy does not answer the second part of your question."],
    )
    timings_ms: dict[str, float] = Field(examples=[{"retrieve": 12.1, "answer": 14.9, "total": 27.0}])


class FeedbackRequest(BaseModel):
    """What somebody thought of an answer."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=36, examples=["0d9c6a2e-6a0e-4ac4-9d5e-4d6a8d1f2b77"])
    thumb: Literal["up", "down"] = Field(examples=["down"])
    reason: str = Field("", max_length=1000, examples=["It does not say for how long."])


class SectionModel(BaseModel):
    number: str | None = Field(examples=["4"])
    title: str = Field(examples=["AI Providers and Customer Content"])
    level: int = Field(examples=[1])
    start: int
    end: int


class PolicySummary(BaseModel):
    """A policy's current version, and which versions there are, oldest first."""

    id: str = Field(examples=["alumia-privacy-policy"])
    title: str = Field(examples=["Privacy Policy"])
    version: str = Field(examples=["2026-04-28"])
    effective: str | None = Field(description="The date from which it is in force, where it says so.")
    updated: str | None = Field(description="The date of its last update, where it says so.", examples=["2026-04-28"])
    versions: list[str] = Field(examples=[["2026-04-28"]])


class PolicyModel(PolicySummary):
    """One version of a policy, whole."""

    source: str = Field(examples=["alumia-privacy-policy.txt"])
    text: str
    sections: list[SectionModel]


class PolicyList(BaseModel):
    policies: list[PolicySummary]


class LogNotice(BaseModel):
    enabled: bool
    days: int


class WidgetModel(BaseModel):
    """What the widget shows before anything is asked."""

    policy: str | None
    title: str
    version: str
    date: str | None
    suggestions: list[str]
    log: LogNotice
    person: str | None
    question_chars: int


def api(asking: Asking) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/api/v1", tags=["policybot"])
    index, settings = asking.bot.index, asking.settings

    def find(policy: str, version: str | None) -> Policy:
        return index.policy(find_version(asking, policy, version))

    def summary(policy: Policy) -> dict[str, Any]:
        return {
            "id": policy.id,
            "title": policy.title,
            "version": policy.version,
            "effective": policy.effective and policy.effective.isoformat(),
            "updated": policy.updated and policy.updated.isoformat(),
            "versions": [entry.version for entry in _versions(asking, policy.id)],
        }

    @router.post(
        "/ask",
        response_model=AnswerModel,
        responses={
            200: {
                "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _STREAM}},
                "description": "The answer; with `Accept: text/event-stream`, as the events delta, citations and done, "
                "or error.",
            },
            **_problems(400, 404, 413, 422, 429, 503, 504),
        },
    )
    async def ask(body: AskRequest, request: Request) -> Response:
        """Ask a question."""
        asking.check(body.question, body.history)
        index.scope(body.policy)
        pieces = asking.stream(body.question, body.history, body.policy)
        if "text/event-stream" in request.headers.get("accept", ""):
            first = await anext(pieces)  # so that a full queue is a status and not an event
            return StreamingResponse(
                _events(first, pieces), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"}
            )
        *_, asked = [piece async for piece in pieces]
        assert isinstance(asked, Asked)
        return JSONResponse(asked.to_dict())

    @router.post(
        "/feedback", status_code=204, response_class=Response, responses=_problems(400, 404, 413, 422, 429, 503)
    )
    async def give_feedback(body: FeedbackRequest) -> Response:
        """Say whether an answer helped. It is kept beside the question, and as long."""
        if asking.log is None:
            return problem_response(404, "Questions are not kept here, so no feedback is.")
        return await store_feedback(asking.log, body.id, Thumb(body.thumb), body.reason)

    @router.get("/policies", response_model=PolicyList)
    def list_policies() -> dict[str, Any]:
        """The policies that questions can be asked about."""
        return {"policies": [summary(index.policy(entry)) for entry in index.scope(None)]}

    @router.get("/policies/{policy}", response_model=PolicyModel, responses=_problems(404, 422))
    def show_policy(
        policy: Annotated[str, Path(examples=["alumia-privacy-policy"])],
        version: Annotated[str | None, Query(description="Unless the current one.", examples=["2026-04-28"])] = None,
    ) -> dict[str, Any]:
        """One version of a policy, with its text and sections."""
        found = find(policy, version)
        sections = [
            {
                "number": section.number,
                "title": section.title,
                "level": section.level,
                "start": section.span.start,
                "end": section.span.end,
            }
            for section in found.sections
        ]
        return {**summary(found), "source": found.source, "text": found.text, "sections": sections}

    @router.get("/widget", response_model=WidgetModel, responses=_problems(404, 422))
    def widget(policy: Annotated[str | None, Query(examples=["alumia-privacy-policy"])] = None) -> dict[str, Any]:
        """What the widget shows before anything is asked."""
        found = index.policy(index.scope(policy or None)[0])
        date = found.effective or found.updated
        return {
            "policy": policy or None,
            "title": found.title,
            "version": found.version,
            "date": date and date.isoformat(),
            "suggestions": SUGGESTIONS,
            "log": {"enabled": asking.log is not None, "days": settings.log_days},
            "person": settings.person or None,
            "question_chars": settings.question_chars,
        }

    return router


def find_version(asking: Asking, policy: str, version: str | None) -> IndexedPolicy:
    """The entry of a version, or of the current one; raises UnknownPolicyError."""
    entries = _versions(asking, policy)
    found = [entry for entry in entries if entry.version == version or (version is None and entry.current)]
    if not found:
        raise UnknownPolicyError("There is no such policy or version. GET /api/v1/policies lists them.")
    return found[0]


async def store_feedback(
    log: QuestionLog, entry: str, thumb: Thumb, reason: str, reporter: str | None = None
) -> Response:
    """Wait until feedback is stored; 204, or a problem."""
    try:
        async with asyncio.timeout(_STORE_S):
            known = await asyncio.wrap_future(log.add_feedback(entry, thumb, reason, reporter))
    except Exception as error:
        raise DatabaseError("The feedback could not be stored. Try again later.") from error
    return Response(status_code=204) if known else problem_response(404, "There is no such answer. It may be deleted.")


def _versions(asking: Asking, policy: str) -> list[IndexedPolicy]:
    return [entry for entry in asking.bot.index.entries if entry.id == policy]


async def _events(first: str | Asked, rest: AsyncIterator[str | Asked]) -> AsyncIterator[bytes]:
    try:
        yield _event(first)
        async for piece in rest:
            yield _event(piece)
    except Exception as error:
        response = explain(error)
        body = (
            bytes(response.body)
            if response
            else problem(500, "The answer broke off. Ask again.").model_dump_json().encode()
        )
        yield format_sse_event(event="error", data_str=body.decode())
        if response is None:
            raise


def _event(piece: str | Asked) -> bytes:
    if isinstance(piece, str):
        return format_sse_event(event="delta", data_str=_json({"text": piece}))
    done = piece.to_dict()
    citations = format_sse_event(event="citations", data_str=_json({"citations": done["citations"]}))
    return citations + format_sse_event(event="done", data_str=_json(done))


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


_STREAM = 'event: delta\ndata: {"text": "The policy says this in §4"}\n\nevent: citations\ndata: {"citations": []}\n\n'
