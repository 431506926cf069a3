"""The metrics, on results worked out by hand."""

import pytest
from hypothesis import given

from bot.answer import Outcome
from evals.cases import EvalCase, Kind, Support
from evals.metrics import Measurement, mcnemar, measure, proportion
from evals.redline import redline
from evals.run import CaseResult, Cause, Found, PolicyText, Quote, Response, Run
from tests.texts import policy_texts

TEXT = "0123456789" * 10
"""Section 1 is [0, 50), section 2 [50, 100)."""


def result(
    cited: list[tuple[str, int, int]] = (),  # type: ignore[assignment]
    expected: list[tuple[str, int, int]] = (),  # type: ignore[assignment]
    outcome: Outcome | None = None,
    wanted: Outcome | None = None,
    found: list[tuple[int, int]] = (),  # type: ignore[assignment]
    cause: Cause | None = None,
    must: tuple[str, ...] = (),
    must_not: tuple[str, ...] = (),
) -> CaseResult:
    wanted = wanted or (Outcome.ANSWERED if expected else Outcome.NOT_IN_POLICY)
    quotes = tuple(Quote("p", "1", "p.txt", s, "", TEXT[a:b], a, b) for s, a, b in cited)
    case = EvalCase(
        id=f"case-{result.counter}",  # type: ignore[attr-defined]
        policy="p",
        question="?",
        kind=Kind.LAY,
        outcome=wanted,
        sections=tuple(dict.fromkeys(s for s, _, _ in expected)),
        spans=tuple(TEXT[a:b] for _, a, b in expected),
        must_appear=must,
        must_not_appear=must_not,
        why="by hand",
    )
    result.counter += 1  # type: ignore[attr-defined]
    response = Response(
        outcome or (Outcome.ANSWERED if cited else Outcome.NOT_IN_POLICY),
        " ".join(q.quote for q in quotes),
        quotes,
        tuple(Found("1" if a < 50 else "2", "", a, b, 1.0) for a, b in found),
        "extractive",
        None,
        10.0,
    )
    return CaseResult(case, tuple(Support(*e) for e in expected), response, cause)


result.counter = 0  # type: ignore[attr-defined]


def measured(*results: CaseResult) -> dict[str, Measurement]:
    return measure(Run("", "extractive", "", {}, (PolicyText("p", "1", "p.txt", "", TEXT),), results))["all"]


def test_retrieval_counts_passages_that_overlap_a_supporting_span() -> None:
    first = result(expected=[("1", 10, 20)], found=[(0, 30), (30, 50)])
    third = result(expected=[("2", 60, 70)], found=[(0, 30), (30, 50), (50, 100)])
    never = result(expected=[("2", 60, 70)], found=[(0, 30), (30, 50)])
    got = measured(first, third, never, result())
    assert (got["hit@1"].value, got["hit@3"].value, got["hit@1"].n) == (1 / 3, 2 / 3, 3)
    assert got["mrr"].value == pytest.approx((1 + 1 / 3 + 0) / 3)
    assert got["ndcg@10"].value == pytest.approx((1 + 0.5 + 0) / 3)


def test_citations_are_scored_by_section_and_by_character() -> None:
    # Half of what is cited is wanted, and all that is wanted is cited; then nothing fits.
    got = measured(
        result(cited=[("1", 10, 30)], expected=[("1", 10, 20)]), result(cited=[("2", 60, 70)], expected=[("1", 10, 20)])
    )
    assert got["span_precision"].value == (0.5 + 0) / 2
    assert got["span_recall"].value == (1 + 0) / 2
    assert got["section_precision"].value == got["section_recall"].value == 0.5
    assert got["section_first"].value == got["section_cited"].value == 0.5


def test_an_abstention_counts_against_recall_but_not_against_precision() -> None:
    got = measured(
        result(cited=[("1", 10, 20)], expected=[("1", 10, 20)]), result(expected=[("1", 10, 20)], found=[(0, 30)])
    )
    assert got["span_precision"].value == 1
    assert got["span_recall"].value == 0.5
    assert got["wrongly_abstained"].value == 0.5


def test_outcomes_have_precision_recall_and_f1() -> None:
    got = measured(
        result(),
        result(cited=[("1", 10, 20)]),
        result(expected=[("1", 10, 20)]),
        result(outcome=Outcome.OFF_TOPIC, wanted=Outcome.OFF_TOPIC),
    )
    assert got["not_in_policy_precision"].value == got["not_in_policy_recall"].value == 0.5
    assert got["not_in_policy_f1"].value == 0.5
    assert got["off_topic_f1"].value == 1
    assert got["outcome_accuracy"].value == 0.5


def test_phrases_are_found_in_whole_words() -> None:
    got = measured(result(cited=[("1", 0, 10)], expected=[("1", 0, 10)], must=("0123456789", "012"), must_not=("34",)))
    assert got["required_phrase_recall"].value == 0.5
    assert got["forbidden_phrases"].value == 0


def test_nothing_eligible_is_no_value() -> None:
    got = measured(result())
    assert got["hit@1"] == got["span_precision"] == got["quote_exactness"] == Measurement(None, 0)


def test_wilson_interval_is_the_published_one() -> None:
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 gives 0.2553 to 0.3662.
    got = proportion(81, 263)
    assert (round(got.low or 0, 4), round(got.high or 0, 4)) == (0.2553, 0.3662)


def test_mcnemar_is_a_fair_coin_on_the_cases_that_changed() -> None:
    # Six cases changed, all for the better: 2 / 2 ** 6.
    assert mcnemar([False] * 6 + [True] * 10, [True] * 16) == pytest.approx(2 / 64)
    assert mcnemar([True, False], [False, True]) == 1
    assert mcnemar([True], [True]) == 1


@given(policy_texts(), policy_texts())
def test_redline_leads_from_one_text_to_the_other(old: str, new: str) -> None:
    edits = redline(old, new)
    assert "".join(edit.text for edit in edits if edit.change != "inserted") == old
    assert "".join(edit.text for edit in edits if edit.change != "deleted") == new


def test_redline_marks_the_words_that_changed() -> None:
    edits = redline("We keep logs for 30 days. We sell nothing.", "We keep logs for 90 days. We sell nothing.")
    assert [(edit.change, edit.text) for edit in edits if edit.change != "same"] == [
        ("deleted", "30"),
        ("inserted", "90"),
    ]
