"""A run as JSON, CSV and JUnit XML."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from junitparser import Error, Failure, JUnitXml, TestCase, TestSuite

from evals.candidate import Comparison
from evals.gates import Metrics, Verdict
from evals.metrics import judged
from evals.redline import Edit
from evals.run import CaseResult, Response, Run

_COLUMNS = (
    "id kind split question history expected_outcome outcome passed cause expected_sections cited_sections "
    "expected_quotes cited_quotes answer total_ms"
).split()
_CANDIDATE_COLUMNS = (
    "id question breaks cause_after answer_changed fate section_before section_after quote answer_before answer_after"
).split()


def summary(run: Run, metrics: Metrics, verdict: Verdict) -> dict[str, Any]:
    """A run's figures, verdict and failures, ready for JSON."""
    return {
        "started": run.started,
        "answerer": run.answerer,
        "model": run.model,
        "exit_code": verdict.exit_code,
        "metrics": {
            group: {name: {"value": m.value, "n": m.n, "low": m.low, "high": m.high} for name, m in table.items()}
            for group, table in metrics.items()
        },
        "gates": [
            {
                "group": g.gate.group,
                "metric": g.gate.metric,
                "bound": g.gate.bound,
                "value": g.value,
                "passed": g.passed,
            }
            for g in verdict.gates
        ],
        "regressed": list(verdict.regressed),
        "fixed": list(verdict.fixed),
        "mcnemar_p": verdict.p,
        "judge": run.judge,
        "opinions": {name: {"value": m.value, "n": m.n} for name, m in judged(run.results).items()}
        if run.judge
        else {},
        "crashed": list(verdict.crashed),
        "failures": [
            {"id": r.case.id, "kind": r.case.kind.value, "question": r.case.question, "cause": r.error or r.cause}
            for r in run.results
            if not r.passed
        ],
    }


def write_csv(run: Run, path: Path) -> None:
    """One line a case, for a spreadsheet."""
    path.write_text(to_csv(_COLUMNS, [_row(result) for result in run.results]), encoding="utf-8-sig")


def to_csv(columns: list[str], rows: list[list[object]]) -> str:
    """CSV that no spreadsheet takes for formulas."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([[_disarmed(value) for value in row] for row in rows])
    return table.getvalue()


def write_junit(run: Run, verdict: Verdict, path: Path) -> None:
    """JUnit XML: a test for each case, and one for each gate."""
    cases, gates = TestSuite("cases"), TestSuite("gates")
    for result in run.results:
        test = TestCase(
            result.case.id, f"evals.{result.case.kind}", (result.response.total_ms if result.response else 0) / 1e3
        )
        if result.error:
            test.result = [Error(result.error, "crash")]
        elif result.cause:
            test.result = [Failure(f"{result.cause.value}: {result.case.question}", result.cause.name)]
        cases.add_testcase(test)
    for gate in verdict.gates:
        test = TestCase(f"{gate.gate.group}: {gate.gate.metric} {gate.gate.bound}", "evals.gates")
        if not gate.passed:
            test.result = [Failure(f"{gate.gate.metric} of {gate.gate.group} is {gate.value}", "gate")]
        gates.add_testcase(test)
    xml = JUnitXml("policybot eval")
    for suite in (cases, gates):
        xml.add_testsuite(suite)
    path.parent.mkdir(parents=True, exist_ok=True)
    xml.write(str(path), pretty=True)


def _row(result: CaseResult) -> list[object]:
    case, response = result.case, result.response
    citations = response.citations if response else ()
    return [
        case.id,
        case.kind.value,
        case.split,
        case.question,
        " / ".join(case.history),
        case.outcome.value,
        response.outcome.value if response else "",
        "yes" if result.passed else "no",
        result.error or (result.cause.value if result.cause else ""),
        ", ".join(case.sections),
        ", ".join(dict.fromkeys(c.section or c.title or "" for c in citations)),
        " / ".join(case.spans),
        " / ".join(c.quote for c in citations),
        response.text if response else "",
        response.total_ms if response else "",
    ]


def _disarmed(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def candidate_summary(comparison: Comparison) -> dict[str, Any]:
    """What an edit of the policy does to each case, ready for JSON."""
    return {
        "policy": comparison.before.policy,
        "before": {"version": comparison.before.version, "sha256": comparison.before.sha256},
        "after": {"version": comparison.after.version, "sha256": comparison.after.sha256},
        "answerer": comparison.answerer,
        "exit_code": int(bool(comparison.broken)),
        "cases": [
            {
                "id": change.case.id,
                "question": change.case.question,
                "breaks": change.breaks,
                "cause_before": change.cause_before,
                "cause_after": change.cause_after,
                "answer_changed": change.answer_changed,
                "before": _answer(change.before),
                "after": _answer(change.after),
                "spans": [
                    {"quote": s.quote, "fate": s.fate, "before": s.before, "after": s.after, "edits": _edits(s.edits)}
                    for s in change.spans
                ],
            }
            for change in comparison.cases
        ],
        "uncovered": [{"section": u.section, "text": u.text, "edits": _edits(u.edits)} for u in comparison.uncovered],
    }


def write_candidate_csv(comparison: Comparison, path: Path) -> None:
    """One line a case and supporting span."""
    rows: list[list[object]] = []
    for change in comparison.cases:
        yes = ["no", "yes"]
        head = [
            change.case.id,
            change.case.question,
            yes[change.breaks],
            change.cause_after or "",
            yes[change.answer_changed],
        ]
        answers = [change.before.text, change.after.text]
        spans = [[s.fate.value, s.before or "", s.after or "", s.quote] for s in change.spans] or [["", "", "", ""]]
        rows += [[*head, *span, *answers] for span in spans]
    path.write_text(to_csv(_CANDIDATE_COLUMNS, rows), encoding="utf-8-sig")


def _answer(response: Response) -> dict[str, Any]:
    return {"outcome": response.outcome, "text": response.text, "quotes": [c.quote for c in response.citations]}


def _edits(edits: Sequence[Edit]) -> list[list[str]]:
    return [[edit.change, edit.text] for edit in edits]
