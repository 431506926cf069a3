"""What waits on the desk: cases that fail, answers that agents report, and answers that users found wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.log import Entry, Thumb
from evals.desk.decisions import Decision
from evals.run import CaseResult, Cause, Run

REPORTED, THUMBS_DOWN, CRASHED = "reported by an agent", "thumb down", "the bot crashed"


@dataclass(frozen=True)
class Item:
    """One thing to decide on: the result of a case, or an entry of the question log.

    `since` is when it came up: a decision made later settles it.
    """

    key: str
    group: str
    question: str
    since: datetime
    result: CaseResult | None = None
    entry: Entry | None = None


def items(run: Run | None, entries: Iterable[Entry]) -> list[Item]:
    """All items, grouped: what people reported first, then the failures of a run by cause."""
    found = [*map(_reported, entries), *(_failures(run) if run else ())]
    order = [REPORTED, THUMBS_DOWN, CRASHED, *(cause.value for cause in Cause)]
    return sorted(found, key=lambda item: order.index(item.group))


def unsettled(found: Sequence[Item], made: Iterable[Decision]) -> list[Item]:
    """The items on which nothing has been decided since they came up."""
    last = {decision.item: decision.decided_at for decision in made}
    return [item for item in found if item.key not in last or last[item.key] < item.since]


def _reported(entry: Entry) -> Item:
    complaints = [f for f in entry.feedback if f.thumb is not Thumb.UP]
    group = REPORTED if any(f.thumb is Thumb.REPORT for f in complaints) else THUMBS_DOWN
    return Item(f"answer:{entry.id}", group, entry.question, complaints[-1].given_at, entry=entry)


def _failures(run: Run) -> Iterable[Item]:
    since = datetime.fromisoformat(run.started).replace(tzinfo=None)
    for result in run.results:
        if not result.passed:
            group = result.cause.value if result.cause else CRASHED
            yield Item(f"case:{result.case.id}", group, result.case.question, since, result=result)
