"""The widget, embedded in a page of another origin under a strict Content-Security-Policy, in a real browser."""

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from bot.log import QuestionLog, Thumb
from tests.axe import assert_accessible
from tests.site import Site, serve

PAGE = (
    '<!doctype html><html lang="{lang}"{dir}><head><meta charset="utf-8"><title>Shop</title>'
    '<script src="{host}/widget.js" async></script></head><body><main><h1>Shop</h1></main></body></html>'
)
SOLD = "do you sell my stuff?"


class Shop:
    """A website of its own origin, that embeds the widget under a policy that allows one host."""

    def __init__(self) -> None:
        self.html, self.host = "", ""
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                allowed = f"default-src 'none'; script-src {shop.host}; connect-src {shop.host}; require-trusted-types-for 'script'"
                self.send_header("Content-Security-Policy", allowed)
                self.end_headers()
                self.wfile.write(shop.html.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def embeds(self, site: Site, lang: str = "en", direction: str = "") -> None:
        self.host = site.url
        self.html = PAGE.format(host=site.url, lang=lang, dir=direction)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    shop = Shop()
    yield shop
    shop.server.shutdown()


@pytest.fixture(scope="module")
def embedded(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    data = tmp_path_factory.mktemp("widget")
    with serve(data, allowed_origins=(shop.url,), person="mailto:privacy@alumia.example") as site:
        shop.embeds(site)
        yield site


@pytest.fixture
def page(browser: Browser, shop: Shop, embedded: Site) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 360, "height": 740}, locale="en-GB")
    page = context.new_page()
    shop.embeds(embedded)
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(shop.url)
    yield page
    assert problems == []
    assert context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    context.close()


def open_widget(page: Page) -> None:
    page.get_by_role("button", name="Privacy questions").click()
    page.get_by_text("Ask about our privacy policy.").wait_for()


def ask(page: Page, question: str) -> None:
    page.get_by_role("textbox", name="Your question").fill(question)
    page.keyboard.press("Enter")


def test_size() -> None:
    script = Path("bot/web/static/widget.js")
    assert len(gzip.compress((Path(__file__).parent.parent / script).read_bytes(), 9)) <= 12 * 1024


def test_answer_with_its_quote_in_context(page: Page, shop: Shop, embedded: Site) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    open_widget(page)
    ask(page, SOLD)
    citation = page.get_by_role("button", name="§4 AI Providers and Customer Content")
    citation.click()
    expect(citation).to_have_attribute("aria-expanded", "true")
    expect(page.locator("mark")).to_have_text("We do not sell Customer Content.")
    expect(page.locator("blockquote")).to_contain_text("We do not use private Customer")
    with page.expect_popup() as popup:
        page.get_by_role("link", name="Open the full policy here").click()
    full = popup.value
    expect(full.locator("#cited")).to_have_text("We do not sell Customer Content.")
    expect(full.locator("#cited")).to_be_in_viewport()
    assert hosts == {embedded.url.split("/")[2]}


def test_follow_up_is_answered_in_the_light_of_what_came_before(page: Page) -> None:
    open_widget(page)
    ask(page, "do you use cookies?")
    page.get_by_role("button", name="§5 Cookies and Analytics").first.wait_for()
    ask(page, "can i turn them off?")
    expect(page.locator("li.question")).to_have_count(2)
    expect(page.locator("li.question + li").last).to_contain_text("§5 Cookies and Analytics")


def test_thumb_down_with_a_reason_is_kept(page: Page, embedded: Site) -> None:
    open_widget(page)
    ask(page, SOLD)
    page.get_by_role("button", name="Not helpful").click()
    page.get_by_label("What was wrong or missing? (optional)").fill("too short for me")
    page.locator("form.reason").get_by_role("button", name="Send").click()
    page.get_by_text("Thank you.").first.wait_for()
    log = QuestionLog(embedded.database, days=90)
    reasons = [f.reason for entry in log.entries(thumbs=(Thumb.DOWN,)) for f in entry.feedback]
    log.close()
    assert "too short for me" in reasons


def test_a_person_gets_question_and_answer(page: Page) -> None:
    open_widget(page)
    ask(page, SOLD)
    link = page.get_by_role("link", name="Talk to a person").get_attribute("href")
    assert link is not None
    assert link.startswith("mailto:privacy@alumia.example?subject=")
    assert "do%20you%20sell%20my%20stuff%3F" in link
    assert "We%20do%20not%20sell%20Customer%20Content." in link


def test_copy(browser: Browser, shop: Shop, embedded: Site) -> None:
    shop.embeds(embedded)
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], locale="en-GB")
    page = context.new_page()
    page.goto(shop.url)
    open_widget(page)
    ask(page, SOLD)
    page.get_by_role("button", name="Copy").click()
    page.get_by_text("Copied.").first.wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "§4 AI Providers and Customer Content: “We do not sell Customer Content.”" in copied
    context.close()


def test_keyboard_alone(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
    page.keyboard.type(SOLD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="§4 AI Providers and Customer Content").focus()
    page.keyboard.press("Enter")
    expect(page.locator("mark")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Privacy questions")).to_be_focused()


def test_only_the_finished_answer_is_announced(page: Page) -> None:
    open_widget(page)
    live = page.locator("policybot-widget [role=status]")
    expect(live).to_have_count(1)
    page.evaluate(
        """() => {
            const live = document.querySelector("policybot-widget").shadowRoot.querySelector("[role=status]");
            window.announced = [];
            new MutationObserver(() => window.announced.push(live.textContent)).observe(live, {childList: true});
        }"""
    )
    ask(page, SOLD)
    page.get_by_role("button", name="§4 AI Providers and Customer Content").wait_for()
    announced = page.evaluate("window.announced")
    assert len(announced) == 1
    assert "We do not sell Customer Content." in announced[0]


def test_network_fault_and_retry(page: Page) -> None:
    open_widget(page)
    page.route("**/api/v1/ask", lambda route: route.abort())
    ask(page, SOLD)
    page.get_by_text("The connection was lost.").first.wait_for()
    page.unroute("**/api/v1/ask")
    page.get_by_role("button", name="Try again").click()
    page.get_by_role("button", name="§4 AI Providers and Customer Content").wait_for()
    expect(page.locator("li.question")).to_have_count(1)


def test_service_down_at_first(page: Page) -> None:
    page.route("**/api/v1/**", lambda route: route.abort())
    page.get_by_role("button", name="Privacy questions").click()
    page.get_by_text("This service is down at the moment.").first.wait_for()
    page.unroute("**/api/v1/**")
    page.get_by_role("button", name="Try again").click()
    page.get_by_text("Ask about our privacy policy.").wait_for()


def test_busy_service_says_how_long_to_wait(page: Page) -> None:
    def busy(route: Route) -> None:
        route.fulfill(
            status=429,
            headers={
                "Retry-After": "7",
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Expose-Headers": "Retry-After",
            },
            json={"detail": "Too many."},
        )

    open_widget(page)
    page.route("**/api/v1/ask", busy)
    ask(page, SOLD)
    page.get_by_text("Please wait 7 seconds, then try again.").first.wait_for()


def test_stop(page: Page) -> None:
    open_widget(page)
    page.route("**/api/v1/ask", lambda route: None)  # never answered
    ask(page, SOLD)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").first.wait_for()
    expect(page.get_by_role("button", name="Send").first).to_be_enabled()


@pytest.mark.parametrize(
    ("lang", "label"),
    [
        ("de-AT", "Fragen zum Datenschutz"),
        ("fr", "Questions de confidentialité"),
        ("es", "Preguntas de privacidad"),
        ("ar", "أسئلة الخصوصية"),
        ("xx", "Privacy questions"),
    ],
)
def test_language_follows_the_page(page: Page, shop: Shop, embedded: Site, lang: str, label: str) -> None:
    shop.embeds(embedded, lang)
    page.goto(shop.url)
    page.get_by_role("button", name=label).click()
    direction = page.evaluate(
        "getComputedStyle(document.querySelector('policybot-widget').shadowRoot.querySelector('dialog')).direction"
    )
    assert direction == ("rtl" if lang == "ar" else "ltr")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_origin_that_is_not_allowed_gets_no_answer(browser: Browser, shop: Shop, site: Site) -> None:
    shop.embeds(site)  # which allows another website only
    page = browser.new_page(locale="en-GB")
    page.goto(shop.url)
    page.get_by_role("button", name="Privacy questions").click()
    page.get_by_text("This service is down at the moment.").first.wait_for()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("lang", "button"), [("en", "Privacy questions"), ("ar", "أسئلة الخصوصية")])
def test_no_accessibility_violation(
    browser: Browser, shop: Shop, embedded: Site, scheme: str, lang: str, button: str
) -> None:
    shop.embeds(embedded, lang)
    page = browser.new_page(color_scheme=scheme, viewport={"width": 640, "height": 480})  # 1280 at 200 %
    page.goto(shop.url)
    assert_accessible(page)
    page.get_by_role("button", name=button).click()
    page.locator("textarea").first.fill(SOLD)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="§4 AI Providers and Customer Content").click()
    page.locator("mark").wait_for()
    assert_accessible(page)
    page.close()


def test_demo(browser: Browser, site: Site) -> None:
    page = browser.new_page(locale="en-GB")
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(f"{site.url}/demo")
    expect(page.locator("#embed-code")).to_contain_text(
        f'<script src="{site.url}/widget.js" data-policy="alumia-privacy-policy" async>'
    )
    open_widget(page)
    ask(page, SOLD)
    page.get_by_role("button", name="§4 AI Providers and Customer Content").wait_for()
    assert_accessible(page)
    assert hosts == {site.url.split("/")[2]}
    page.close()
