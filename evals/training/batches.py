"""The batches that the embedding model learns from: questions beside the clauses of their policy."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evals.training.data import Question, TrainingPolicy
from evals.training.examples import asked, in_company, shown, without_title

_TEXTS = 224
"""Of a batch: questions and clauses together."""
_CLAUSES = 110
"""A policy with more of them is not shown whole, but by one that answers for each answered question."""
_VARIANTS = 20
"""So many at most are left room for."""
_RUN = 16
"""So many questions to a policy that is not shown whole stay together, as they stand in its text: on like subjects."""


@dataclass(frozen=True)
class Text:
    """A text of a batch: a question to a policy, or some of its clauses, or a variant that stands for one of them."""

    policy: int
    words: str
    question: Question | None = None
    clauses: frozenset[int] = frozenset()
    variant_of: int | None = None

    def answers(self, other: "Text") -> bool | None:
        """Whether these clauses answer another text's question; None where nothing is known of it."""
        question = other.question
        if question is None or self.question or self.policy != other.policy:
            return None
        if self.variant_of is not None:
            return False if self.variant_of in question.answers else None
        if not self.clauses.isdisjoint(question.answers):
            return True
        return False if self.clauses.isdisjoint(question.doubtful) else None


def draw_batches(policies: Sequence[TrainingPolicy], rng: random.Random) -> list[list[Text]]:
    """Batches in which each question stands once, beside all clauses of its policy but for very large ones.

    Small policies share a batch.
    """
    batches: list[list[Text]] = [[]]
    for number in rng.sample(range(len(policies)), len(policies)):
        policy = policies[number]
        for questions in _portions(policy, rng):
            texts = [*_clauses(number, policy, questions, rng), *_questions(number, questions, rng)]
            if batches[-1] and len(batches[-1]) + len(texts) > _TEXTS:
                batches.append([])
            batches[-1] += texts
    return rng.sample(batches, len(batches))


def _portions(policy: TrainingPolicy, rng: random.Random) -> Iterator[list[Question]]:
    """The questions to a policy in equal shares, so large that there is room for the clauses."""
    room = _TEXTS - min(len(policy.clauses), _CLAUSES) - min(len(policy.variants), _VARIANTS)
    run = _RUN if len(policy.clauses) > _CLAUSES else 1
    runs = [policy.questions[at : at + run] for at in range(0, len(policy.questions), run)]
    rng.shuffle(runs)
    questions = [question for some in runs for question in some]
    shares = -(-len(questions) // room)
    for n in range(shares):
        yield questions[len(questions) * n // shares : len(questions) * (n + 1) // shares]


def _clauses(number: int, policy: TrainingPolicy, questions: Sequence[Question], rng: random.Random) -> Iterator[Text]:
    """Clauses, at times in company, and the variants that may stand for them."""
    chosen: Sequence[int] = range(len(policy.clauses))
    if len(chosen) > _CLAUSES:
        chosen = sorted({rng.choice(question.answers) for question in questions if question.answers})
    right = {n for question in questions for n in (*question.answers, *question.doubtful)}
    for n in chosen:
        clauses = in_company(policy, n, () if n in right else right, rng)
        yield Text(number, shown(policy, clauses, rng), clauses=frozenset(clauses))
        if n in policy.variants:
            yield Text(number, without_title(policy.variants[n], rng), variant_of=n)


def _questions(number: int, questions: Sequence[Question], rng: random.Random) -> Iterator[Text]:
    for question in questions:
        yield Text(number, asked(question.text, rng), question)
