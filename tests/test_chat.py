"""The chat page in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.site import Site


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 360, "height": 740})
    page.goto(site.url)
    yield page
    page.close()


def ask(page: Page, question: str) -> None:
    page.get_by_placeholder("Your question").fill(question)
    page.keyboard.press("Enter")


def test_citation_of_any_answer_opens_the_policy_at_the_quoted_words(page: Page) -> None:
    ask(page, "do you sell my stuff?")
    sold = page.get_by_role("link", name="§4 AI Providers and Customer Content")
    sold.wait_for()
    ask(page, "can my kid use this?")
    page.get_by_role("link", name="§11 Children").first.focus()
    page.keyboard.press("Enter")
    assert_in_view(page, "under 13")
    sold.first.click()
    assert_in_view(page, "We do not sell Customer Content.")


def assert_in_view(page: Page, words: str) -> None:
    mark = page.locator("#cited").filter(has_text=words)
    mark.wait_for()
    page.wait_for_function(
        """() => {
            const box = document.getElementById("cited").getBoundingClientRect();
            return box.top >= 0 && box.bottom <= innerHeight;
        }"""
    )


def test_page_shows_the_date_and_fits_a_phone(page: Page) -> None:
    page.get_by_text("Last updated 28 April 2026").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_page_loads_nothing_from_another_host(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(site.url)
    ask(page, "do you use cookies?")
    page.get_by_role("link", name="§5 Cookies and Analytics").first.wait_for()
    assert hosts == {site.url.split("/")[2]}
    page.close()


def test_markup_in_a_question_is_shown_and_not_run(page: Page) -> None:
    question = "<img src=x onerror='window.ran = true'> do you sell my stuff?"
    ask(page, question)
    page.locator("#chat .bot").first.wait_for()
    assert "<img src=x onerror=" in page.locator("#chat").inner_text()
    assert page.evaluate("window.ran") is None
