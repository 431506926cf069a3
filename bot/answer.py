"""What a caller gets: an answer with its outcome and its citations."""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from bot.policy import Policy, Section, Span


class Outcome(StrEnum):
    ANSWERED = "answered"
    NOT_IN_POLICY = "not_in_policy"
    OFF_TOPIC = "off_topic"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class Citation:
    """A span of a policy. Its words come from the policy, so they cannot be wrong."""

    policy: Policy
    span: Span

    def __post_init__(self) -> None:
        if not 0 <= self.span.start < self.span.end <= len(self.policy.text):
            raise ValueError(f"{self.span} is not a span of {self.policy.source}")
        self.policy.section_at(self.span)

    @property
    def quote(self) -> str:
        return self.span.of(self.policy.text)

    @property
    def section(self) -> Section:
        return self.policy.section_at(self.span)

    @property
    def lead_in(self) -> str:
        """What introduces the quote where it is an item of a list, else ""."""
        leads = (c.lead_in for c in self.section.clauses if c.span == self.span and c.lead_in)
        return next((lead.of(self.policy.text) for lead in leads), "")

    def to_dict(self) -> dict[str, Any]:
        return {**locate(self.policy, self.section, self.span), "quote": self.quote}


@dataclass(frozen=True)
class Piece:
    """A part of an answer's text, and the citations that bear it out."""

    text: str
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """Why an outcome was chosen, in probabilities.

    `on_topic`: the question is about privacy. `answerable`: the policy answers it. `score`: the clause
    `nearest`, which fits it best, does. `sure`: an offline answer is given without reserve, as
    `answerable` is high enough, for each of several questions in one.
    """

    on_topic: float
    answerable: float
    nearest: Citation
    score: float
    sure: bool

    def to_dict(self) -> dict[str, Any]:
        scores = {name: round(getattr(self, name), 3) for name in ("on_topic", "answerable", "score")}
        return {**scores, "sure": self.sure, "nearest": self.nearest.to_dict()}


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    `answerer` names what composed it: "extractive", or the chat model. `fallback` says in a
    word why a chat model was configured and not used, else None. `judgement` is None where there
    was nothing to judge. `left_open` is the sentence of the text, if any, that says which part of the question
    the policy does not answer. `timings_ms` has "retrieve", "answer" and "total", in milliseconds.
    """

    question: str
    outcome: Outcome
    text: str
    citations: tuple[Citation, ...] = ()
    answerer: str = "extractive"
    fallback: str | None = None
    judgement: Judgement | None = None
    left_open: str = ""
    timings_ms: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.citations) != (self.outcome is Outcome.ANSWERED):
            raise ValueError("an answer is cited exactly when its outcome is 'answered'")

    def timed(self, **milliseconds: float) -> "Answer":
        return replace(self, timings_ms={name: round(ms, 2) for name, ms in milliseconds.items()})

    def to_dict(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "outcome": self.outcome.value,
            "text": self.text,
            "citations": [citation.to_dict() for citation in self.citations],
            "answerer": self.answerer,
            "fallback": self.fallback,
            "judgement": self.judgement and self.judgement.to_dict(),
            "left_open": self.left_open,
            "timings_ms": self.timings_ms,
        }


def locate(policy: Policy, section: Section, span: Span) -> dict[str, Any]:
    """Where a span stands, in the fields that citations and passages share."""
    return {
        "policy": policy.id,
        "version": policy.version,
        "source": policy.source,
        "section": section.number,
        "title": section.title or None,
        "start": span.start,
        "end": span.end,
    }


def label(policy: Policy, section: Section) -> str:
    """A section's name for people: "§4 AI Providers", "the introduction", "“Cookies”"."""
    title = next((title for title in reversed(section.path) if title), "")
    if section.number == "0":
        return "the introduction"
    if section.number:
        return f"§{section.number} {title}".strip()
    return f"“{title}”" if title else policy.title


def quoted(citation: Citation) -> str:
    """The quote in quotation marks; an item of a list after the lead-in that it belongs to."""
    quote = f"“{inert(citation.quote)}”"
    return f"“{inert(citation.lead_in)}” … {quote}" if citation.lead_in else quote


def inert(text: str) -> str:
    """The text with markup disarmed, so that no page that shows it can run or load anything."""
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    return re.sub(r"!\[", "! [", text)
