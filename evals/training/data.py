"""The training data: clauses of fictional policies, the questions that they answer, and questions that none does.

A file in `policies/` or `twins/` reads line by line:

    @ Company, what it does     begins a policy
    # Title                     begins a section
    : lead-in                   introduces the clauses after it, up to the next section
    = clause                    one statement of the policy
    ? question                  is answered by the clause above it
    ~ variant                   another clause on the same subject, which answers none of these questions
    ! question                  is answered by no clause of the policy, and by no variant, though one may be near

In `whole/` stand whole policies in the manner of real ones, with questions on each, as `evals.labelled` reads them.

`taxonomy.py` reads the taxonomy. These teach the models. The whole policies in `evals/calibration`, with
their labelled questions, do not: on them it is fitted what the models' scores mean. What tells questions on
privacy from others learns from these questions and from some of the training's, from `off_topic.txt`, questions that
have nothing to do with any policy, and from `borderline.txt`, questions that only look as if they had not.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.chunking import in_context
from bot.conversation import condense
from bot.errors import PolicybotError
from bot.policy import Span
from evals.labelled import read_labelled_policies

HERE = Path(__file__).parent


class TrainingDataError(PolicybotError):
    """A line of the training data cannot be read."""


@dataclass(frozen=True)
class Question:
    """A question and the indices of the clauses that answer it: none, where the policy is silent.

    Clauses that are `doubtful` may answer it or not, and are shown as neither. Those that are `misleading` answer
    nothing, but a hasty reader takes them for the answer.
    """

    text: str
    answers: tuple[int, ...]
    doubtful: frozenset[int] = frozenset()
    misleading: tuple[int, ...] = ()


@dataclass
class TrainingPolicy:
    """One policy: its clauses as they are embedded, and the questions on it."""

    name: str
    clauses: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    variants: dict[int, str] = field(default_factory=dict)
    """By the index of a clause, what stands there in a policy that is silent on the questions to it."""


def read_training_policies() -> list[TrainingPolicy]:
    """The policies written line by line, each twin twice. Raises TrainingDataError naming file and line."""
    policies = [policy for path in sorted((HERE / "policies").glob("*.txt")) for policy in read_policies(path)]
    return policies + [policy for path in sorted((HERE / "twins").glob("*.txt")) for policy in read_twins(path)]


def read_questions(name: str) -> list[str]:
    """The lines of `off_topic.txt` or `borderline.txt`."""
    return [line for line in (HERE / name).read_text(encoding="utf-8").splitlines() if line.strip()]


def read_policies(path: Path) -> Iterator[TrainingPolicy]:
    """The policies of one file. Raises TrainingDataError naming file and line."""
    return _parse(path, path.read_text(encoding="utf-8").splitlines())


def read_twins(path: Path) -> Iterator[TrainingPolicy]:
    """Two policies for each of the file: one has the variants of its first, third, fifth ... clause, one the others'.

    So the same question is answered by one twin, and the other is silent on it.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    for parity in (0, 1):
        yield from _parse(path, _swapped(path, lines, parity))


def read_whole_policies(folder: Path = HERE / "whole") -> Iterator[TrainingPolicy]:
    """The whole policies of a folder, clauses and questions as the bot reads them: a follow-up with what it follows.

    Raises LabelError naming file and line.

    What may answer is doubtful where something else answers, and misleading where the policy is silent.
    """
    for labelled in read_labelled_policies(folder):
        policy = labelled.policy
        clauses = [(section, clause) for section in policy.sections for clause in section.clauses]
        spans = [clause.span for _, clause in clauses]
        whole = TrainingPolicy(policy.title, [in_context(policy, section, clause) for section, clause in clauses])
        for question in labelled.questions:
            answers = _touched(spans, question.spans)
            asked = condense(question.text, question.history)
            maybe = _touched(spans, question.doubtful)
            if answers:
                whole.questions.append(Question(asked, answers, frozenset(maybe) - set(answers)))
            else:
                whole.questions.append(Question(asked, (), misleading=maybe))
        yield whole


def _touched(clauses: Sequence[Span], spans: Sequence[Span]) -> tuple[int, ...]:
    """The numbers of the clauses that overlap one of the spans."""
    return tuple(n for n, clause in enumerate(clauses) if any(map(clause.overlaps, spans)))


def _swapped(path: Path, lines: list[str], parity: int) -> list[str]:
    """The lines with the variant in every other clause's place, and the questions to it silent."""
    swapped = list(lines)
    clause, clauses = 0, 0
    for n, line in enumerate(lines):
        if line.startswith("= "):
            clause, clauses = n, clauses + 1
        elif line.startswith("~ "):
            if not all(between.startswith("? ") for between in lines[clause + 1 : n]):
                raise TrainingDataError(f"{path}, line {n + 1}: a variant stands behind its clause and the questions.")
            if clauses % 2 == parity:
                swapped[clause] = f"= {line[2:]}"
                swapped[clause + 1 : n] = [f"! {question[2:]}" for question in lines[clause + 1 : n]]
                swapped[n] = ""
    return swapped


def _parse(path: Path, lines: list[str]) -> Iterator[TrainingPolicy]:
    policy: TrainingPolicy | None = None
    title = lead = ""
    for number, line in enumerate(lines, 1):
        sign, _, text = line.partition(" ")
        if not line:
            continue
        if sign == "@":
            if policy:
                yield policy
            policy, title, lead = TrainingPolicy(text), "", ""
        elif policy is None or not text.strip() or (sign in "?~" and not policy.clauses):
            raise TrainingDataError(f"{path}, line {number}: {line!r} stands where it means nothing.")
        elif sign == "#":
            title, lead = re.sub(r"^[\d.A-Z]+\. |^\d+ |^Article \w+ - ", "", text), ""
        elif sign == ":":
            lead = text
        elif sign == "=":
            policy.clauses.append(_in_context(title, lead, text))
        elif sign == "?":
            policy.questions.append(Question(text, (len(policy.clauses) - 1,)))
        elif sign == "~":
            policy.variants[len(policy.clauses) - 1] = _in_context(title, lead, text)
        elif sign == "!":
            policy.questions.append(Question(text, ()))
        else:
            raise TrainingDataError(f"{path}, line {number}: {line!r} begins with none of @ # : = ? ~ !")
    if policy:
        yield policy


def _in_context(title: str, lead: str, clause: str) -> str:
    """A clause as it is embedded, with what stands above it."""
    return "\n".join(part for part in (title, lead, clause) if part)
