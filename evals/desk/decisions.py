"""What legal has decided: who, when, why. Decisions are added, and never changed or deleted."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select

from bot.database import Database, decisions, now, reachable
from bot.errors import InputError


class Action(StrEnum):
    SAVE_CASE = "save_case"
    ACCEPT_ANSWER = "accept_answer"
    POLICY_GAP = "policy_gap"
    BOT_FAULT = "bot_fault"


TITLES = {
    Action.SAVE_CASE: "Save the case as edited",
    Action.ACCEPT_ANSWER: "Accept the answer given",
    Action.POLICY_GAP: "The policy should say this",
    Action.BOT_FAULT: "The bot is at fault",
}


@dataclass(frozen=True)
class Decision:
    """One decision on one item of the desk; `case` is the eval case that it makes or changes, if any."""

    decided_at: datetime
    reviewer: str
    item: str
    action: Action
    reason: str
    case: dict[str, Any] | None


class Decisions:
    """The decisions in a database. Every method raises DatabaseError where that is out of reach."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, reviewer: str, item: str, action: Action, reason: str, case: dict[str, Any] | None) -> Decision:
        """Store a decision; raises InputError where nobody gives it or no reason is given."""
        if not reviewer.strip() or not reason.strip():
            raise InputError("A decision needs a reviewer and a reason. Say in a few words why.")
        decision = Decision(now(), reviewer, item, action, reason.strip(), case)
        with reachable("nothing was decided"), self._database.begin() as connection:
            connection.execute(insert(decisions).values(vars(decision)))
        return decision

    def all(self) -> list[Decision]:
        """All decisions, oldest first."""
        with reachable("the decisions cannot be read"), self._database.begin() as connection:
            rows = connection.execute(select(decisions).order_by(decisions.c.id)).all()
        return [Decision(r.decided_at, r.reviewer, r.item, Action(r.action), r.reason, r.case) for r in rows]


def to_csv(made: Sequence[Decision]) -> str:
    """The decisions as a table for a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["decided_at", "reviewer", "item", "action", "reason", "case"])
    for d in made:
        case = d.case["id"] if d.case else ""
        row = [f"{d.decided_at:%Y-%m-%dT%H:%M:%SZ}", d.reviewer, d.item, d.action.value, d.reason, case]
        writer.writerow([_not_a_formula(cell) for cell in row])
    return out.getvalue()


def _not_a_formula(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: questions and reasons come from anybody."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
