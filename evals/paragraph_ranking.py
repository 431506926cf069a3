"""Does the right paragraph rank first? python -m evals.paragraph_ranking policyqa-dev.json

The file is in SQuAD's form, as PolicyQA's (Ahmad et al., EMNLP Findings 2020): policies as
paragraphs, with questions on them. A paragraph ranks as its best passage does, among those of its
own policy; one that answers the same question there as well is right, too.
POLICYBOT_EMBEDDING_MODEL chooses the model.
"""

import json
import sys
import tempfile
from bisect import bisect_right
from collections import defaultdict
from pathlib import Path
from typing import Any

from bot import PolicyBot
from evals.metrics import proportion

CUTOFFS = (1, 3, 5)
_BREAK = "\n\n"


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).exists():
        sys.exit("Usage: python -m evals.paragraph_ranking policyqa-dev.json")
    policies = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["data"]
    ranks: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for n, policy in enumerate(policies):
            (corpus / f"{n}.txt").write_text(_BREAK.join(_paragraphs(policy)), encoding="utf-8")
        bot = PolicyBot.open(corpus=corpus, data=Path(folder, "data"))
        for n, policy in enumerate(policies):
            ranks += _ranks(bot, str(n), policy)
    print(f"{len(ranks)} questions, {bot.settings.embedding_model}")
    for k in CUTOFFS:
        measured = proportion(sum(rank < k for rank in ranks), len(ranks))
        print(f"in the first {k}: {100 * (measured.value or 0):.1f} %", end="")
        print(f" ({100 * (measured.low or 0):.1f} to {100 * (measured.high or 0):.1f})")


def _paragraphs(policy: dict[str, Any]) -> list[str]:
    return [" ".join(paragraph["context"].split()) for paragraph in policy["paragraphs"]]


def _ranks(bot: PolicyBot, name: str, policy: dict[str, Any]) -> list[int]:
    """For each question, how many paragraphs stand before the first right one."""
    starts, at = [], 0
    for text in _paragraphs(policy):
        starts.append(at)
        at += len(text) + len(_BREAK)
    right: dict[str, set[int]] = defaultdict(set)
    for n, paragraph in enumerate(policy["paragraphs"]):
        for qa in paragraph["qas"]:
            right[qa["question"]].add(n)
    ranks = []
    for question, paragraphs in right.items():
        found = bot.search(question, k=1000, policy=name)
        order = list(dict.fromkeys(bisect_right(starts, passage.span.start) - 1 for passage in found))
        ranks.append(next((rank for rank, n in enumerate(order) if n in paragraphs), len(starts)))
    return ranks


if __name__ == "__main__":
    main()
