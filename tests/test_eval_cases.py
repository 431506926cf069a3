"""The cases: what is read, what is refused."""

import json
from collections import Counter
from pathlib import Path

import pytest

from bot import PolicyBot
from evals.cases import CaseError, EvalCase, Kind, find_support, read_cases, schema
from evals.runner import current_policy, run_cases

ROOT = Path(__file__).parent.parent
CASES = ROOT / "evals" / "cases"
GOOD = """policy: alumia-privacy-policy
cases:
  - id: sale
    question: do you sell my stuff?
    kind: lay
    outcome: answered
    sections: ["4"]
    spans: ["We do not sell Customer Content."]
    why: It says so.
"""


@pytest.fixture(scope="module")
def cases() -> list[EvalCase]:
    return read_cases(CASES)


def test_the_set_covers_every_section_and_kind_and_enough_silence(bot: PolicyBot, cases: list[EvalCase]) -> None:
    policy = current_policy(bot, "alumia-privacy-policy")
    assert len(cases) >= 200
    assert {name for case in cases for name in case.sections} == {section.number for section in policy.sections}
    assert {case.kind for case in cases} == set(Kind)
    assert sum(case.outcome == "not_in_policy" for case in cases) >= 40
    halves = Counter(case.split for case in cases)
    assert abs(halves["dev"] - halves["held"]) < len(cases) / 5


def test_every_span_stands_once_in_a_section_that_the_case_names(bot: PolicyBot, cases: list[EvalCase]) -> None:
    policy = current_policy(bot, "alumia-privacy-policy")
    for case in cases:
        for support, quote in zip(find_support(case, policy), case.spans, strict=True):
            assert support.span.of(policy.text) == quote
            assert policy.text.count(quote) == 1
            assert support.section in case.sections


def test_required_phrases_are_the_policys_own(bot: PolicyBot, cases: list[EvalCase]) -> None:
    text = current_policy(bot, "alumia-privacy-policy").text.lower()
    for case in cases:
        for phrase in case.must_appear:
            assert phrase.lower() in text, case.id


def test_half_of_a_case_depends_on_nothing_but_its_id(cases: list[EvalCase]) -> None:
    case = cases[0]
    assert case.model_copy(update={"question": "something else", "kind": Kind.TRAP}).split == case.split


def test_schema_beside_the_cases_is_that_of_the_code() -> None:
    assert json.loads((CASES / "schema.json").read_text(encoding="utf-8")) == schema()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("id: sale", "id: Sale", "case Sale, id"),
        ("kind: lay", "kind: odd", "case sale, kind"),
        ("    why: It says so.\n", "", "case sale, why"),
        ('    sections: ["4"]\n', "", "exactly when"),
        ("outcome: answered", "outcome: off_topic", "exactly when"),
        ("question: do", "questions: do", "question"),
        ("policy: alumia-privacy-policy\n", "", "policy"),
        ("cases:", "cases: [", "is not YAML"),
        ("why: It says so.", "why: It says so.\n  - id: sale", "question"),
    ],
)
def test_bad_file_is_one_sentence_that_names_the_place(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(CaseError) as caught:
        read_cases(path)
    assert words in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_same_id_twice_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(CaseError, match=r"b\.yaml.*'sale' is taken in .*a\.yaml"):
        read_cases(tmp_path)


@pytest.mark.parametrize(
    ("quote", "sections", "words"),
    [
        ("We do not sell Costumer Content.", ["4"], "does not occur"),
        ("Customer Content", ["4"], "occurs"),
        ("We do not sell Customer Content.", ["5"], "Add that to `sections`"),
        ("We do not sell Customer Content.", ["4", "99"], "no section '99'"),
        ("operate the Services. 5. Cookies", ["4"], "runs over several sections"),
    ],
)
def test_wrong_span_is_an_error_and_no_failure(
    bot: PolicyBot, tmp_path: Path, quote: str, sections: list[str], words: str
) -> None:
    (case,) = read_cases(_file(tmp_path, GOOD))
    wrong = case.model_copy(update={"spans": (quote,), "sections": tuple(sections)})
    with pytest.raises(CaseError, match=words):
        run_cases(bot, [wrong], {})


def _file(folder: Path, text: str) -> Path:
    path = folder / "cases.yaml"
    path.write_text(text, encoding="utf-8")
    return path
