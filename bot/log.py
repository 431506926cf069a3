"""The question log: what was asked and answered, masked, and without anything about who asked.

A thread of its own writes, so that a slow or dead database never holds up an answer; what
could not be written is counted.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from queue import Empty, Full, Queue
from typing import Any

import structlog
from prometheus_client import Counter
from sqlalchemy import Connection, delete, insert, select

from bot.answer import Answer
from bot.database import Database, feedback, now, questions, reachable
from bot.errors import DatabaseError
from bot.masking import mask

_ROOM = 1000
_PURGE_S = 3600.0
LOST = Counter("policybot_log_lost", "Entries of the question log that could not be stored.")


class Thumb(StrEnum):
    UP = "up"
    DOWN = "down"
    REPORT = "report"


@dataclass(frozen=True)
class Feedback:
    """What somebody thought of an answer. `reporter` names an agent; of others nothing is known."""

    thumb: Thumb
    reason: str
    given_at: datetime
    reporter: str | None


@dataclass(frozen=True)
class Entry:
    """One question as it is kept: masked, with the answer given and the feedback on it.

    `policy` and `version` are those asked about; None: all of them, and the current one.
    """

    id: str
    asked_at: datetime
    policy: str | None
    version: str | None
    question: str
    history: tuple[str, ...]
    outcome: str
    text: str
    citations: tuple[dict[str, Any], ...]
    answerer: str
    model: str
    feedback: tuple[Feedback, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        given = [{**asdict(f), "given_at": f.given_at.isoformat()} for f in self.feedback]
        return {**asdict(self), "asked_at": self.asked_at.isoformat(), "feedback": given}


class QuestionLog:
    """The log in a database, of which entries older than `days` are deleted."""

    def __init__(self, database: Database, days: int) -> None:
        self._database, self._days = database, days
        self._work: Queue[Callable[[], None] | None] = Queue(_ROOM)
        self._writer = threading.Thread(target=self._write, name="question-log", daemon=True)
        self._writer.start()

    def record(
        self, answer: Answer, history: tuple[str, ...], policy: str | None, model: str, version: str | None = None
    ) -> str:
        """Have an answer stored; returns its id. Neither waits nor fails."""
        row = {
            "id": str(uuid.uuid4()),
            "asked_at": now(),
            "policy": policy,
            "version": version,
            "question": mask(answer.question),
            "history": [mask(turn) for turn in history],
            "outcome": answer.outcome.value,
            "text": answer.text,
            "citations": [citation.to_dict() for citation in answer.citations],
            "answerer": answer.answerer,
            "model": model,
        }
        self._submit(lambda connection: connection.execute(insert(questions).values(row)))
        return str(row["id"])

    def add_feedback(self, entry: str, thumb: Thumb, reason: str = "", reporter: str | None = None) -> Future[bool]:
        """Have feedback stored; the result says whether the log holds the entry. Fails like the database."""

        def write(connection: Connection) -> bool:
            if connection.execute(select(questions.c.id).where(questions.c.id == entry)).first() is None:
                return False
            row = {"question_id": entry, "given_at": now(), "thumb": thumb, "reason": mask(reason)}
            connection.execute(insert(feedback).values(**row, reporter=reporter))
            return True

        return self._submit(write)

    def entries(self, thumbs: tuple[Thumb, ...] = (), outcome: str | None = None) -> Iterator[Entry]:
        """The entries, oldest first: all, those with one of these thumbs, or those of one outcome.

        Raises DatabaseError.
        """
        wanted = select(questions).order_by(questions.c.asked_at, questions.c.id)
        if thumbs:
            wanted = wanted.where(
                questions.c.id.in_(select(feedback.c.question_id).where(feedback.c.thumb.in_(thumbs)))
            )
        if outcome:
            wanted = wanted.where(questions.c.outcome == outcome)
        with reachable("the question log cannot be read"), self._database.begin() as connection:
            given: dict[str, list[Feedback]] = {}
            for f in connection.execute(select(feedback).order_by(feedback.c.id)):
                found = Feedback(Thumb(f.thumb), f.reason, f.given_at, f.reporter)
                given.setdefault(f.question_id, []).append(found)
            rows = connection.execute(wanted).mappings().all()
        for row in rows:
            fields = dict(row) | {"history": tuple(row["history"]), "citations": tuple(row["citations"])}
            yield Entry(**fields, feedback=tuple(given.get(row["id"], ())))

    def purge(self, everything: bool = False) -> int:
        """Delete what is older than the log's days, or everything; returns how many questions. Raises DatabaseError."""
        with reachable("nothing was deleted"), self._database.begin() as connection:
            return _purge(connection, now() if everything else now() - timedelta(days=self._days))

    def close(self) -> None:
        """Write what is waiting, and stop."""
        self._work.put(None)
        self._writer.join(timeout=10)

    def _submit(self, write: Callable[[Connection], Any]) -> Future[Any]:
        result: Future[Any] = Future()

        def work() -> None:
            try:
                with self._database.begin() as connection:
                    written = write(connection)
                result.set_result(written)
            except Exception as error:  # whatever it is, the next entry must still be written
                LOST.inc()
                structlog.get_logger().error("question log not written", error=type(error).__name__)
                result.set_exception(error)

        try:
            self._work.put_nowait(work)
        except Full as error:
            LOST.inc()
            result.set_exception(error)
        return result

    def _write(self) -> None:
        next_purge = time.monotonic()
        while True:
            if time.monotonic() >= next_purge:
                next_purge = time.monotonic() + _PURGE_S
                with suppress(DatabaseError):  # out of reach: the next round tries again
                    self.purge()
            try:
                work = self._work.get(timeout=max(0.0, next_purge - time.monotonic()))
            except Empty:
                continue
            if work is None:
                return
            work()


def _purge(connection: Connection, before: datetime) -> int:
    old = select(questions.c.id).where(questions.c.asked_at < before)
    connection.execute(delete(feedback).where(feedback.c.question_id.in_(old)))
    return connection.execute(delete(questions).where(questions.c.asked_at < before)).rowcount
