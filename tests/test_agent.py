"""The agents' console in a real browser."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bot import PolicyBot
from bot.log import QuestionLog, Thumb
from bot.web.copying import email, markdown, plain
from tests.axe import assert_accessible
from tests.site import PASSWORD, ROOT, Site, serve

SOLD = "We do not sell Customer Content."


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service with two policies, one of them in two versions."""
    corpus = tmp_path_factory.mktemp("corpus")
    shutil.copytree(ROOT / "corpus", corpus, dirs_exist_ok=True)
    (corpus / "acme").mkdir()
    (corpus / "acme" / "2025-01-01.txt").write_text(
        "Acme Privacy Policy\n\n1. Sale\nWe sell your shoe size to cobblers.\n"
    )
    (corpus / "acme" / "2026-01-01.txt").write_text(
        "Acme Privacy Policy\n\n1. Sale\nWe never sell your shoe size to anybody.\n\n2. Cookies\nWe use no cookies.\n"
    )
    with serve(tmp_path_factory.mktemp("agent"), corpus=corpus) as site:
        yield site


@pytest.fixture
def page(browser: Browser, desk: Site) -> Iterator[Page]:
    page = browser.new_page()
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]) if request.url.startswith("http") else None)
    page.goto(f"{desk.url}/agent")
    page.get_by_label("Name").fill("agent")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_label("Question (press / to come here").wait_for()
    yield page
    assert hosts == {desk.url.split("/")[2]}
    page.close()


def type_question(page: Page, question: str) -> None:
    page.get_by_label("Question (press / to come here").fill("")
    page.get_by_label("Question (press / to come here").press_sequentially(question, delay=5)


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("listbox", name=label).or_(page.get_by_label(label, exact=True)).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def test_passages_come_as_one_types_and_show_in_the_policy(page: Page) -> None:
    type_question(page, "do you sell my content")
    expect(page.locator("#cited")).to_have_text(SOLD)
    first = page.locator("#passages label").first
    expect(first).to_contain_text("§4 AI Providers and Customer Content")
    page.locator("#passages label").filter(has_text="§6 How We Disclose Information").first.click()
    expect(page.locator("#cited")).not_to_have_text(SOLD)
    expect(page.locator("#cited")).to_be_in_viewport()


def test_answer_is_ready_to_copy_by_keyboard_alone(page: Page, desk: Site) -> None:
    page.locator("body").click()
    page.keyboard.press("/")
    page.keyboard.type("do you sell my content?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="The answer as plain text")).to_have_value(
        re.compile(
            rf"^The policy says this in §4 AI Providers and Customer Content.*“{re.escape(SOLD)}”.*"
            r"\n\nSource: Privacy Policy\. Last updated 28 April 2026\.",
            re.S,
        )
    )
    page.get_by_role("tab", name="E-mail").click()
    expect(page.get_by_role("textbox", name="The answer as e-mail")).to_have_value(
        re.compile(r"^Hello,.*“do you sell my content\?”.*Kind regards$", re.S)
    )
    expect(page.get_by_label("do you sell my content?")).to_be_attached()  # among the recent ones
    assert_accessible(page)


def test_filters_and_versions(page: Page) -> None:
    type_question(page, "do you sell my shoe size")
    expect(page.locator("#cited")).to_have_text("We never sell your shoe size to anybody.")
    choose(page, "Policy", "acme")
    choose(page, "Version", "2025-01-01")
    expect(page.locator("#cited")).to_have_text("We sell your shoe size to cobblers.")
    page.get_by_label("Question (press / to come here").press("Enter")
    expect(page.get_by_role("textbox", name="The answer as plain text")).to_have_value(re.compile("cobblers"))
    choose(page, "Version", "Every version")
    expect(page.locator("#passages label")).to_have_count(5)
    choose(page, "Section", "§2 Cookies")
    expect(page.locator("#passages label")).to_have_count(1)


def test_report_lands_in_the_log_with_its_reporter(page: Page, desk: Site) -> None:
    type_question(page, "do you sell my content?")
    page.keyboard.press("Enter")
    page.get_by_text("Answered: §4").wait_for()
    page.get_by_role("button", name="Report a problem with this answer").click()
    page.get_by_label("What is wrong").fill("It is about content only")
    page.get_by_role("button", name="Report to legal").click()
    page.get_by_text("Reported. It is on legal's desk now.").wait_for()
    log = QuestionLog(desk.database, days=90)
    [entry] = log.entries(thumbs=(Thumb.REPORT,))
    log.close()
    assert [(f.reason, f.reporter) for f in entry.feedback] == [("It is about content only", "agent")]


def test_copies_carry_citations_and_date(bot: PolicyBot) -> None:
    answer = bot.ask("do you sell my stuff?")
    assert plain(answer).endswith("Source: Privacy Policy. Last updated 28 April 2026.")
    linked = markdown(answer, "https://privacy.example.com/")
    citation = answer.citations[0]
    assert f"> {SOLD}" in linked
    assert (
        f"(https://privacy.example.com/policies/alumia-privacy-policy/2026-04-28?start={citation.span.start}&end={citation.span.end})"
        in linked
    )
    assert plain(answer) in email(answer)
    assert plain(bot.ask("do you use facial recognition?")).startswith("The policy does not say.")


def test_markdown_in_a_policy_stays_text(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "p.txt").write_text(
        "Policy\n\n1. Data\nWe sell [your data](http://evil.example) to *everyone* <b>here</b>.\n"
    )
    answer = PolicyBot.open(corpus=corpus, data=tmp_path / "data").ask("do you sell my data?")
    assert "\\[your data\\](http://evil.example)" in markdown(answer, "")
