"""How questions and clauses are shown to a model in training."""

import random
from collections.abc import Iterator

import numpy as np

from bot.models import EmbeddingModel
from evals.training.data import Question, TrainingPolicy

_WITHOUT_TITLE = 0.3
"""Share of clauses shown without what stands above them, as in a policy without headings."""
_NEAREST_SHARE, _NEAREST_FEWEST = 0.01, 4
"""Of a policy's clauses, so many are taken to be near a question."""


def nearest_clauses(policy: TrainingPolicy, embedding: EmbeddingModel) -> Iterator[tuple[Question, list[int]]]:
    """Each question with the clauses that do not answer it, the nearest first."""
    clauses = np.array(embedding.embed_documents(policy.clauses))
    questions = np.array(embedding.embed_queries([question.text for question in policy.questions]))
    for question, cosines in zip(policy.questions, questions @ clauses.T, strict=True):
        wrong = np.ones(len(policy.clauses), bool)
        wrong[[*question.answers, *question.doubtful]] = False
        yield question, [int(n) for n in np.argsort(-cosines) if wrong[n]]


def nearness(policy: TrainingPolicy) -> int:
    """How many clauses of a policy are taken to be near a question."""
    return max(_NEAREST_FEWEST, int(len(policy.clauses) * _NEAREST_SHARE))


def asked(question: str, rng: random.Random) -> str:
    """The question as it may be typed in haste."""
    text = question.lower() if rng.random() < 0.3 else question
    return (text.rstrip("?.! ") or text) if rng.random() < 0.3 else text


def shown(clause: str, rng: random.Random) -> str:
    """The clause, at times without what stands above it."""
    return clause.split("\n", 1)[1] if "\n" in clause and rng.random() < _WITHOUT_TITLE else clause
