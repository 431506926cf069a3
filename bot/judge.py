"""Decides what a question is owed: an answer, "not in the policy", "off topic" or "unclear".

Two logistic regressions look at the clauses found for a question: one tells off-topic questions
from those on privacy, and looks at the question too; the other tells questions that the best
clause answers from those that it is only near to. `make train` fits them on questions to
fictional policies and stores weights, thresholds and figures in judge.json.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.answer import Outcome
from bot.chunking import in_context
from bot.models import EmbeddingModel, Vector, load_embedding_model
from bot.retrieval import Passage
from bot.settings import TUNED_MODEL

WEIGHTS = Path(__file__).with_name("judge.json")
_CLAUSES = 3
_SMALL_TALK = frozenset(
    (
        "hi hello hey hiya howdy yo greetings good morning afternoon evening night thanks thank thx ty cheers "
        "bye goodbye ok okay k yes no yeah yep nope sure cool great nice lol haha hmm um uh please help test "
        "testing anyone there are you a an the i me my we it is this that so and or to of in on for er well "
        "what huh question questions ask have got need can could do does how who why perfect fine all very much lot "
        "helps wow"
    ).split()
)
_TERMS = frozenset("gdpr ccpa cpra coppa ferpa hipaa lgpd pipeda dpo dpa dsar pii soc iso".split())
"""Words of the trade that the model knows in pieces only."""


@dataclass(frozen=True)
class Verdict:
    """`on_topic` and `answerable` are probabilities; an unclear question has neither."""

    outcome: Outcome
    on_topic: float = 0.0
    answerable: float = 0.0


@dataclass(frozen=True)
class LogisticRegression:
    """p(x) = 1 / (1 + exp(-(weights . x + bias))), and the threshold from which p means yes."""

    weights: Vector
    bias: float
    threshold: float

    def probability(self, features: Vector) -> float:
        return float(1 / (1 + np.exp(-(self.weights @ features + self.bias))))


class Judge:
    """Judges with the tuned embedding model, which its weights belong to, whatever model searches."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._model: EmbeddingModel = load_embedding_model(TUNED_MODEL)
        fitted = json.loads(weights.read_text(encoding="utf-8"))
        self._on_topic, self._answerable = (
            LogisticRegression(np.array(fit["weights"], np.float32), fit["bias"], fit["threshold"])
            for fit in (fitted["on_topic"], fitted["answerable"])
        )

    def judge(self, query: str, passages: Sequence[Passage]) -> Verdict:
        """The verdict on a question that stands alone, given the passages found for it, best first."""
        if self._unclear(query, passages):
            return Verdict(Outcome.UNCLEAR)
        near, near_and_question = judge_features(self._model, query, passages)
        on_topic = self._on_topic.probability(near_and_question)
        answerable = self._answerable.probability(near)
        if on_topic < self._on_topic.threshold:
            outcome = Outcome.OFF_TOPIC
        elif answerable < self._answerable.threshold:
            outcome = Outcome.NOT_IN_POLICY
        else:
            outcome = Outcome.ANSWERED
        return Verdict(outcome, on_topic, answerable)

    def _unclear(self, query: str, passages: Sequence[Passage]) -> bool:
        """Whether there is nothing to judge: no words, only small talk, or gibberish."""
        words = re.findall(r"[^\W\d_]+", query.lower())
        if not words or all(word in _SMALL_TALK for word in words):
            return True
        known = any(w in _TERMS or (len(w) > 2 and self._model.is_word(w) and w not in _SMALL_TALK) for w in words)
        near = bool(passages) and passages[0].score >= 0.35
        return not known and not near


def judge_features(model: EmbeddingModel, query: str, passages: Sequence[Passage]) -> tuple[Vector, Vector]:
    """What the judge looks at: how near the best clauses are to the question, and the question itself.

    The first vector has the best and the mean cosine between the question and the best clauses,
    and the best passage's score; the second is the first and the question's vector behind it.
    """
    ranked = sorted(
        ((s.score, p, s.clause) for p in passages for s in p.clauses), key=lambda item: (-item[0], item[2].span)
    )
    clauses = [in_context(p.policy, p.section, clause) for _, p, clause in ranked[:_CLAUSES]]
    vectors = np.array(model.embed_documents([query, *clauses]), np.float32)
    question = vectors[0]
    cosines = vectors[1:] @ question if clauses else np.zeros(1, np.float32)
    found = passages[0].score if passages else 0.0
    near = np.array([cosines.max(), cosines.mean(), found], np.float32)
    return near * 5, np.concatenate([near * 5, question * 2])
