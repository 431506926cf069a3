"""Decides what a question is owed: an answer, "not in the policy", "off topic" or "unclear"."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.answer import Outcome
from bot.retrieval import Passage


@dataclass(frozen=True)
class Verdict:
    outcome: Outcome


class Judge:
    def judge(self, query: str, passages: Sequence[Passage]) -> Verdict:
        best = passages[0].score if passages else 0.0
        if not query.strip():
            return Verdict(Outcome.UNCLEAR)
        if best < 0.15:
            return Verdict(Outcome.OFF_TOPIC)
        return Verdict(Outcome.ANSWERED if best > 0.3 else Outcome.NOT_IN_POLICY)
