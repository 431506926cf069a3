"""A question on its way through the service: checked, queued, answered, counted and kept."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from prometheus_client import Counter, Histogram

from bot.answer import Answer
from bot.chain import PolicyBot
from bot.errors import InputError
from bot.log import QuestionLog
from bot.settings import Settings
from bot.web.model_queue import ModelQueue

ANSWERS = Counter("policybot_answers", "Answers given.", ["outcome", "answerer"])
ANSWER_SECONDS = Histogram("policybot_answer_seconds", "From question to answer, waiting in line left out.")
T = TypeVar("T")


@dataclass(frozen=True)
class Asked:
    """An answer, and its id in the question log: None where nothing is kept."""

    answer: Answer
    id: str | None

    def to_dict(self) -> dict[str, Any]:
        return {"id": self.id, **self.answer.to_dict()}


class Asking:
    """The one way by which every page and every API call gets an answer."""

    def __init__(self, bot: PolicyBot, log: QuestionLog | None, settings: Settings) -> None:
        self.bot, self.log, self.settings = bot, log, settings
        self.queue = ModelQueue(settings.workers, settings.queue, settings.request_timeout_s)

    async def stream(
        self, question: str, history: Sequence[str] = (), policy: str | None = None, version: str | None = None
    ) -> AsyncIterator[str | Asked]:
        """The answer's text piece by piece, then the answer. Raises PolicybotError, QueueFullError, TimeoutError."""
        self.check(question, history)
        self.bot.index.scope(policy, version)
        async for piece in self.queue.stream(lambda: self.bot.stream(question, history, policy, version)):
            yield self._keep(piece, tuple(history), policy, version) if isinstance(piece, Answer) else piece

    async def run(self, work: Callable[[], T]) -> T:
        """Other work of the model's, such as a search, in the same line."""
        return await self.queue.run(work)

    def check(self, question: str, history: Sequence[str]) -> None:
        """Raises InputError for what is too long."""
        most = self.settings.question_chars
        if len(question) > most or any(len(turn) > most for turn in history):
            raise InputError(f"A question may have at most {most} characters. Ask in fewer words.")
        if len(history) > self.settings.history_turns:
            raise InputError(
                f"At most {self.settings.history_turns} earlier questions may be sent. Send the last ones."
            )

    def close(self) -> None:
        self.queue.close()

    def _keep(self, answer: Answer, history: tuple[str, ...], policy: str | None, version: str | None) -> Asked:
        ANSWERS.labels(answer.outcome.value, answer.answerer).inc()
        ANSWER_SECONDS.observe(answer.timings_ms.get("total", 0) / 1e3)
        if self.log is None:
            return Asked(answer, None)
        model = self.bot.settings.embedding_model
        return Asked(answer, self.log.record(answer, history, policy, model, version))
