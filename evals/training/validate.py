"""Checks the training data: python -m evals.training.validate [FOLDER OF BENCHMARKS].

It must be readable, say nothing twice, and share nothing with what the bot is measured on: the
policies in `corpus/`, the eval cases, and the benchmarks where their folder is given.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rapidfuzz import fuzz, process

from bot.corpus import read_corpus
from bot.policy import Policy, Span
from evals.cases import read_cases
from evals.training.data import TrainingPolicy, read_judged_policies, read_off_topic, read_training_policies

ROOT = Path(__file__).parent.parent.parent
ALIKE = 90
"""Two texts are taken for one from this likeness on, of 100 (rapidfuzz's ratio)."""
_SHORT = 25
"""Shorter questions ("cookies?") are too common to be anybody's."""


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    policies = [*read_training_policies(), *read_judged_policies()]
    problems = [*find_problems(policies), *find_leaks(policies, folder)]
    for problem in problems:
        print(problem)
    answered = sum(bool(question.answers) for policy in policies for question in policy.questions)
    silent = sum(not question.answers for policy in policies for question in policy.questions)
    clauses = sum(len(policy.clauses) for policy in policies)
    print(f"{len(policies)} policies, {clauses} clauses, {answered} answered and {silent} silent questions.")
    sys.exit(bool(problems))


def find_problems(policies: Sequence[TrainingPolicy]) -> Iterator[str]:
    """What is wrong with the data itself, a sentence each."""
    for policy in policies:
        counts = Counter(question.text.lower() for question in policy.questions)
        yield from (f"{policy.name}: {text!r} is asked twice." for text, n in counts.items() if n > 1)
        if len(policy.clauses) < 4:
            yield f"{policy.name} has fewer than four clauses, so no near ones to tell apart."
        if not any(question.answers for question in policy.questions):
            yield f"{policy.name} has no answered question."
        if all(question.answers for question in policy.questions):
            yield f"{policy.name} has no silent question."
    names = Counter(policy.name for policy in policies)
    yield from (f"{name} is there twice." for name, n in names.items() if n > 1)


def find_leaks(policies: Sequence[TrainingPolicy], benchmarks: Path | None) -> Iterator[str]:
    """What the data shares with what the bot is measured on, a sentence each."""
    questions = [q.text.lower() for policy in policies for q in policy.questions] + read_off_topic()
    questions = [text for text in questions if len(text) >= _SHORT]
    clauses = [clause.split("\n")[-1].lower() for policy in policies for clause in policy.clauses]
    measured = [case.question.lower() for case in read_cases(ROOT / "evals" / "cases")]
    texts = [span.of(policy.text).lower() for policy in read_corpus(ROOT / "corpus") for span in _clauses(policy)]
    if benchmarks:
        measured += [text.lower() for text in _benchmark_questions(benchmarks)]
        texts += [line.lower() for path in benchmarks.glob("*/*.txt") for line in path.read_text("utf-8").splitlines()]
    for mine, theirs in ((questions, measured), (clauses, texts)):
        for text in theirs:
            if len(text) >= _SHORT and (found := process.extractOne(text, mine, scorer=fuzz.ratio, score_cutoff=ALIKE)):
                yield f"{found[0]!r} is measured with: {text!r}."


def _clauses(policy: Policy) -> Iterator[Span]:
    return (clause.span for section in policy.sections for clause in section.clauses)


def _benchmark_questions(folder: Path) -> Iterator[str]:
    for path in folder.glob("*/questions.json"):
        yield from (entry["question"] for entry in json.loads(path.read_text("utf-8")))
    for path in folder.glob("policyqa*.json"):
        for document in json.loads(path.read_text("utf-8"))["data"]:
            yield from (qa["question"] for part in document["paragraphs"] for qa in part["qas"])


if __name__ == "__main__":
    main()
