"""The cases: questions with what a right answer to each must be. Read from YAML, checked against the policy."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from bot.answer import Outcome
from bot.errors import PolicybotError
from bot.policy import Policy, Span

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class CaseError(PolicybotError):
    """A case is not valid, or says something of the policy that is not so."""


class Kind(StrEnum):
    """What a case is there to try."""

    LAY = "lay"
    TWO_SECTIONS = "two_sections"
    PARTIAL = "partial"
    FOLLOW_UP = "follow_up"
    SILENT = "silent"
    OFF_TOPIC = "off_topic"
    UNCLEAR = "unclear"
    HOSTILE = "hostile"
    TRAP = "trap"


@dataclass(frozen=True, slots=True)
class Support:
    """A span of the policy that supports an answer, and the section that it stands in, as a case names it."""

    section: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


class EvalCase(BaseModel):
    """One question and what a right answer to it must be."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="Unique, lower case, words joined by hyphens.")
    policy: Text | None = Field(None, description="The policy asked about, where it is not the file's.")
    question: str = Field(description="What the person types.")
    history: tuple[Text, ...] = Field((), strict=False, description="The earlier questions of the conversation.")
    kind: Kind = Field(strict=False, description="What the case is there to try.")
    outcome: Outcome = Field(strict=False, description="The outcome of a right answer.")
    sections: tuple[Text, ...] = Field(
        (),
        strict=False,
        description='Every section that a right answer may cite: its number as written, "0" before the first heading, '
        "or its title where it has no number.",
    )
    spans: tuple[Text, ...] = Field(
        (), strict=False, description="The words of the policy that support the answer. Each occurs once in the policy."
    )
    must_appear: tuple[Text, ...] = Field((), strict=False, description="Phrases that the answer must hold.")
    must_not_appear: tuple[Text, ...] = Field((), strict=False, description="Phrases that the answer must not hold.")
    why: Text = Field(description="Why this is the right answer.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        answered = self.outcome is Outcome.ANSWERED
        if answered != bool(self.spans) or answered != bool(self.sections):
            raise ValueError("sections and spans are given exactly when the outcome is 'answered'")
        return self

    @property
    def split(self) -> Literal["dev", "held"]:
        """The half that the case belongs to, by a hash of its id: tuning may look at `dev` only."""
        return "held" if hashlib.sha256(self.id.encode()).digest()[0] % 2 else "dev"


class CaseFile(BaseModel):
    """One file of cases on one policy."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="policybot eval cases")

    policy: Text = Field(description="The policy asked about, by its name in the corpus.")
    cases: tuple[EvalCase, ...] = Field(min_length=1)


def read_cases(path: Path) -> list[EvalCase]:
    """The cases of a YAML file, or of all in a folder; each has its policy. Raises CaseError."""
    if not path.exists():
        raise CaseError(f"{path} does not exist. --cases takes a YAML file of cases, or a folder of them.")
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise CaseError(f"The folder {path} holds no .yaml file. Put cases into it.")
    first: dict[str, Path] = {}
    cases: list[EvalCase] = []
    for file in files:
        content = _read_file(file)
        for case in content.cases:
            if case.id in first:
                raise CaseError(f"{file}: the id {case.id!r} is taken in {first[case.id]}. Give the case another.")
            first[case.id] = file
            cases.append(case if case.policy else case.model_copy(update={"policy": content.policy}))
    return cases


def find_support(case: EvalCase, policy: Policy) -> tuple[Support, ...]:
    """Where the case's spans stand in the policy. Raises CaseError unless each occurs once, in one of its sections."""
    known = {section_name(section.number, section.title) for section in policy.sections}
    for name in case.sections:
        if name not in known:
            raise CaseError(f"Case {case.id}: {policy.source} has no section {name!r}. Correct `sections`.")
    return tuple(_find(case, quote, policy) for quote in case.spans)


def section_name(number: str | None, title: str | None) -> str:
    """How a case names a section: by its number, or by its title where it has none."""
    return number or title or ""


def _find(case: EvalCase, quote: str, policy: Policy) -> Support:
    found = [match.span() for match in re.finditer(words_pattern(quote), policy.text)]
    if len(found) != 1:
        often = "does not occur" if not found else f"occurs {len(found)} times"
        raise CaseError(
            f"Case {case.id}: the span {quote!r} {often} in {policy.source}. Quote words that occur there once."
        )
    span = Span(*found[0])
    try:
        section = policy.section_at(span)
    except ValueError as error:
        raise CaseError(f"Case {case.id}: the span {quote!r} runs over several sections. Quote each alone.") from error
    name = section_name(section.number, section.title)
    if name not in case.sections:
        raise CaseError(f"Case {case.id}: the span {quote!r} is in section {name!r}. Add that to `sections`.")
    return Support(name, span.start, span.end)


def words_pattern(quote: str) -> str:
    """A regular expression for the same words, however the white space between them runs."""
    return r"\s+".join(re.escape(word) for word in quote.split())


def schema() -> dict[str, object]:
    """The JSON schema by which an editor completes and checks a file of cases."""
    return CaseFile.model_json_schema()


def _read_file(path: Path) -> CaseFile:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError(f"{path} cannot be read as UTF-8 text. Check its name and encoding.") from error
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f", line {place.line + 1}" if place else ""
        raise CaseError(f"{path}{line} is not YAML: {getattr(error, 'problem', None) or 'check the file'}.") from error
    try:
        return CaseFile.model_validate(content)
    except ValidationError as error:
        raise CaseError(f"{path}: {_explain(content, error)}") from error


def _explain(content: object, error: ValidationError) -> str:
    """The first thing that is wrong, and in which case."""
    first = error.errors()[0]
    place: Iterable[str | int] = first["loc"]
    message = first["msg"].removeprefix("Value error, ")
    match list(place):
        case ["cases", int(nth), *field] if isinstance(content, dict):
            case = content["cases"][nth]
            name = case.get("id", f"number {nth + 1}") if isinstance(case, dict) else f"number {nth + 1}"
            where = f"case {name}" + "".join(f", {part}" for part in field)
        case parts:
            where = ", ".join(map(str, parts)) or "the file"
    return f"{where}: {message}."
