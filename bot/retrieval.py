"""From a question to the passages of the policy that may answer it, best first."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from bot.answer import locate
from bot.calibration import load_fit, log_odds
from bot.chunking import in_context
from bot.errors import StaleIndexError
from bot.index import Hit, PolicyIndex
from bot.models import EmbeddingModel, Vector, load_embedding_model
from bot.policy import Clause, Policy, Section, Span
from bot.settings import TUNED_MODEL

_DEPTH = 100
"""Chunks and clauses looked at, at the least: scores of a chunk need those of its clauses."""
READ = 8
"""So many of the nearest clauses are read together with the question."""
_UNIT = 10.0
"""A cosine times this varies about as much as a logit or log-odds do."""
_FEWEST_WORDS = 3
"""A shorter clause ("Nope.", a company's name) says nothing on its own, and is not read."""


@dataclass(frozen=True)
class ScoredClause:
    """A clause, how near it is to the question, and the probability that it answers it.

    Nearness counts the clause's own cosine twice and its chunk's once: the clause knows the point,
    the chunk the context. The cross-encoder reads the nearest clauses, and its logit and the nearness
    make up the score. `read` says whether it did: the others rank behind those, by nearness.
    """

    clause: Clause
    nearness: float
    score: float = 0.0
    read: bool = False


@dataclass(frozen=True)
class Passage:
    """A chunk, how near it is to the question, and the probability that it answers it; its clauses, best first.

    The best clause's score and the nearness make up the passage's.
    """

    policy: Policy
    section: Section
    span: Span
    nearness: float
    clauses: tuple[ScoredClause, ...]
    score: float = 0.0

    @property
    def text(self) -> str:
        return self.span.of(self.policy.text)

    def to_dict(self) -> dict[str, Any]:
        place = locate(self.policy, self.section, self.span)
        return {**place, "score": round(self.score, 4), "text": self.text}


@dataclass(frozen=True, eq=False)
class Search:
    """A query, its vector by the tuned embedding model, and the passages found for it, best first."""

    query: str
    vector: Vector
    passages: tuple[Passage, ...]


class PolicyRetriever(BaseRetriever):
    """The k best passages of one policy's current version, or of all policies', or of another version.

    As a LangChain retriever it returns Documents; each carries its Passage in
    `metadata["passage"]`.
    """

    index: Any  # PolicyIndex; pydantic need not look into it
    embedding: EmbeddingModel
    scorer: Any  # ClauseScorer
    policy: str | None = None
    version: str | None = None
    k: int = 8

    def search(self, query: str) -> Search:
        """Find the nearest chunks and clauses, and rank them by reading the nearest together with the query."""
        vector = np.array(self.embedding.embed_query(query), np.float32)
        try:
            found = self._nearest(vector)
        except StaleIndexError:  # a sync replaced the index just now; the new one serves
            found = self._nearest(vector)
        tuned = load_embedding_model(TUNED_MODEL)
        if self.embedding is not tuned:
            vector = np.array(tuned.embed_query(query), np.float32)
        ranked = sorted(self._rerank(query, vector, found), key=lambda p: (-p.score, p.policy.source, p.span))
        return Search(query, vector, tuple(ranked[: self.k]))

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        passages = self.search(query).passages
        return [Document(p.text, metadata={"passage": p, **p.to_dict()}) for p in passages]

    def _nearest(self, vector: Vector) -> list[Passage]:
        index: PolicyIndex = self.index
        passages: list[Passage] = []
        for entry in index.scope(self.policy, self.version):
            chunks, clauses = index.search(entry, vector.tolist(), max(self.k, _DEPTH))
            passages += _passages(index.policy(entry), chunks, clauses)
        return passages

    def _rerank(self, query: str, vector: Vector, passages: Sequence[Passage]) -> list[Passage]:
        """The passages with their clauses scored, each passage's best first."""
        nearest = sorted(
            ((near, p) for p in passages for near in p.clauses if _says_something(p, near.clause)),
            key=lambda item: (-item[0].nearness, item[1].policy.source, item[0].clause.span),
        )
        texts: dict[tuple[str, Span], str] = {}  # neighbouring passages share clauses
        nearness: list[float] = []
        for near, p in nearest:
            if len(texts) == READ:
                break
            if (place := (p.policy.source, near.clause.span)) not in texts:
                texts[place] = in_context(p.policy, p.section, near.clause)
                nearness.append(near.nearness)
        scores = dict(zip(texts, self._scores(query, vector, [*texts.values()], nearness), strict=True))
        behind, answering = min(scores.values(), default=0.0), load_fit("passage")

        def scored(passage: Passage, near: ScoredClause) -> ScoredClause:
            score = scores.get((passage.policy.source, near.clause.span))
            if score is None:
                return replace(near, score=behind * max(near.nearness, 0.0))
            return replace(near, score=score, read=True)

        def reranked(passage: Passage) -> Passage:
            scored_clauses = (scored(passage, near) for near in passage.clauses)
            clauses = sorted(scored_clauses, key=lambda s: (-s.score, s.clause.span))
            score = answering.probability(passage_features(clauses[0].score, passage.nearness))
            return replace(passage, clauses=tuple(clauses), score=score)

        return [reranked(passage) for passage in passages]

    def _scores(self, query: str, vector: Vector, texts: list[str], nearness: list[float]) -> list[float]:
        """The probability that each clause answers."""
        if not texts:
            return []
        tuned = load_embedding_model(TUNED_MODEL)
        if self.embedding is not tuned:  # another model's cosines mean something else
            nearness = [float(cosine) for cosine in np.array(tuned.embed_documents(texts)) @ vector]
        relevance, logits = load_fit("relevance"), self.scorer.score(query, texts)
        return [relevance.probability(relevance_features(*pair)) for pair in zip(logits, nearness, strict=True)]


def relevance_features(logit: float, nearness: float) -> Vector:
    """What says whether a clause answers a question."""
    return np.array([logit, nearness * _UNIT], np.float32)


def passage_features(best: float, nearness: float) -> Vector:
    """What says whether a passage answers a question: the score of its best clause, and its own nearness."""
    return np.array([log_odds(best), nearness * _UNIT], np.float32)


def best_clause(passages: Sequence[Passage]) -> tuple[Passage, ScoredClause]:
    """The clause of the highest score in some passages, and where it stands: not always in the best passage."""
    passage = max(passages, key=lambda passage: passage.clauses[0].score)
    return passage, passage.clauses[0]


def _passages(policy: Policy, chunks: list[Hit], clauses: list[Hit]) -> Iterable[Passage]:
    unseen = clauses[-1].similarity if clauses else 0.0
    pieces = sorted((hit.span.start, hit.similarity) for hit in clauses)  # of a long clause, several

    def similarity(clause: Clause) -> float:
        first, end = (bisect_left(pieces, (at,)) for at in (clause.span.start, clause.span.end))
        return max((near for _, near in pieces[first:end]), default=unseen)

    for chunk in chunks:
        section = policy.section_at(chunk.span)
        near = [
            ScoredClause(clause, (2 * similarity(clause) + chunk.similarity) / 3)
            for clause in section.clauses
            if clause.span.overlaps(chunk.span)
        ]
        if near:
            yield Passage(policy, section, chunk.span, chunk.similarity, tuple(near))


def _says_something(passage: Passage, clause: Clause) -> bool:
    return clause.lead_in is not None or len(clause.span.of(passage.policy.text).split()) >= _FEWEST_WORDS
