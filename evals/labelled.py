"""Whole policies with labelled questions: NAME.jsonl beside NAME.txt or NAME.md.

Each line of it is an object with `question`, `history` (earlier questions), `outcome` and `quotes`: every sentence or
item of the policy that a right answer may quote, in its exact words, whole or as it begins. It may have `maybe`, too:
those that may or may not answer.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.answer import Outcome
from bot.corpus import read_corpus
from bot.errors import PolicybotError
from bot.policy import Policy, Span
from evals.cases import words_pattern

ROOT = Path(__file__).parent
CALIBRATION = ROOT / "calibration"
"""Policies on which the judge is fitted."""
UNSEEN = ROOT / "unseen"
"""Policies that are only measured on."""


class LabelError(PolicybotError):
    """A labelled question says something of its policy that is not so."""


@dataclass(frozen=True)
class LabelledQuestion:
    """A question, the outcome of a right answer, and the spans that it may cite; of others that is doubtful."""

    text: str
    history: tuple[str, ...]
    outcome: Outcome
    spans: tuple[Span, ...]
    doubtful: tuple[Span, ...]


@dataclass(frozen=True)
class LabelledPolicy:
    """A policy and the questions on it."""

    policy: Policy
    questions: tuple[LabelledQuestion, ...]


def read_labelled_policies(folder: Path) -> list[LabelledPolicy]:
    """The policies of a folder with their questions. Raises LabelError naming file and line."""
    return [
        LabelledPolicy(policy, tuple(_read_questions(folder / f"{policy.id}.jsonl", policy)))
        for policy in read_corpus(folder)
    ]


def _read_questions(path: Path, policy: Policy) -> Iterator[LabelledQuestion]:
    find = cache(lambda quote: _find(quote, policy))  # most quotes answer many questions
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        case = json.loads(line)
        try:
            spans, doubtful = (
                tuple(span for quote in case.get(name, ()) for span in find(quote)) for name in ("quotes", "maybe")
            )
        except LabelError as error:
            raise LabelError(f"{path}, line {number}: {error}") from None
        outcome = Outcome(case["outcome"])
        if bool(spans) != (outcome is Outcome.ANSWERED):
            raise LabelError(f"{path}, line {number}: quotes are given exactly when the outcome is 'answered'.")
        yield LabelledQuestion(case["question"], tuple(case["history"]), outcome, spans, doubtful)


def _find(quote: str, policy: Policy) -> tuple[Span, ...]:
    """Every place where the quote stands."""
    found = tuple(Span(*match.span()) for match in re.finditer(words_pattern(quote), policy.text))
    if not found:
        raise LabelError(f"{quote!r} does not occur in {policy.source}. Quote it exactly.")
    return found
