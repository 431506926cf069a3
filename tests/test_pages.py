"""The plain pages and the service as a process, for real."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.axe import assert_accessible
from tests.site import ROOT, Site

POLICY = "/policies/alumia-privacy-policy/2026-04-28"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/login", f"{POLICY}?start=2660&end=2692", "/demo", "/"])
def test_page_is_accessible_fits_a_phone_and_loads_nothing_from_elsewhere(
    browser: Browser, site: Site, path: str, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    hosts: set[str] = set()
    page.on("request", lambda r: hosts.add(r.url.split("/")[2]) if r.url.startswith("http") else None)
    page.goto(f"{site.url}{path}", wait_until="networkidle")
    assert_accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert hosts == {site.url.split("/")[2]}
    page.close()


def test_link_to_a_clause_shows_it(browser: Browser, site: Site) -> None:
    text = (ROOT / "corpus" / "alumia-privacy-policy.txt").read_bytes().decode()
    start = text.index("We do not sell Customer Content.")
    page = browser.new_page()
    page.goto(f"{site.url}{POLICY}?start={start}&end={start + 32}")
    expect(page.locator("#cited")).to_have_text("We do not sell Customer Content.")
    expect(page.locator("#cited")).to_be_in_viewport()
    page.close()


@pytest.mark.parametrize("query", ["?start=5&end=2", "?start=0&end=99999999", ""])
def test_link_to_no_clause_shows_the_policy(site: Site, query: str) -> None:
    with site.client() as client:
        response = client.get(f"{POLICY}{query}")
    assert response.status_code == 200
    assert "<mark" not in response.text


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"POLICYBOT_PORT": str(port), "POLICYBOT_DATA": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-m", "bot.cli", "serve"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = next((line for line in process.stdout if line.startswith("Ready: ")), None)
        assert ready, "the service ended before it was ready"
        yield process, ready.removeprefix("Ready: ").strip()
        process.kill()


def test_service_starts_says_where_it_is_and_stops(process: tuple[subprocess.Popen[str], str]) -> None:
    running, url = process
    with urllib.request.urlopen(f"{url}/readyz") as response:
        assert response.status == 200
    environment = os.environ | {"POLICYBOT_PORT": url.rsplit(":", 1)[1]}
    second = subprocess.run([sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert second.returncode != 0
    assert "is taken. Set POLICYBOT_PORT" in second.stderr
    assert "Traceback" not in second.stderr
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 0
