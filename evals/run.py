"""A run: what the bot said to every case. The one thing that reports, gates and trends are made from."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bot.answer import Outcome
from bot.errors import PolicybotError
from bot.policy import Span
from evals.cases import EvalCase, Support

FORMAT = 1


class RunError(PolicybotError):
    """A stored run or baseline cannot be read."""


class Cause(StrEnum):
    """Why a case fails."""

    QUOTE_NOT_EXACT = "quote not exact"
    FORBIDDEN_PHRASE = "forbidden phrase"
    SHOULD_HAVE_ABSTAINED = "should have abstained"
    WRONG_ABSTENTION = "abstained for the wrong reason"
    RETRIEVAL = "retrieval missed it"
    ABSTAINED_WRONGLY = "abstained wrongly"
    WRONG_SECTION = "retrieved, but another section cited"
    WRONG_CLAUSE = "right section but wrong clause"
    INCOMPLETE = "part of the answer is missing"
    OUT_OF_DATE = "the case itself is out of date"


@dataclass(frozen=True)
class Quote:
    """A citation as the bot's JSON gives it."""

    policy: str
    version: str
    source: str
    section: str | None
    title: str | None
    quote: str
    start: int
    end: int

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(frozen=True)
class Found:
    """A retrieved passage: where it stands and its score."""

    section: str | None
    title: str | None
    start: int
    end: int
    score: float

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


@dataclass(frozen=True)
class Response:
    """What the bot said, and the passages that it could have said it from, best first."""

    outcome: Outcome
    text: str
    citations: tuple[Quote, ...]
    passages: tuple[Found, ...]
    answerer: str
    fallback: str | None
    total_ms: float


@dataclass(frozen=True)
class Judgement:
    """A chat model's opinion of an answer, each score from 0 to 1; None where it gave none."""

    answer_correctness: float | None
    faithfulness: float | None


@dataclass(frozen=True)
class CaseResult:
    """A case, where its spans stand, and what came of it.

    `cause` is None for a case that passed. `error` names the exception of a case that crashed;
    then there is no response. `expected` is None where the case is out of date.
    """

    case: EvalCase
    expected: tuple[Support, ...] | None
    response: Response | None
    cause: Cause | None
    error: str | None = None
    judgement: Judgement | None = None

    @property
    def passed(self) -> bool:
        return self.cause is None and self.error is None


@dataclass(frozen=True)
class PolicyText:
    """The text that a run was made on."""

    policy: str
    version: str
    source: str
    sha256: str
    text: str


@dataclass(frozen=True)
class Run:
    """All results, and under what they were had.

    `started` is in UTC, ISO 8601; `judge` names the chat model that gave judgements, if any.
    """

    started: str
    answerer: str
    model: str
    settings: dict[str, str | int]
    policies: tuple[PolicyText, ...]
    results: tuple[CaseResult, ...]
    judge: str | None = None
    format: int = FORMAT

    @property
    def crashed(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if result.error)


_ADAPTER = TypeAdapter(Run)


def write_run(run: Run, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_ADAPTER.dump_json(run, indent=1))


def read_run(path: Path) -> Run:
    """A stored run; raises RunError for a file that is none, or of another format."""
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RunError(f"{path} is not a run of this version of policybot. Run `policybot eval` again.") from error


def read_runs(folder: Path) -> list[Run]:
    """The stored runs of a folder, oldest first; those of an earlier format are left out."""
    runs = []
    for path in sorted(folder.glob("*.json")):
        try:
            runs.append(read_run(path))
        except RunError:
            continue
    return runs


def comparable(run: Run, other: Run) -> bool:
    """Whether two runs put the same cases to the same answerer, and none crashed."""
    same = {r.case.id for r in run.results} == {r.case.id for r in other.results}
    return same and run.answerer == other.answerer and not (run.crashed or other.crashed)
