"""Times the offline answer on the seed policy: python -m evals.speed."""

import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bot import PolicyBot

CORPUS = Path(__file__).parent.parent / "corpus"
QUESTIONS = (
    "do you sell my data?",
    "who gets to see my files",
    "how long do you keep things after I leave",
    "do you use facial recognition",
    "what's the weather",
)
ROUNDS = 30


def main() -> None:
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as data:
        bot = PolicyBot.open(corpus=CORPUS, data=data)
        bot.ask(QUESTIONS[0])
        print(f"start to first answer, imports excluded: {time.perf_counter() - started:.1f} s")
        answers = _milliseconds(bot.ask)
        embeddings = _milliseconds(bot.embedding.embed_query)
    for name, times in (("answer", answers), ("embedding call", embeddings)):
        print(f"{name}: p50 {statistics.median(times):.1f} ms, p95 {statistics.quantiles(times, n=20)[-1]:.1f} ms")
    print(f"ratio of the medians: {statistics.median(answers) / statistics.median(embeddings):.1f}")
    print(f"answers per second, one after another: {1000 * len(answers) / sum(answers):.0f}")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _milliseconds(call: Callable[[str], object]) -> list[float]:
    """What each call took, over all questions, in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        for question in QUESTIONS:
            started = time.perf_counter()
            call(question)
            times.append((time.perf_counter() - started) * 1000)
    return times


if __name__ == "__main__":
    main()
