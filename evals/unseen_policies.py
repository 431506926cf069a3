"""How the bot does on policies that nobody tuned to: python -m evals.unseen_policies [FOLDER].

The folder (evals/unseen) has policies, and questions on each in a .jsonl of the same name: the outcome, and every
quote that a right answer may cite. Prints each figure with its 95 % interval.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot import Answer, Outcome, PolicyBot
from evals.labelled import UNSEEN, LabelledQuestion, read_labelled_policies
from evals.metrics import proportion


@dataclass(frozen=True)
class Asked:
    """A labelled question and the bot's answer to it."""

    question: LabelledQuestion
    answer: Answer

    @property
    def rightly_cited(self) -> list[bool]:
        """For each citation, whether it overlaps a span that a right answer may cite."""
        return [any(citation.span.overlaps(span) for span in self.question.spans) for citation in self.answer.citations]

    @property
    def right(self) -> bool:
        """Whether the outcome is the right one."""
        return self.answer.outcome is self.question.outcome

    @property
    def reserved(self) -> bool:
        """Whether the answer says that its quotes may not settle the question."""
        return self.answer.judgement is not None and not self.answer.judgement.sure


def ask_all(folder: Path) -> list[Asked]:
    """Ask every question of the folder."""
    with tempfile.TemporaryDirectory() as data:
        bot = PolicyBot.open(corpus=folder, data=data)
        return [
            Asked(question, bot.ask(question.text, question.history, labelled.policy.id))
            for labelled in read_labelled_policies(folder)
            for question in labelled.questions
        ]


def main() -> None:
    asked = ask_all(Path(sys.argv[1]) if len(sys.argv) > 1 else UNSEEN)
    should = [a for a in asked if a.question.outcome is Outcome.ANSWERED]
    answered = [a for a in should if a.answer.citations]
    print(f"{len(asked)} questions, in percent (95 % interval)")
    _show("a right clause first", answered, lambda a: a.rightly_cited[0])
    _show("a right clause cited", answered, lambda a: any(a.rightly_cited))
    _show("wrongly abstained", should, lambda a: not a.right)
    silent = [a for a in asked if a.question.outcome is Outcome.NOT_IN_POLICY and a.answer.citations]
    _show("answered with reserve", answered, lambda a: a.reserved)
    _show("the same where silent", silent, lambda a: a.reserved)
    for outcome in (Outcome.NOT_IN_POLICY, Outcome.OFF_TOPIC):
        _show(f"{outcome} recall", [a for a in asked if a.question.outcome is outcome], lambda a: a.right)
        _show(f"{outcome} precision", [a for a in asked if a.answer.outcome is outcome], lambda a: a.right)
    print(f"citations an answer: {sum(len(a.answer.citations) for a in answered) / max(len(answered), 1):.2f}")


def _show(name: str, asked: Sequence[Asked], holds: Callable[[Asked], bool]) -> None:
    measured = proportion(sum(map(holds, asked)), len(asked))
    bounds = f"({100 * (measured.low or 0):.0f} to {100 * (measured.high or 0):.0f})"
    print(f"{name:24} {100 * (measured.value or 0):5.1f} {bounds:12} of {measured.n}")


if __name__ == "__main__":
    main()
