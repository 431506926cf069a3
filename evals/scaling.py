"""Times a search scoped to one policy as others are added: python -m evals.scaling.

Beside it stands the layout that was not chosen: all clauses in one collection, filtered by policy.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from langchain_chroma import Chroma

from bot.chain import PolicyBot
from bot.corpus import read_corpus

CALIBRATION = Path(__file__).with_name("calibration")
COPIES = (1, 4, 12)
QUESTIONS = ("do you sell my data?", "who can see my files", "how long is it kept", "cookies")


def main() -> None:
    policies = read_corpus(CALIBRATION)
    asked = policies[0].id
    with tempfile.TemporaryDirectory() as data:
        bot = PolicyBot.open(corpus=CALIBRATION, data=data)
        vectors = [bot.embedding.embed_query(question) for question in QUESTIONS]
        for copies in COPIES:
            many = [replace(p, id=f"{p.id}-{n}" if n else p.id) for n in range(copies) for p in policies]
            bot.index.sync(many)
            (entry,) = bot.index.scope(asked)
            shared = _one_collection(bot, f"{data}/shared-{copies}")
            own = _median_ms(partial(bot.index.search, entry, k=100), vectors)
            only = partial(shared.similarity_search_by_vector, k=100, filter={"policy": asked})
            filtered = _median_ms(only, vectors)
            print(
                f"{len(many)} policies, {shared._collection.count()} clauses: "
                f"chunks and clauses of one policy {own:.1f} ms; its clauses filtered out of all {filtered:.1f} ms",
                flush=True,
            )


def _one_collection(bot: PolicyBot, folder: str) -> Chroma:
    """All clauses of the index in one collection, with the vectors that they have already."""
    shared = Chroma(persist_directory=folder, embedding_function=bot.embedding)
    for entry in bot.index.entries:
        stored = bot.index._open(f"{entry.key}-clauses").get(include=["embeddings", "documents"])
        shared._collection.add(
            ids=[f"{entry.key}-{name}" for name in stored["ids"]],
            embeddings=stored["embeddings"],
            documents=stored["documents"],
            metadatas=[{"policy": entry.id}] * len(stored["ids"]),
        )
    return shared


def _median_ms(search: Callable[[list[float]], object], vectors: list[list[float]]) -> float:
    times = []
    for vector in vectors * 25:
        started = time.perf_counter()
        search(vector)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    main()
