"""Checks the training data: python -m evals.training.validate [FOLDER OF BENCHMARKS].

It must be readable, say nothing twice, and share nothing with what the bot is measured on: the
policies in `corpus/` and `evals/unseen`, the questions on them, and the benchmarks where their folder is given.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rapidfuzz import fuzz, process

from bot.conversation import condense
from bot.corpus import read_corpus
from evals.cases import read_cases
from evals.labelled import CALIBRATION, UNSEEN, LabelledPolicy, read_labelled_policies
from evals.training.data import TrainingPolicy, read_questions, read_training_policies, read_whole_policies
from evals.training.taxonomy import read_taxonomy

ROOT = Path(__file__).parent.parent.parent
ALIKE = 90
"""Two texts are taken for one from this likeness on, of 100 (rapidfuzz's ratio)."""
_AT_ONCE = 500
_SHORT = 25
"""Shorter texts ("cookies?") are too common to be anybody's."""


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    taxonomy, policies = read_taxonomy(), [*read_training_policies(), *read_whole_policies()]
    problems = [*find_problems(taxonomy, policies), *find_leaks([taxonomy, *policies], folder)]
    for problem in problems:
        print(problem)
    for what, of in (("taxonomy", [taxonomy]), (f"{len(policies)} policies", policies)):
        answered = sum(bool(question.answers) for policy in of for question in policy.questions)
        silent = sum(not question.answers for policy in of for question in policy.questions)
        clauses = sum(len(policy.clauses) for policy in of)
        print(f"{what}: {clauses} clauses, {answered} answered and {silent} silent questions.")
    sys.exit(bool(problems))


def find_problems(taxonomy: TrainingPolicy, policies: Sequence[TrainingPolicy]) -> Iterator[str]:
    """What is wrong with the data itself, a sentence each."""
    for policy in (taxonomy, *policies):
        counts = Counter(question.text.lower() for question in policy.questions)
        yield from (f"{policy.name}: {text!r} is asked twice." for text, n in counts.items() if n > 1)
    for question in taxonomy.questions:
        if not question.answers:
            yield f"No clause of the taxonomy answers {question.text!r}."
    for policy in policies:
        if len(policy.clauses) < 4:
            yield f"{policy.name} has fewer than four clauses, so no near ones to tell apart."
        if not any(question.answers for question in policy.questions):
            yield f"{policy.name} has no answered question."
    for name in ("off_topic.txt", "borderline.txt"):
        lines = Counter(line.lower() for line in read_questions(name))
        yield from (f"{name}: {text!r} is there twice." for text, n in lines.items() if n > 1)


def find_leaks(policies: Sequence[TrainingPolicy], benchmarks: Path | None) -> Iterator[str]:
    """What the data shares with what the bot is measured on, a sentence each."""
    asked = [question.text for policy in policies for question in policy.questions]
    asked += read_questions("off_topic.txt") + read_questions("borderline.txt")
    asked += _all_asked(read_labelled_policies(CALIBRATION))
    clauses = [clause.split("\n")[-1] for policy in policies for clause in policy.clauses]
    measured = [text for case in read_cases(ROOT / "evals" / "cases") for text in _asked(case.question, case.history)]
    measured += _all_asked(read_labelled_policies(UNSEEN))
    texts = [
        clause.span.of(policy.text)
        for folder in (ROOT / "corpus", UNSEEN)
        for policy in read_corpus(folder)
        for section in policy.sections
        for clause in section.clauses
    ]
    if benchmarks:
        measured += _benchmark_questions(benchmarks)
        texts += [line for path in benchmarks.glob("*/*.txt") for line in path.read_text("utf-8").splitlines()]
    for mine, theirs in ((asked, measured), (clauses, texts)):
        yield from _alike(_normal(mine), _normal(theirs))


def _alike(mine: Sequence[str], theirs: Sequence[str]) -> Iterator[str]:
    for at in range(0, len(theirs), _AT_ONCE):
        some = theirs[at : at + _AT_ONCE]
        likeness = process.cdist(some, mine, scorer=fuzz.ratio, score_cutoff=ALIKE, workers=-1)
        yield from (f"{mine[n]!r} is measured with: {some[m]!r}." for m, n in zip(*likeness.nonzero(), strict=True))


def _normal(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(text.lower() for text in texts if len(text) >= _SHORT))


def _all_asked(policies: Sequence[LabelledPolicy]) -> list[str]:
    return [text for policy in policies for q in policy.questions for text in _asked(q.text, q.history)]


def _asked(question: str, history: Sequence[str]) -> tuple[str, str]:
    """A question as it is typed and as the bot reads it."""
    return question, condense(question, history)


def _benchmark_questions(folder: Path) -> Iterator[str]:
    for path in folder.glob("*/questions.json"):
        yield from (entry["question"] for entry in json.loads(path.read_text("utf-8")))
    for path in folder.glob("policyqa*.json"):
        for document in json.loads(path.read_text("utf-8"))["data"]:
            yield from (qa["question"] for part in document["paragraphs"] for qa in part["qas"])


if __name__ == "__main__":
    main()
