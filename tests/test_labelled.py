"""Labelled questions: what they say of their policy is so."""

import json
from pathlib import Path

import pytest

from bot import Outcome
from evals.labelled import CALIBRATION, UNSEEN, LabelError, read_labelled_policies

POLICY = "Acme Privacy\n1. Cats\nWe store the name\nof your cat.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme.txt").write_text(POLICY, encoding="utf-8")
    return tmp_path


def write(folder: Path, outcome: str, *quotes: str) -> None:
    line = json.dumps({"question": "cats?", "history": [], "outcome": outcome, "quotes": quotes})
    (folder / "acme.jsonl").write_text(line + "\n", encoding="utf-8")


def test_quote_is_found_however_its_lines_break(folder: Path) -> None:
    write(folder, "answered", "We store the name of your cat.")
    (labelled,) = read_labelled_policies(folder)
    (question,) = labelled.questions
    assert question.outcome is Outcome.ANSWERED
    assert [span.of(labelled.policy.text) for span in question.spans] == ["We store the name\nof your cat."]


@pytest.mark.parametrize(
    ("outcome", "quotes"),
    [("answered", ["We store dogs."]), ("answered", []), ("not_in_policy", ["We store the name"])],
)
def test_label_that_is_not_so_is_named(folder: Path, outcome: str, quotes: list[str]) -> None:
    write(folder, outcome, *quotes)
    with pytest.raises(LabelError, match=r"acme\.jsonl, line 1"):
        read_labelled_policies(folder)


def test_no_policy_is_both_learnt_from_and_measured_on() -> None:
    names = [{labelled.policy.id for labelled in read_labelled_policies(folder)} for folder in (CALIBRATION, UNSEEN)]
    assert len(names[0]) >= 16
    assert len(names[1]) >= 4
    assert not names[0] & names[1]
