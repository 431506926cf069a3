"""Legal's desk: the queue, the decisions, the patch, and the page in a real browser."""

import csv
import io
import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bot import PolicyBot
from bot.database import Database, now
from bot.errors import InputError
from bot.log import QuestionLog, Thumb
from evals.cases import CaseError, read_cases
from evals.desk import drafts
from evals.desk.decisions import Action, Decision, Decisions, to_csv
from evals.desk.patch import patch
from evals.desk.queue import REPORTED, THUMBS_DOWN, items, unsettled
from evals.desk.unanswered import group
from evals.run import Run, write_run
from evals.runner import run_cases
from tests.axe import assert_accessible
from tests.site import PASSWORD, Site, serve

CASES = """# by hand, this comment stays
policy: alumia-privacy-policy
cases:
  - id: right
    question: do you sell my stuff?
    kind: lay
    outcome: answered
    sections: ["4"]
    spans: [We do not sell Customer Content.]
    why: It says so.

  - id: wrong
    question: do you use cookies?
    kind: lay
    outcome: answered
    sections: ["11"]
    spans: [The Services are not directed to children under 13]
    must_appear: [cookies]
    why: A mistake of ours.
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    folder = tmp_path / "repository" / "cases"
    folder.mkdir(parents=True)
    (folder / "lay.yaml").write_text(CASES)
    return folder


@pytest.fixture
def run(bot: PolicyBot, cases: Path) -> Run:
    return run_cases(bot, read_cases(cases), {})


@pytest.fixture
def log(tmp_path: Path) -> Iterator[QuestionLog]:
    log = QuestionLog(Database("", tmp_path), days=90)
    yield log
    log.close()


def test_queue_holds_reports_thumbs_and_failures(bot: PolicyBot, run: Run, log: QuestionLog) -> None:
    for thumb, question in (
        (Thumb.UP, "a?"),
        (Thumb.DOWN, "do you use cookies?"),
        (Thumb.REPORT, "do you sell my stuff?"),
    ):
        log.add_feedback(log.record(bot.ask(question), (), None, "m"), thumb, "why").result(10)
    found = items(run, log.entries(thumbs=(Thumb.DOWN, Thumb.REPORT)))
    assert [(item.group, item.question) for item in found] == [
        (REPORTED, "do you sell my stuff?"),
        (THUMBS_DOWN, "do you use cookies?"),
        (run.results[1].cause.value if run.results[1].cause else "", "do you use cookies?"),
    ]
    decision = Decision(now() + timedelta(seconds=1), "ann", found[0].key, Action.BOT_FAULT, "r", None)
    assert [item.key for item in unsettled(found, [decision])] == [found[1].key, found[2].key]
    earlier = Decision(now() - timedelta(days=1), "ann", found[0].key, Action.BOT_FAULT, "r", None)
    assert unsettled(found, [earlier]) == found  # it came up again since


def test_answer_given_becomes_a_case_that_passes(bot: PolicyBot, run: Run, cases: Path) -> None:
    [item] = items(run, [])
    case = drafts.accepted(item, {"right", "wrong"}, "It is section 5.")
    policy = bot.index.policy(bot.index.scope(None)[0])
    checked = drafts.read(drafts.write(case), {policy.id: policy})
    again = run_cases(bot, [checked], {})
    assert again.results[0].passed
    assert checked.why == "It is section 5."


@pytest.mark.parametrize(
    ("question", "kind"),
    [("do you sell my stuff?", "lay"), ("do you use facial recognition?", "silent"), ("hello", "unclear")],
)
def test_any_answer_becomes_a_case_in_one_step(bot: PolicyBot, log: QuestionLog, question: str, kind: str) -> None:
    entry = log.record(bot.ask(question), (), None, "m")
    log.add_feedback(entry, Thumb.DOWN).result(10)
    [item] = items(None, log.entries(thumbs=(Thumb.DOWN,)))
    policy = bot.index.policy(bot.index.scope(None)[0])
    case = drafts.read(drafts.write(drafts.draft(item, {"hello"})), {policy.id: policy})
    assert (case.kind, case.question) == (kind, question)
    assert run_cases(bot, [case], {}).results[0].passed


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("- a list", "The case"),
        ("id: x\nquestion: [", "YAML"),
        ("id: x", "question"),
        (
            "id: x\nquestion: q\nkind: lay\noutcome: answered\nsections: ['4']\nspans: [not there]\nwhy: w",
            "does not occur",
        ),
        ("id: x\npolicy: other\nquestion: q\nkind: silent\noutcome: not_in_policy\nwhy: w", "needs a policy"),
    ],
)
def test_broken_case_is_refused_in_one_sentence(bot: PolicyBot, broken: str, says: str) -> None:
    policy = bot.index.policy(bot.index.scope(None)[0])
    with pytest.raises(CaseError, match=says):
        drafts.read(broken, {policy.id: policy})


def test_patch_applies_and_touches_nothing_else(cases: Path, bot: PolicyBot, monkeypatch: pytest.MonkeyPatch) -> None:
    root = cases.parent
    monkeypatch.chdir(root)
    changed = drafts.to_dict(read_cases(Path("cases"))[1]) | {
        "sections": ["5"],
        "spans": [
            "We use essential cookies and local storage for login, security, preferences, and product functionality."
        ],
    }
    new = {
        "id": "new",
        "policy": "alumia-privacy-policy",
        "question": "hé?",
        "kind": "unclear",
        "outcome": "unclear",
        "why": "w",
    }
    made = [
        Decision(now(), "ann", "case:wrong", Action.SAVE_CASE, "r", {**changed, "why": "first"}),
        Decision(now(), "ann", "case:wrong", Action.SAVE_CASE, "r", changed),
        Decision(now(), "ann", "answer:1", Action.SAVE_CASE, "r", new),
        Decision(now(), "ann", "answer:2", Action.POLICY_GAP, "r", None),
    ]
    before = (cases / "lay.yaml").read_text()
    text = patch(Path("cases"), made)
    assert (cases / "lay.yaml").read_text() == before  # never a silent edit
    (root / "cases.patch").write_text(text)
    subprocess.run(["git", "init", "-q"], check=True)
    subprocess.run(["git", "apply", "cases.patch"], check=True)
    after = {case.id: case for case in read_cases(Path("cases"))}
    assert set(after) == {"right", "wrong", "new"}
    assert after["wrong"].sections == ("5",)
    assert after["wrong"].why == "A mistake of ours."
    kept = before[: before.index("  - id: wrong")]
    assert (cases / "lay.yaml").read_text().startswith(kept)
    assert patch(Path("cases"), made) == ""  # all of it is there


def test_decisions_are_added_and_exported(tmp_path: Path) -> None:
    decisions = Decisions(Database("", tmp_path))
    decisions.add("ann", "case:a", Action.BOT_FAULT, "=1+1", None)
    decisions.add("bob", "case:a", Action.ACCEPT_ANSWER, "fine", {"id": "a"})
    assert [(d.reviewer, d.action) for d in decisions.all()] == [
        ("ann", Action.BOT_FAULT),
        ("bob", Action.ACCEPT_ANSWER),
    ]
    rows = list(csv.DictReader(io.StringIO(to_csv(decisions.all()))))
    assert [row["reason"] for row in rows] == ["'=1+1", "fine"]
    for reviewer, reason in (("", "r"), ("ann", " ")):
        with pytest.raises(InputError):
            decisions.add(reviewer, "case:a", Action.BOT_FAULT, reason, None)


def test_unanswered_questions_are_grouped(bot: PolicyBot, log: QuestionLog) -> None:
    asked = ["do you use facial recognition?", "are you iso certified?", "is there face recognition in your app"]
    for question in asked:
        log.record(bot.ask(question), (), None, "m")
    log.close()
    groups = group(list(log.entries()), bot.embedding)
    assert [len(g.questions) for g in groups] == [2, 1]
    assert set(groups[0].questions) == {asked[0], asked[2]}


@pytest.fixture
def desk(tmp_path: Path, cases: Path, run: Run) -> Iterator[Site]:
    write_run(run, tmp_path / "data" / "runs" / "1.json")
    with serve(tmp_path / "data", cases=cases) as site:
        with site.client() as client:
            answer = client.post("/api/v1/ask", json={"question": "do you use facial recognition?"}).json()
            client.post("/api/v1/feedback", json={"id": answer["id"], "thumb": "down", "reason": "<b>odd</b>"})
        yield site


@pytest.fixture
def page(browser: Browser, desk: Site) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(f"{desk.url}/review")
    page.get_by_label("Name").fill("legal")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.locator("#queue label").first.wait_for()
    yield page
    page.close()


def test_from_the_queue_to_a_patch(page: Page, desk: Site) -> None:
    page.locator("#queue label").filter(has_text="facial recognition").click()
    expect(page.locator("#findings")).to_contain_text("<b>odd</b>")
    page.locator("#queue label").filter(has_text="do you use cookies?").click()
    findings = page.locator("#findings")
    expect(findings).to_contain_text("A mistake of ours.")
    expect(findings.locator("mark.expected").first).to_be_visible()
    expect(findings.locator("mark.cited").last).to_contain_text("cookies")
    expect(findings.locator("del").first).to_be_visible()
    expect(page.get_by_label("The case (YAML)")).to_have_value(re.compile("^id: wrong"))
    assert_accessible(page)
    page.get_by_role("button", name="Accept the answer given").click()
    page.get_by_text("A decision needs a reviewer and a reason.").wait_for()
    page.get_by_label("Reason for your decision").fill("Section 5 is right")
    page.get_by_role("button", name="Accept the answer given").click()
    page.get_by_text("Decided. The case wrong is in the patch, under Decisions.").wait_for()
    page.get_by_role("tab", name="Decisions").click()
    expect(page.locator("#decisions")).to_contain_text("Section 5 is right")
    expect(page.locator("#decisions")).to_contain_text("legal")
    with desk.signed_in("legal") as client:
        assert "+" in client.get("/review/cases.patch").text
        assert "Section 5 is right" in client.get("/review/decisions.csv").text
    page.reload()
    page.locator("#queue label").first.wait_for()
    expect(page.locator("#queue label")).to_have_count(1)  # what is decided no longer waits


def test_runs_and_unanswered(page: Page) -> None:
    page.get_by_role("tab", name="Runs").click()
    expect(page.locator("#runs")).to_contain_text("50.0 %")
    page.get_by_role("tab", name="Unanswered").click()
    expect(page.locator("#unanswered")).to_contain_text("do you use facial recognition?")
    assert_accessible(page)
