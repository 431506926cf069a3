"""The training data: clauses of fictional policies, the questions that they answer, and questions that none does.

A file in `policies/` or `judged/` reads line by line:

    @ Company, what it does     begins a policy
    # Title                     begins a section
    : lead-in                   introduces the clauses after it, up to the next section
    = clause                    one statement of the policy
    ? question                  is answered by the clause above it
    ! question                  is answered by no clause of the policy, though one may be near

`off_topic.txt` has a question a line that has nothing to do with any policy. The policies in
`policies/` teach the model alone. Those in `judged/`, and the whole policies in
`evals/calibration` with their labelled questions, teach the judge as well.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from langchain_core.messages import HumanMessage

from bot.chunking import in_context
from bot.conversation import condense
from bot.corpus import read_policy
from bot.errors import PolicybotError
from bot.policy import Span
from evals.cases import words_pattern

HERE = Path(__file__).parent
CALIBRATION = HERE.parent / "calibration"


class TrainingDataError(PolicybotError):
    """A line of the training data cannot be read."""


@dataclass(frozen=True)
class Question:
    """A question and the indices of the clauses that answer it: none, where the policy is silent."""

    text: str
    answers: tuple[int, ...]


@dataclass
class TrainingPolicy:
    """One policy: its text, its clauses as they are embedded, the questions on it, and some on other things."""

    name: str
    clauses: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    off_topic: list[str] = field(default_factory=list)
    text: str = ""


def read_training_policies() -> list[TrainingPolicy]:
    """The policies that teach the model alone. Raises TrainingDataError naming file and line."""
    return [policy for path in sorted((HERE / "policies").glob("*.txt")) for policy in read_policies(path)]


def read_judged_policies() -> list[TrainingPolicy]:
    """The policies that teach the judge, too, with the off-topic questions shared out among them."""
    policies = [policy for path in sorted((HERE / "judged").glob("*.txt")) for policy in read_policies(path)]
    policies += [_read_labelled(path) for path in sorted(CALIBRATION.glob("*.jsonl"))]
    for n, question in enumerate(read_off_topic()):
        policies[n % len(policies)].off_topic.append(question)
    return policies


def read_off_topic() -> list[str]:
    """Questions that have nothing to do with any policy."""
    return [line for line in (HERE / "off_topic.txt").read_text(encoding="utf-8").splitlines() if line.strip()]


def read_policies(path: Path) -> Iterator[TrainingPolicy]:
    """The policies of one file. Raises TrainingDataError naming file and line."""
    policy: TrainingPolicy | None = None
    title = lead = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        sign, _, text = line.partition(" ")
        if not line:
            continue
        if sign == "@":
            if policy:
                yield policy
            policy, title, lead = TrainingPolicy(text, text=f"# {text}\n\n"), "", ""
        elif policy is None or not text.strip() or (sign == "?" and not policy.clauses):
            raise TrainingDataError(f"{path}, line {number}: {line!r} stands where it means nothing.")
        elif sign == "#":
            title, lead = re.sub(r"^[\d.A-Z]+\. |^\d+ |^Article \w+ - ", "", text), ""
            policy.text += f"\n## {title}\n\n"
        elif sign == ":":
            lead = text
            policy.text += f"{text}\n\n"
        elif sign == "=":
            policy.text += f"- {text}\n" if lead else f"{text}\n\n"
            policy.clauses.append("\n".join(part for part in (title, lead, text) if part))
        elif sign == "?":
            policy.questions.append(Question(text, (len(policy.clauses) - 1,)))
        elif sign == "!":
            policy.questions.append(Question(text, ()))
        else:
            raise TrainingDataError(f"{path}, line {number}: {line!r} begins with none of @ # : = ? !")
    if policy:
        yield policy


def _read_labelled(path: Path) -> TrainingPolicy:
    source = next(file for file in path.parent.glob(f"{path.stem}.*") if file.suffix in (".txt", ".md"))
    parsed = read_policy(path.parent, Path(source.name))
    clauses = [(section, clause) for section in parsed.sections for clause in section.clauses]
    embedded = [in_context(parsed, section, clause) for section, clause in clauses]
    policy = TrainingPolicy(path.stem, embedded, text=parsed.text)
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        text = condense(case["question"], [HumanMessage(turn) for turn in case["history"]])
        quoted = [m.span() for quote in case["quotes"] for m in re.finditer(words_pattern(quote), parsed.text)]
        answers = [
            n for n, (_, clause) in enumerate(clauses) if any(clause.span.overlaps(Span(*span)) for span in quoted)
        ]
        if case["outcome"] == "off_topic":
            policy.off_topic.append(text)
        elif case["outcome"] != "unclear":
            policy.questions.append(Question(text, tuple(answers)))
    return policy
