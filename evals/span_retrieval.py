"""Span retrieval on a benchmark in PrivacyQA's form: python -m evals.span_retrieval FOLDER.

FOLDER holds policies as .txt and questions.json, a list of {"policy", "question", "spans"}.
Scored as LegalBench-RAG does (arXiv 2408.10343): over the first k retrieved spans, precision is
relevant characters / retrieved characters and recall is relevant characters / gold characters,
both averaged over the questions.
"""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bot import PolicyBot
from bot.policy import Span

CUTOFFS = (1, 2, 4, 8, 16, 32, 64)


def precision_recall(retrieved: Sequence[Span], gold: Sequence[Span]) -> tuple[float, float]:
    """Character precision and recall of spans that do not overlap one another, each from 0 to 1."""
    relevant = sum(max(0, min(r.end, g.end) - max(r.start, g.start)) for r in retrieved for g in gold)
    retrieved_chars = sum(span.end - span.start for span in retrieved)
    gold_chars = sum(span.end - span.start for span in gold)
    return relevant / retrieved_chars if retrieved_chars else 0.0, relevant / gold_chars


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1], "questions.json").exists():
        sys.exit("Usage: python -m evals.span_retrieval FOLDER (a folder with questions.json and the policies)")
    folder = Path(sys.argv[1])
    questions = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
    scores: list[list[tuple[float, float]]] = []
    with tempfile.TemporaryDirectory() as data:
        bot = PolicyBot.open(corpus=folder, data=data)
        for question in questions:
            gold = [Span(*span) for span in question["spans"]]
            policy = question["policy"].removesuffix(".txt")
            found = [passage.span for passage in bot.search(question["question"], k=max(CUTOFFS), policy=policy)]
            scores.append([precision_recall(found[:k], gold) for k in CUTOFFS])
    print(f"{len(questions)} questions, in percent\n   k  precision  recall")
    for at, k in enumerate(CUTOFFS):
        precision = 100 * sum(row[at][0] for row in scores) / len(scores)
        recall = 100 * sum(row[at][1] for row in scores) / len(scores)
        print(f"{k:4}  {precision:9.1f}  {recall:6.1f}")


if __name__ == "__main__":
    main()
