"""The HTTP API, over real HTTP."""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from bot import PolicyBot
from bot.web.model_queue import ModelQueue, QueueFullError
from bot.web.observe import configure_logging
from tests.site import ROOT, Site, serve

SOLD = "do you sell my stuff?"


def ask(site: Site, question: str, **more: object) -> Response:
    with site.client() as client:
        return client.post("/api/v1/ask", json={"question": question, **more})


def events(text: str) -> list[tuple[str, dict]]:
    found = []
    for block in text.strip().split("\n\n"):
        name, data = block.split("\n", 1)
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_answer_is_that_of_the_command_line(site: Site, bot: PolicyBot) -> None:
    answer = ask(site, SOLD).json()
    expected = bot.ask(SOLD).to_dict()
    del answer["timings_ms"], expected["timings_ms"]
    assert answer.pop("id")
    assert answer == expected


def test_history_is_heard(site: Site, bot: PolicyBot) -> None:
    history = ["do you use cookies?"]
    answer = ask(site, "can i turn them off?", history=history).json()
    assert answer["citations"] == [c.to_dict() for c in bot.ask("can i turn them off?", history).citations]


def test_stream_gives_pieces_then_citations_then_the_answer(site: Site) -> None:
    with site.client() as client:
        response = client.post("/api/v1/ask", json={"question": SOLD}, headers={"Accept": "text/event-stream"})
    assert response.headers["content-type"].startswith("text/event-stream")
    found = events(response.text)
    names = [name for name, _ in found]
    assert names == ["delta"] * (len(names) - 2) + ["citations", "done"]
    done = found[-1][1]
    assert "".join(data["text"] for name, data in found if name == "delta") == done["text"]
    assert found[-2][1]["citations"] == done["citations"] != []


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({"question": "x" * 2001}, 422, "2000"),
        ({"question": "why?", "history": ["a"] * 21}, 422, "20"),
        ({"question": "why?", "history": ["x" * 2001]}, 422, "2000"),
        ({"question": "hi", "policy": "no-such"}, 404, "no-such"),
        ({}, 422, "question"),
        ({"question": 7}, 422, "question"),
        ({"question": "hi", "unknown": 1}, 422, "unknown"),
        ([], 422, ""),
    ],
)
def test_bad_request_is_one_problem(site: Site, body: object, status: int, word: str) -> None:
    for accept in ("application/json", "text/event-stream"):
        with site.client() as client:
            response = client.post("/api/v1/ask", json=body, headers={"Accept": accept})
        assert response.status_code == status
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert set(problem) == {"type", "title", "status", "detail"}
        assert problem["status"] == status
        assert word in problem["detail"]


def test_malformed_and_oversized_bodies(site: Site) -> None:
    json_type = {"Content-Type": "application/json"}
    with site.client() as client:
        assert client.post("/api/v1/ask", content=b"{", headers=json_type).status_code == 422
        assert client.post("/api/v1/ask", content=b'{"question": "\xff"}', headers=json_type).status_code in (400, 422)
        large = client.post("/api/v1/ask", content=b" " * (2**20 + 1), headers=json_type)
        assert (large.status_code, large.headers["content-type"]) == (413, "application/problem+json")
        chunked = client.post("/api/v1/ask", content=(b" " * 2**16 for _ in range(20)), headers=json_type)
        assert chunked.status_code == 413
        assert client.get("/api/v1/nothing").headers["content-type"] == "application/problem+json"


def test_half_a_character_is_no_crash(site: Site) -> None:
    with site.client() as client:
        response = client.post(
            "/api/v1/ask",
            content=b'{"question": "do you sell my data \\ud83d?"}',
            headers={"Content-Type": "application/json"},
        )
    assert response.status_code == 200
    assert response.json()["outcome"] == "answered"


def test_policies_and_their_texts(site: Site) -> None:
    source = (ROOT / "corpus" / "alumia-privacy-policy.txt").read_bytes().decode()
    with site.client() as client:
        [listed] = client.get("/api/v1/policies").json()["policies"]
        assert listed["updated"] == "2026-04-28"
        policy = client.get(f"/api/v1/policies/{listed['id']}", params={"version": "2026-04-28"}).json()
        assert policy["text"] == source
        assert all(source[s["start"] : s["end"]].strip() for s in policy["sections"])
        for path in ("no-such", "..%2F..%2Fpyproject", f"{listed['id']}?version=1999", "%2Fetc%2Fpasswd"):
            assert client.get(f"/api/v1/policies/{path}").status_code == 404


def test_feedback_needs_a_known_answer(site: Site) -> None:
    entry = ask(site, SOLD).json()["id"]
    with site.client() as client:
        assert client.post("/api/v1/feedback", json={"id": entry, "thumb": "down", "reason": "no"}).status_code == 204
        assert client.post("/api/v1/feedback", json={"id": "nobody", "thumb": "up"}).status_code == 404
        assert client.post("/api/v1/feedback", json={"id": entry, "thumb": "report"}).status_code == 422


def test_only_allowed_origins_may_read_answers(site: Site) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    with site.client() as client:
        for origin, allowed in (("http://shop.example", True), ("http://evil.example", False)):
            asked = client.options("/api/v1/ask", headers={"Origin": origin, **preflight})
            assert (asked.headers.get("access-control-allow-origin") == origin) is allowed
            answered = client.post("/api/v1/ask", json={"question": SOLD}, headers={"Origin": origin})
            assert ("access-control-allow-origin" in answered.headers) is allowed
            assert "access-control-allow-credentials" not in answered.headers
        policy = client.get("/").headers["content-security-policy"]
    assert "frame-ancestors 'self' http://shop.example" in policy


@pytest.mark.parametrize("path", ["/", "/demo", "/login", "/agent", "/api/v1/policies", "/nothing", "/widget.js"])
def test_every_response_has_security_headers(site: Site, path: str) -> None:
    with site.client() as client:
        headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors" in headers["content-security-policy"]
    assert headers["x-request-id"]


def test_metrics_and_health(site: Site) -> None:
    ask(site, SOLD)
    with site.client() as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").status_code == 200
        text = client.get("/metrics").text
    assert 'policybot_answers_total{answerer="extractive",outcome="answered"}' in text
    assert 'route="/api/v1/ask"' in text


def test_logs_have_a_request_id_and_no_question(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()  # to where this test listens
    with site.client() as client:
        sent = {"X-Request-ID": "my-request-0001"}
        client.post("/api/v1/ask", json={"question": "zebra secrets sold?"}, headers=sent)
        client.get("/zebra?question=zebra")
        client.get("/api/v1/policies/zebra")
        client.get("/healthz", headers={"X-Request-ID": "the-last-one"})
    logged = ""
    deadline = time.monotonic() + 10
    while "the-last-one" not in logged and time.monotonic() < deadline:  # a line follows its response
        logged += capsys.readouterr().err
    assert "the-last-one" in logged
    assert "my-request-0001" in logged
    assert "zebra" not in logged


def test_too_many_questions_get_429(tmp_path: Path) -> None:
    with serve(tmp_path, client_rate="3/minute") as site:
        answers = [ask(site, SOLD) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert answers[-1].headers["content-type"] == "application/problem+json"


def test_stale_index_is_not_ready_and_not_answered_from(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    shutil.copytree(ROOT / "corpus", corpus)
    with serve(tmp_path / "data", corpus=corpus) as site, site.client() as client:
        assert client.get("/readyz").status_code == 200
        policy = next(corpus.iterdir())
        policy.write_text(policy.read_text().replace("We do not sell", "We sometimes sell"))
        assert client.get("/readyz").status_code == 503
        assert ask(site, SOLD).status_code == 503
        streamed = client.post("/api/v1/ask", json={"question": SOLD}, headers={"Accept": "text/event-stream"})
        assert streamed.status_code == 503 or events(streamed.text)[-1][0] == "error"


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run it on a thread of its own: Playwright has a loop on this one."""
    with ThreadPoolExecutor(1) as executor:
        executor.submit(asyncio.run, coroutine).result()


async def wait_for(event: threading.Event) -> None:
    while not event.is_set():
        await asyncio.sleep(0)


async def _fill(queue: ModelQueue) -> None:
    gate, begun = threading.Event(), threading.Event()

    def work() -> int:
        begun.set()
        gate.wait(10)
        return 1

    first, second = asyncio.create_task(queue.run(work)), asyncio.create_task(queue.run(work))
    await wait_for(begun)
    with pytest.raises(QueueFullError):
        await queue.run(work)
    gate.set()
    assert await asyncio.gather(first, second) == [1, 1]
    assert await queue.run(lambda: 2) == 2


def test_full_queue_refuses_and_recovers() -> None:
    run(_fill(ModelQueue(workers=1, waiting=1, timeout_s=10)))


def test_work_given_up_keeps_its_place_until_it_ends() -> None:
    async def check() -> None:
        queue = ModelQueue(workers=1, waiting=0, timeout_s=0.05)
        gate = threading.Event()
        with pytest.raises(TimeoutError):
            await queue.run(lambda: gate.wait(10))
        with pytest.raises(QueueFullError):
            await queue.run(lambda: None)
        gate.set()
        for _ in range(1000):
            try:
                assert await queue.run(lambda: 3) == 3
                return
            except QueueFullError:
                await asyncio.sleep(0.005)
        pytest.fail("the place was never free again")

    run(check())


def test_full_queue_is_503(tmp_path: Path) -> None:
    with serve(tmp_path, workers=1, queue=0) as site:
        found: list[Response] = []
        threads = [threading.Thread(target=lambda: found.append(ask(site, SOLD))) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    statuses = {response.status_code for response in found}
    assert statuses == {200, 503}
    assert all("retry-after" in r.headers for r in found if r.status_code == 503)
