"""Decides what a question is owed: an answer, "not in the policy", "off topic" or "unclear".

A support vector machine tells off-topic questions from those on privacy, by the question alone. A logistic
regression looks at the clauses that rank first only, and tells questions that one of them answers from those on which
the policy is silent.
"""

import re
from dataclasses import dataclass

import numpy as np

from bot.answer import Outcome
from bot.calibration import load_fit, load_on_topic, log_odds
from bot.models import EmbeddingModel, Vector, load_embedding_model
from bot.retrieval import Search
from bot.settings import TUNED_MODEL

_CLAUSES = 2
_SMALL_TALK = frozenset(
    (
        "hi hello hey hiya howdy yo greetings good morning afternoon evening night thanks thank thx ty cheers "
        "bye goodbye ok okay k yes no yeah yep nope sure cool great nice lol haha hmm um uh please help test "
        "testing anyone there are you a an the i me my we it is this that so and or to of in on for er well "
        "what huh question questions ask have got need can could do does how who why perfect fine all very much lot "
        "helps wow"
    ).split()
)


@dataclass(frozen=True)
class Verdict:
    """`on_topic` and `answerable` are probabilities; small talk is not judged and has neither.

    `sure`: the policy answers, and that may be said without reserve.
    """

    outcome: Outcome
    on_topic: float = 0.0
    answerable: float = 0.0
    sure: bool = False


class Judge:
    """Judges questions by what was found for them."""

    def __init__(self) -> None:
        self._model: EmbeddingModel = load_embedding_model(TUNED_MODEL)

    def judge(self, search: Search) -> Verdict:
        """The verdict on a question that stands alone, given what was found for it."""
        words = re.findall(r"[^\W\d_]+", search.query.lower())
        if all(word in _SMALL_TALK for word in words):
            return Verdict(Outcome.UNCLEAR)
        on_topic, answerable = load_on_topic(), load_fit("answerable")
        p_topic = on_topic.probability(search.vector)
        p_answer = answerable.probability(answerable_features(search))
        if p_topic < on_topic.threshold:
            outcome = Outcome.OFF_TOPIC if any(map(self._means_something, words)) else Outcome.UNCLEAR
        elif p_answer < answerable.threshold:
            outcome = Outcome.NOT_IN_POLICY
        else:
            outcome = Outcome.ANSWERED
        sure = outcome is Outcome.ANSWERED and p_answer >= answerable.sure
        return Verdict(outcome, p_topic, p_answer, sure)

    def _means_something(self, word: str) -> bool:
        """Whether a word is none of gibberish or small talk, as far as the model knows words whole."""
        return len(word) > 2 and word not in _SMALL_TALK and self._model.is_word(word)


def answerable_features(search: Search) -> Vector:
    """The log-odds that the best two clauses that were read answer."""
    scores = {
        (passage.policy.source, scored.clause.span): scored.score
        for passage in search.passages
        for scored in passage.clauses
        if scored.read
    }
    best = sorted(scores.values(), reverse=True)[:_CLAUSES]
    return np.array([log_odds(score) for score in best + [0.0] * (_CLAUSES - len(best))], np.float32)
