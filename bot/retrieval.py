"""From a question to the passages of the policy that may answer it, best first."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from bot.answer import locate
from bot.errors import StaleIndexError
from bot.index import Hit, PolicyIndex
from bot.models import EmbeddingModel
from bot.policy import Clause, Policy, Section, Span

_DEPTH = 100
"""Chunks and clauses looked at, at the least: scores of a chunk need those of its clauses."""


@dataclass(frozen=True)
class ScoredClause:
    """A clause and how near it is to the question, up to 1."""

    clause: Clause
    score: float


@dataclass(frozen=True)
class Passage:
    """A chunk that may answer a question, with its clauses, best first.

    A clause's score counts its own similarity twice and its chunk's once: the clause knows the
    point, the chunk the context. The passage's `score` is its best clause's, `similarity` the
    chunk's own.
    """

    policy: Policy
    section: Section
    span: Span
    score: float
    similarity: float
    clauses: tuple[ScoredClause, ...]

    @property
    def text(self) -> str:
        return self.span.of(self.policy.text)

    def to_dict(self) -> dict[str, Any]:
        place = locate(self.policy, self.section, self.span)
        return {**place, "score": round(self.score, 4), "text": self.text}


class PolicyRetriever(BaseRetriever):
    """The k best passages of one policy's current version, or of all policies', or of another version.

    As a LangChain retriever it returns Documents; each carries its Passage in
    `metadata["passage"]`.
    """

    index: Any  # PolicyIndex; pydantic need not look into it
    embedding: EmbeddingModel
    expander: Any  # QueryExpander
    policy: str | None = None
    version: str | None = None
    k: int = 8

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        vector = self.expander.expand(np.array(self.embedding.embed_query(query), np.float32)).tolist()
        try:
            passages = self._search(vector)
        except StaleIndexError:  # a sync replaced the index just now; the new one serves
            passages = self._search(vector)
        best = sorted(passages, key=lambda p: (-p.score, p.policy.source, p.span))[: self.k]
        return [Document(p.text, metadata={"passage": p, **p.to_dict()}) for p in best]

    def _search(self, vector: list[float]) -> list[Passage]:
        index: PolicyIndex = self.index
        passages: list[Passage] = []
        for entry in index.scope(self.policy, self.version):
            chunks, clauses = index.search(entry, vector, max(self.k, _DEPTH))
            passages += _passages(index.policy(entry), chunks, clauses)
        return passages


def _passages(policy: Policy, chunks: list[Hit], clauses: list[Hit]) -> Iterable[Passage]:
    unseen = clauses[-1].similarity if clauses else 0.0
    similarity: dict[int, float] = {}
    for hit in clauses:
        similarity.setdefault(hit.span.start, hit.similarity)
    for chunk in chunks:
        section = policy.section_at(chunk.span)
        scored = [
            ScoredClause(clause, (2 * similarity.get(clause.span.start, unseen) + chunk.similarity) / 3)
            for clause in section.clauses
            if clause.span.overlaps(chunk.span)
        ]
        scored.sort(key=lambda s: (-s.score, s.clause.span))
        if scored:
            yield Passage(policy, section, chunk.span, scored[0].score, chunk.similarity, tuple(scored))
