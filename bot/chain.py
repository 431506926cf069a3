"""The bot: from a question to a cited answer, top to bottom."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableLambda

from bot import extractive
from bot.answer import Answer, Citation, Judgement, Outcome, Piece
from bot.chat_model import ChatModelError
from bot.conversation import condense, is_follow_up, opening_question, split_question
from bot.corpus import read_corpus
from bot.cross_encoder import load_clause_scorer
from bot.generative import ChatAnswerer
from bot.grounding import ground
from bot.index import PolicyIndex, SyncReport
from bot.judge import Judge, Verdict
from bot.models import TokenCounter, load_embedding_model
from bot.retrieval import Passage, PolicyRetriever, Search, best_clause
from bot.settings import Settings, load_settings

PASSAGES = 16
"""So many are found for a question that is to be answered."""


@dataclass(frozen=True)
class Question:
    """What a person asks, the conversation before it, the policy (None: all) and its version (None: the current)."""

    text: str
    history: tuple[BaseMessage, ...] = ()
    policy: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Retrieved:
    """A question with what was found for it, or for each of the questions that it asks in one breath.

    `query` is the whole question, so that it stands alone; `started` and `retrieved` are the clock's times.
    """

    question: Question
    query: str
    parts: tuple[Search, ...]
    started: float
    retrieved: float


@dataclass(frozen=True)
class Judged:
    """What is owed to a question, and from what it is answered.

    `unanswered` counts from 0 the parts of an answered question that the policy does not answer; `whole` is what
    a chat model reads.
    """

    found: Retrieved
    verdict: Verdict
    answering: tuple[Search, ...]
    whole: Search
    unanswered: tuple[int, ...] = ()


class PolicyBot:
    """Answers questions on the policies of a corpus folder. `PolicyBot.open` makes one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.embedding = load_embedding_model(settings.embedding_model)
        counter = TokenCounter(settings.encoding)
        self.index = PolicyIndex(settings.data, self.embedding, counter, settings.chunk_tokens)
        self.scorer = load_clause_scorer()
        self.judge = Judge()
        self.chat = ChatAnswerer(settings, counter) if settings.llm else None

    @classmethod
    def open(cls, corpus: Path | str | None = None, data: Path | str | None = None) -> "PolicyBot":
        """A bot on a corpus folder, with its index in the data folder.

        Builds the index where there is none yet, or where it was made with another model.
        Raises PolicybotError.
        """
        bot = cls(load_settings(corpus, data))
        if not bot.index.built:
            bot.sync()
        return bot

    def sync(self) -> SyncReport:
        """Bring the index up to date with the corpus; on an error the old index stays."""
        return self.index.sync(read_corpus(self.settings.corpus))

    def ask(
        self,
        question: str,
        history: Sequence[BaseMessage | str] = (),
        policy: str | None = None,
        version: str | None = None,
    ) -> Answer:
        """The answer to a question.

        `history` is the conversation so far, as messages or as the earlier questions. Without a
        version, the current one answers. Raises UnknownPolicyError, and StaleIndexError when the
        corpus changed since it was indexed.
        """
        *_, last = self.stream(question, history, policy, version)
        assert isinstance(last, Answer)
        return last

    def stream(
        self,
        question: str,
        history: Sequence[BaseMessage | str] = (),
        policy: str | None = None,
        version: str | None = None,
    ) -> Iterator[str | Answer]:
        """The answer's text piece by piece, then the answer itself.

        The pieces make up the answer's text, but when a chat model breaks off in the middle:
        then the answer at the end is the offline one, and replaces them.
        """
        yield from self.answering().stream(_question(question, history, policy, version))

    def search(
        self,
        question: str,
        k: int = 8,
        policy: str | None = None,
        history: Sequence[BaseMessage | str] = (),
        version: str | None = None,
    ) -> tuple[Passage, ...]:
        """The k best passages for a question, best first."""
        asked = _question(question, history, policy, version)
        return self._search(condense(asked.text, asked.history), asked, k).passages

    def answering(self) -> Runnable[Question, Any]:
        """Question -> Retrieved -> Judged -> pieces of text and, last, the grounded Answer."""
        retrieve: Runnable[Question, Retrieved] = RunnableLambda(self._retrieve)
        return retrieve | RunnableLambda(self._judge) | RunnableLambda(self._answer)

    def _retrieve(self, question: Question) -> Retrieved:
        started = time.perf_counter()
        first, *others = split_question(question.text)
        asked = condense(first, question.history), *others
        parts = tuple(self._search(part, question, PASSAGES) for part in asked)
        return Retrieved(question, condense(question.text, question.history), parts, started, time.perf_counter())

    def _search(self, query: str, asked: Question, k: int) -> Search:
        retriever = PolicyRetriever(
            index=self.index,
            embedding=self.embedding,
            scorer=self.scorer,
            policy=asked.policy,
            version=asked.version,
            k=k,
        )
        return retriever.search(query)

    def _judge(self, found: Retrieved) -> Judged:
        """The verdict on the parts that can be answered; on the whole question where none can."""
        judged = [self._judge_part(part, found) for part in found.parts]
        answered = [(verdict, part) for verdict, part in judged if verdict.outcome is Outcome.ANSWERED]
        whole = found.parts[0]
        if found.parts[1:] and (self.chat or not answered):
            whole = self._search(found.query, found.question, PASSAGES)
        if not answered:
            return self._judge_whole(whole, found)
        settled = Outcome.ANSWERED, Outcome.UNCLEAR  # nobody misses an answer to "can you help me please?"
        unanswered = tuple(n for n, (verdict, _) in enumerate(judged) if verdict.outcome not in settled)
        verdict = replace(answered[0][0], sure=all(verdict.sure for verdict, _ in answered))
        return Judged(found, verdict, tuple(part for _, part in answered), whole, unanswered)

    def _judge_whole(self, whole: Search, found: Retrieved) -> Judged:
        """The verdict on the whole question; where it has no answer, on the question that opens it, with reserve."""
        verdict, first = self.judge.judge(whole), opening_question(found.question.text)
        if first and verdict.outcome is not Outcome.ANSWERED:
            search = self._search(first, found.question, PASSAGES)
            alone = self.judge.judge(search)
            if alone.outcome is Outcome.ANSWERED:
                return Judged(found, replace(alone, sure=False), (search,), whole)
        return Judged(found, verdict, (whole,), whole)

    def _judge_part(self, part: Search, found: Retrieved) -> tuple[Verdict, Search]:
        """The verdict on a part; where it needs the first one ("can I delete it?"), on both together."""
        verdict, first = self.judge.judge(part), found.parts[0]
        if part is first or verdict.outcome is Outcome.ANSWERED or not is_follow_up(part.query):
            return verdict, part
        together = self._search(condense(part.query, [f"{first.query}?"]), found.question, PASSAGES)
        return self.judge.judge(together), together

    def _answer(self, judged: Judged) -> Iterator[str | Answer]:
        asked, verdict = judged.found.question, judged.verdict
        judgement = _judgement(verdict, judged.answering[0].passages)
        fallback, said = None, False

        def finished(answer: Answer) -> Answer:
            return _timed(replace(answer, judgement=judgement, fallback=fallback), judged.found)

        if self.chat is not None and verdict.outcome is not Outcome.UNCLEAR:
            try:
                reply = self.chat.answer(asked.text, asked.history, judged.whole.passages)
                for part in self._grounded(reply, judged):
                    said = True
                    yield part if isinstance(part, str) else finished(part)
                return
            except ChatModelError as error:
                fallback = error.reason
        passages = [search.passages for search in judged.answering]
        offline = extractive.answer(asked.text, verdict.outcome, passages, judged.unanswered, verdict.sure)
        for part in self._grounded(offline, judged):
            if isinstance(part, Answer):
                yield finished(part)
            elif not said:
                yield part

    def _grounded(self, parts: Iterator[Piece | Answer], judged: Judged) -> Iterator[str | Answer]:
        searches = (*judged.found.parts, judged.whole)
        consulted = {p.policy.source: p.policy for search in searches for p in search.passages}.values()
        for part in parts:
            ground(part, consulted, self.settings.corpus)
            yield part if isinstance(part, Answer) else part.text


def _judgement(verdict: Verdict, passages: Sequence[Passage]) -> Judgement | None:
    if verdict.outcome is Outcome.UNCLEAR or not passages:
        return None
    passage, best = best_clause(passages)
    nearest = Citation(passage.policy, best.clause.span)
    return Judgement(verdict.on_topic, verdict.answerable, nearest, best.score, verdict.sure)


def _timed(answer: Answer, found: Retrieved) -> Answer:
    now = time.perf_counter()
    retrieve, total = found.retrieved - found.started, now - found.started
    return answer.timed(retrieve=retrieve * 1e3, answer=(total - retrieve) * 1e3, total=total * 1e3)


def _question(text: str, history: Sequence[BaseMessage | str], policy: str | None, version: str | None) -> Question:
    messages = tuple(HumanMessage(_well_formed(turn)) if isinstance(turn, str) else turn for turn in history)
    return Question(_well_formed(text), messages, policy, version)


def _well_formed(text: str) -> str:
    """The text without the half characters that JSON can smuggle in and no tokenizer takes."""
    return text.encode("utf-8", "replace").decode("utf-8")
