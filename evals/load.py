"""Loads a running service with clients that ask at once: python -m evals.load [URL].

For 1, 10 and 50 clients it prints answers per second, the 95th percentile and the slowest
/healthz meanwhile, and counts what was lost or mixed up: each client knows what it asked. The
service must allow so many: POLICYBOT_CLIENT_RATE=100000/minute, and the same for GLOBAL_RATE.
"""

import asyncio
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import httpx

QUESTIONS = (
    "do you sell my stuff?",
    "do you use cookies?",
    "is it ok for my kid to use this?",
    "how do I contact you?",
    "where is my data processed?",
)
SECONDS = 15


@dataclass
class Tally:
    """What came of the questions of one load."""

    seconds: list[float] = field(default_factory=list)
    lost: int = 0
    mixed_up: int = 0


def main() -> None:
    url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7860"
    print("clients  answers/s  p50 ms  p95 ms  slowest /healthz ms  lost  mixed up")
    for clients in (1, 10, 50):
        with ProcessPoolExecutor(
            1, get_context("spawn")
        ) as apart:  # or it would measure these clients and not the service
            health = apart.submit(_watch, url)
            tally = asyncio.run(_load(url, clients))
            slowest = 1e3 * health.result()
        p50, p95 = (1e3 * statistics.quantiles(tally.seconds, n=100)[n] for n in (49, 94))
        rate = len(tally.seconds) / SECONDS
        print(f"{clients:7} {rate:10.1f} {p50:7.0f} {p95:7.0f} {slowest:20.0f} {tally.lost:5} {tally.mixed_up:9}")


async def _load(url: str, clients: int) -> Tally:
    tally = Tally()
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        expected = {q: (await _ask(client, q)).json()["citations"] for q in QUESTIONS}
        end = time.perf_counter() + SECONDS
        await asyncio.gather(*(_client(client, tally, expected, end, n) for n in range(clients)))
    return tally


async def _client(client: httpx.AsyncClient, tally: Tally, expected: dict[str, object], end: float, first: int) -> None:
    n = first
    while time.perf_counter() < end:
        question = QUESTIONS[n % len(QUESTIONS)]
        n += 1
        started = time.perf_counter()
        try:
            response = await _ask(client, question)
            answer = response.raise_for_status().json()
        except httpx.HTTPError:
            tally.lost += 1
            continue
        tally.seconds.append(time.perf_counter() - started)
        tally.mixed_up += answer["question"] != question or answer["citations"] != expected[question]


def _watch(url: str) -> float:
    """The slowest answer of /healthz, in seconds, while the clients ask."""
    slowest, end = 0.0, time.perf_counter() + SECONDS
    with httpx.Client(base_url=url) as client:
        client.get("/healthz")  # connects
        while time.perf_counter() < end:
            started = time.perf_counter()
            client.get("/healthz").raise_for_status()
            slowest = max(slowest, time.perf_counter() - started)
            time.sleep(0.02)
    return slowest


async def _ask(client: httpx.AsyncClient, question: str) -> httpx.Response:
    return await client.post("/api/v1/ask", json={"question": question})


if __name__ == "__main__":
    main()
