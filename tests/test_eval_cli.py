"""`policybot eval`, in a folder of its own: exit status, files, baseline and candidate."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from junitparser import JUnitXml
from typer.testing import CliRunner

from bot.cli import app
from evals import cli  # noqa: F401  # puts `eval` on the command line
from tests.chat_server import ChatServer, answers_with

ROOT = Path(__file__).parent.parent
CASES = """policy: alumia-privacy-policy
cases:
  - id: sale
    question: do you sell my stuff?
    kind: lay
    outcome: answered
    sections: ["4"]
    spans: ["We do not sell Customer Content."]
    must_appear: [do not sell]
    why: It says so.
  - id: children
    question: is it ok for my kid to use this?
    kind: lay
    outcome: answered
    sections: ["11"]
    spans: ["The Services are not directed to children under 13, and we do not knowingly collect personal information from children."]
    why: It says so.
  - id: weather
    question: what's the weather in Paris?
    kind: off_topic
    outcome: off_topic
    why: Not about the policy.
"""
Eval = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "cases.yaml").write_text(CASES, encoding="utf-8")
    shutil.copytree(ROOT / "corpus", tmp_path / "corpus")
    return tmp_path


@pytest.fixture
def evaluate(folder: Path) -> Eval:
    def call(*arguments: str | Path) -> Result:
        places = ["--cases", folder / "cases", "--corpus", folder / "corpus", "--data", folder / "data"]
        return CliRunner().invoke(app, ["eval", *map(str, [*places, *arguments])])

    return call


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new).encode())


def bless(evaluate: Eval) -> Result:
    return evaluate("--bless", "--by", "Ada", "--reason", "first")


def test_good_bot_exits_with_0(evaluate: Eval) -> None:
    done = evaluate()
    assert done.exit_code == 0, done.output
    assert "PASSED" in done.stdout


def test_failed_gate_exits_with_1(evaluate: Eval, folder: Path) -> None:
    (folder / "cases" / "gates.toml").write_text("[lay]\nspan_precision = {min = 1.01}\n", encoding="utf-8")
    done = evaluate()
    assert done.exit_code == 1
    assert "FAILED: 1 gate failed" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sell Customer Content.", "sell Custom Content.", "does not occur"),
        ("kind: off_topic", "kind: weather", "case weather, kind"),
        ("policy: alumia-privacy-policy", "policy: acme", "no policy 'acme'"),
    ],
)
def test_bad_case_exits_with_2_and_one_sentence(evaluate: Eval, folder: Path, old: str, new: str, words: str) -> None:
    edit(folder / "cases" / "cases.yaml", old, new)
    done = evaluate()
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--bless",),
        ("--bless", "--by", "Ada"),
        ("--bless", "--by", " ", "--reason", "x"),
        ("--by", "Ada"),
        ("--candidate", "none.txt"),
        ("--candidate", "none.txt", "--bless", "--by", "a", "--reason", "b"),
        ("--answerer", "nobody"),
        ("--corpus", "nowhere"),
        ("--cases", "nowhere"),
        ("--judge",),
    ],
)
def test_bad_arguments_exit_with_2_and_leave_no_baseline(
    evaluate: Eval, folder: Path, arguments: tuple[str, ...]
) -> None:
    done = evaluate(*arguments)
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("policybot: ")
    assert not (folder / "cases" / "baseline.json").exists()


@pytest.mark.parametrize("gates", ["[all", "[all]\npass_rat = {min = 1}", "[all]\npass_rate = 1", "[all]\nmrr = {}"])
def test_bad_gates_exit_with_2(evaluate: Eval, folder: Path, gates: str) -> None:
    (folder / "cases" / "gates.toml").write_text(gates, encoding="utf-8")
    done = evaluate()
    assert done.exit_code == 2
    assert "gates.toml" in done.stderr


def test_report_that_cannot_be_written_exits_with_2(evaluate: Eval, folder: Path) -> None:
    done = evaluate("--report", folder / "cases" / "cases.yaml")
    assert done.exit_code == 2
    assert "cases.yaml cannot be written" in done.stderr


@pytest.mark.parametrize(
    "content", ["", "[]", "cases: 3", "policy: p\ncases: [1]", "policy: p\ncases: [{id: 7}]", "\0"]
)
def test_odd_yaml_exits_with_2(evaluate: Eval, folder: Path, content: str) -> None:
    (folder / "cases" / "cases.yaml").write_text(content, encoding="utf-8")
    done = evaluate()
    assert done.exit_code == 2, done.output
    assert "cases.yaml" in done.stderr
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_gates_cannot_relax_exact_quotes(evaluate: Eval, folder: Path) -> None:
    (folder / "cases" / "gates.toml").write_text("[all]\nquote_exactness = {min = 0.1}\n", encoding="utf-8")
    gates = json.loads(evaluate("--json").stdout)["gates"]
    assert ("quote_exactness", "≥ 1") in [(gate["metric"], gate["bound"]) for gate in gates]


def test_baseline_says_who_why_and_of_what(evaluate: Eval, folder: Path) -> None:
    assert bless(evaluate).exit_code == 0
    baseline = json.loads((folder / "cases" / "baseline.json").read_text(encoding="utf-8"))
    assert (baseline["by"], baseline["reason"]) == ("Ada", "first")
    assert baseline["policies"][0]["version"] == "2026-04-28"
    assert baseline["passed"] == {"children": True, "sale": True, "weather": True}
    assert {"when", "model", "settings", "answerer", "metrics"} <= baseline.keys()


def test_regression_fails_and_leaves_the_baseline_alone(evaluate: Eval, folder: Path) -> None:
    bless(evaluate)
    before = (folder / "cases" / "baseline.json").read_bytes()
    edit(folder / "cases" / "cases.yaml", "must_appear: [do not sell]", "must_appear: [we sell all]")
    done = evaluate("--report", folder / "report")
    assert done.exit_code == 1
    assert "REGRESSED sale: part of the answer is missing" in done.stdout
    assert (folder / "cases" / "baseline.json").read_bytes() == before


def test_bless_takes_a_regression_but_no_failed_gate(evaluate: Eval, folder: Path) -> None:
    bless(evaluate)
    edit(folder / "cases" / "cases.yaml", "must_appear: [do not sell]", "must_appear: [we sell all]")
    assert evaluate("--bless", "--by", "Ada", "--reason", "the case is stricter").exit_code == 0
    assert evaluate().exit_code == 0
    before = (folder / "cases" / "baseline.json").read_bytes()
    (folder / "cases" / "gates.toml").write_text("[all]\npass_rate = {min = 1}\n", encoding="utf-8")
    refused = bless(evaluate)
    assert refused.exit_code == 2
    assert "not blessed" in refused.stderr
    assert (folder / "cases" / "baseline.json").read_bytes() == before


def test_policy_edit_after_the_blessing_makes_cases_out_of_date(evaluate: Eval, folder: Path) -> None:
    bless(evaluate)
    edit(next((folder / "corpus").iterdir()), "We do not sell Customer Content.", "We never sell your content.")
    done = evaluate("--json")
    assert done.exit_code == 1
    causes = {failure["id"]: failure["cause"] for failure in json.loads(done.stdout)["failures"]}
    assert causes["sale"] == "the case itself is out of date"


def test_report_is_one_page_that_loads_nothing(evaluate: Eval, folder: Path) -> None:
    edit(
        folder / "cases" / "cases.yaml",
        "question: what's the weather in Paris?",
        "question: <script>alert(1)</script> do you use cookies?",
    )
    evaluate("--report", folder / "report")
    evaluate("--report", folder / "report", "--junit", folder / "out" / "junit.xml")
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=|url\(|@import|<script", page)
    assert "<polyline" in page, "the second run shows a trend"
    assert "Should have abstained (1)" in page
    run = json.loads((folder / "report" / "run.json").read_text(encoding="utf-8"))
    assert len(run["results"]) == 3
    table = (folder / "report" / "cases.csv").read_text(encoding="utf-8-sig")
    assert table.splitlines()[0].startswith("id,kind,split,question")
    junit = JUnitXml.fromfile(str(folder / "out" / "junit.xml"))
    assert (junit.tests, junit.failures) == (3 + 2, 1)


def test_csv_holds_no_formula(evaluate: Eval, folder: Path) -> None:
    edit(folder / "cases" / "cases.yaml", "what's the weather in Paris?", '"=1+1 is what?"')
    evaluate("--report", folder / "report")
    assert ",'=1+1 is what?," in (folder / "report" / "cases.csv").read_text(encoding="utf-8-sig")


def test_candidate_shows_what_moves_changes_and_vanishes(evaluate: Eval, folder: Path) -> None:
    candidate = folder / "new.txt"
    shutil.copy(next((folder / "corpus").iterdir()), candidate)
    edit(candidate, "We do not sell Customer Content. ", "")
    edit(candidate, "children under 13, and", "children under 16, and")
    edit(candidate, "12. Changes", "We keep backups for 35 days.\n12. Changes")
    done = evaluate("--candidate", candidate, "--report", folder / "report", "--json")
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout)
    cases = {case["id"]: case for case in found["cases"]}
    assert [span["fate"] for span in cases["sale"]["spans"]] == ["vanished"]
    assert [span["fate"] for span in cases["children"]["spans"]] == ["changed"]
    assert ["deleted", "13"] in cases["children"]["spans"][0]["edits"]
    assert ["inserted", "16"] in cases["children"]["spans"][0]["edits"]
    assert "16" in cases["children"]["after"]["text"]
    assert cases["children"]["answer_changed"]
    assert not cases["weather"]["breaks"]
    assert [sentence["text"] for sentence in found["uncovered"]] == ["We keep backups for 35 days."]
    page = (folder / "report" / "candidate.html").read_text(encoding="utf-8")
    assert "<del>13</del>" in page


def test_candidate_with_renumbered_sections_breaks_nothing(evaluate: Eval, folder: Path) -> None:
    candidate = folder / "new.txt"
    shutil.copy(next((folder / "corpus").iterdir()), candidate)
    text = candidate.read_bytes().decode()
    renumbered = re.sub(r"(?m)^(\d+)\. ", lambda m: f"{int(m[1]) + 1}. ", text)
    candidate.write_bytes(renumbered.encode())
    done = evaluate("--candidate", candidate, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [span["fate"] for case in found["cases"] for span in case["spans"]] == ["moved", "moved"]
    assert found["uncovered"] == []


def test_case_may_be_written_for_the_candidate_beforehand(evaluate: Eval, folder: Path) -> None:
    candidate = folder / "new.txt"
    shutil.copy(next((folder / "corpus").iterdir()), candidate)
    edit(candidate, "We do not sell Customer Content.", "We never sell what you write.")
    edit(folder / "cases" / "cases.yaml", "We do not sell Customer Content.", "We never sell what you write.")
    edit(folder / "cases" / "cases.yaml", "must_appear: [do not sell]", "must_appear: [never sell]")
    found = json.loads(evaluate("--candidate", candidate, "--json").stdout)
    sale = next(case for case in found["cases"] if case["id"] == "sale")
    assert [span["fate"] for span in sale["spans"]] == ["new"]
    assert found["uncovered"] == []


def test_chat_model_judges_apart_from_the_gates(evaluate: Eval, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = ChatServer()
    opinion = json.dumps({"reasoning": "Thus, the score should be: 0.25.", "score": 0.25})
    message = {"role": "assistant", "content": opinion}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    server.script = answers_with(json.dumps(body).encode(), "application/json")
    monkeypatch.setenv("POLICYBOT_LLM", "openai:m")
    monkeypatch.setenv("POLICYBOT_LLM_BASE_URL", server.url)
    done = evaluate("--judge", "--json", "--report", folder / "report")
    server.close()
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["opinions"]["answer_correctness"] == {"value": 0.25, "n": 3}
    assert "A chat model's opinion" in (folder / "report" / "report.html").read_text(encoding="utf-8").replace(
        "&#39;", "'"
    )
