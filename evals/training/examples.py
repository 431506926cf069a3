"""How questions and clauses are shown to a model in training."""

import random
from collections.abc import Container, Iterator, Sequence
from dataclasses import replace

import numpy as np

from bot.models import EmbeddingModel
from evals.training.data import Question, TrainingPolicy

_WITHOUT_TITLE = 0.3
"""Share of clauses shown without what stands above them, as in a policy without headings."""
_IN_COMPANY, _COMPANIONS, _REACH = 0.35, 3, 3
"""Share of clauses shown with up to so many of the clauses around them, and how far off these may stand: in real
policies one sentence says several things."""
_NEAREST_SHARE, _NEAREST_FEWEST = 0.01, 6
"""Of a policy's clauses, so many are taken to be near a question."""
_MISLEADING = 2
"""So many at most of those that mislead, before any of the nearest."""


def nearest_clauses(
    policies: Sequence[TrainingPolicy], embedding: EmbeddingModel
) -> Iterator[tuple[TrainingPolicy, Question, list[int]]]:
    """Each question with the clauses of its policy that do not answer it, the nearest first."""
    clause_texts = [clause for policy in policies for clause in policy.clauses]
    question_texts = [question.text for policy in policies for question in policy.questions]
    clauses = np.array(embedding.embed_documents(clause_texts))
    questions = np.array(embedding.embed_queries(question_texts))
    for policy in policies:
        mine, clauses = clauses[: len(policy.clauses)], clauses[len(policy.clauses) :]
        ours, questions = questions[: len(policy.questions)], questions[len(policy.questions) :]
        for question, cosines in zip(policy.questions, ours @ mine.T, strict=True):
            wrong = np.ones(len(policy.clauses), bool)
            wrong[[*question.answers, *question.doubtful]] = False
            order = np.argsort(-cosines)
            yield policy, question, order[wrong[order]].tolist()


def draw_pairs(
    policy: TrainingPolicy, question: Question, order: list[int], clauses: int, rng: random.Random
) -> Iterator[tuple[str, float]]:
    """Clauses that a question is read with, given all that do not answer it, the nearest first; 1 for one that answers.

    Of a small policy there are fewer than of others.
    """
    barred = {*question.answers, *question.doubtful}
    room = clauses
    if question.answers:
        right = rng.choice(question.answers)
        yield shown(policy, in_company(policy, right, (), rng), rng), 1.0
        room -= 1
        if right in policy.variants:
            twin = with_variant(policy, right)
            yield shown(twin, in_company(twin, right, barred, rng), rng), 0.0
            room -= 1
    wrong = rng.sample(question.misleading, min(_MISLEADING, len(question.misleading)))
    near = [n for n in order[: _nearness(policy)] if n not in wrong]
    for n in wrong + rng.sample(near, min(room - len(wrong), len(near))):
        yield shown(policy, in_company(policy, n, barred, rng), rng), 0.0


def _nearness(policy: TrainingPolicy) -> int:
    """How many clauses of a policy are taken to be near a question."""
    return max(_NEAREST_FEWEST, int(len(policy.clauses) * _NEAREST_SHARE))


def asked(question: str, rng: random.Random) -> str:
    """The question as it may be typed in haste."""
    text = question.lower() if rng.random() < 0.3 else question
    return (text.rstrip("?.! ") or text) if rng.random() < 0.3 else text


def in_company(policy: TrainingPolicy, clause: int, barred: Container[int], rng: random.Random) -> tuple[int, ...]:
    """The clause, at times with some of those around it but the barred ones, in the order of the text.

    Items of lists stay alone: they are read one by one.
    """
    if _is_item(policy, clause) or rng.random() >= _IN_COMPANY:
        return (clause,)
    around = range(max(0, clause - _REACH), min(len(policy.clauses), clause + _REACH + 1))
    others = [n for n in around if n != clause and n not in barred and not _is_item(policy, n)]
    return tuple(sorted([clause, *rng.sample(others, min(len(others), rng.randint(1, _COMPANIONS)))]))


def with_variant(policy: TrainingPolicy, clause: int) -> TrainingPolicy:
    """The policy with the variant of a clause in its place."""
    return replace(policy, clauses=[*policy.clauses[:clause], policy.variants[clause], *policy.clauses[clause + 1 :]])


def _is_item(policy: TrainingPolicy, clause: int) -> bool:
    return policy.clauses[clause].count("\n") > 1


def shown(policy: TrainingPolicy, clauses: Sequence[int], rng: random.Random) -> str:
    """The text of some clauses under the title of the first, at times without it."""
    *above, first = policy.clauses[clauses[0]].split("\n")
    text = "\n".join([*above, " ".join([first, *(policy.clauses[n].rsplit("\n", 1)[-1] for n in clauses[1:])])])
    return without_title(text, rng)


def without_title(text: str, rng: random.Random) -> str:
    """The text, at times without what stands above it."""
    return text.split("\n", 1)[1] if "\n" in text and rng.random() < _WITHOUT_TITLE else text
