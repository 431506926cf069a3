"""A run on one screen."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evals.candidate import Comparison
from evals.gates import Baseline, Metrics, Verdict
from evals.metrics import judged
from evals.reports.words import change, figure, interval, plural, significance
from evals.run import CaseResult, Run

_FAILURES = 12


def print_run(run: Run, metrics: Metrics, verdict: Verdict, baseline: Baseline | None, console: Console) -> None:
    """Metrics against gates and baseline, then regressions, failures and the verdict."""
    console.print(_metrics_table(metrics, verdict, baseline))
    console.print(_kinds_table(metrics, verdict, baseline))
    console.print(significance(verdict.p))
    if run.judge:
        scores = ", ".join(f"{name} {figure(name, m.value)} (n = {m.n})" for name, m in judged(run.results).items())
        console.print(f"The opinion of {run.judge}, which decides nothing: {scores}.")
    fallbacks = sum(bool(result.response and result.response.fallback) for result in run.results)
    if fallbacks:
        console.print(f"The chat model gave no usable answer in {plural(fallbacks, 'case')}: the offline one counts.")
    _print_failures(run, verdict, console)
    console.print(_conclusion(verdict))


def _metrics_table(metrics: Metrics, verdict: Verdict, baseline: Baseline | None) -> Table:
    table = Table(box=None, pad_edge=False, title=f"{metrics['all']['pass_rate'].n} cases", title_justify="left")
    for heading, justify in (("metric", "left"), ("all", "right"), ("95 %", "right"), ("dev", "right")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for heading in ("held", "gate", "baseline"):
        table.add_column(heading, justify="right")
    for name, measured in metrics["all"].items():
        values = [figure(name, metrics[group][name].value) for group in ("dev", "held")]
        row = [name, figure(name, measured.value), interval(measured), *values]
        table.add_row(*row, _gates(verdict, "all", name), _baseline(baseline, "all", name, measured.value))
    return table


def _kinds_table(metrics: Metrics, verdict: Verdict, baseline: Baseline | None) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("kind", "cases", "passed", "95 %", "gate", "baseline"):
        table.add_column(heading, justify="left" if heading == "kind" else "right")
    for group, measures in metrics.items():
        measured = measures["pass_rate"]
        if group != "all" and measured.n:
            gates = _gates(verdict, group, "pass_rate")
            before = _baseline(baseline, group, "pass_rate", measured.value)
            row = [group, str(measured.n), figure("pass_rate", measured.value), interval(measured)]
            table.add_row(*row, gates, before)
    return table


def _gates(verdict: Verdict, group: str, metric: str) -> Text:
    found = [g for g in verdict.gates if (g.gate.group, g.gate.metric) == (group, metric)]
    words = Text(" ").join(
        Text(f"{g.gate.bound} {'ok' if g.passed else 'FAILED'}", style="green" if g.passed else "bold red")
        for g in found
    )
    return words


def _baseline(baseline: Baseline | None, group: str, metric: str, value: float | None) -> str:
    before = baseline.metrics.get(group, {}).get(metric) if baseline else None
    return f"{figure(metric, before)} {change(metric, value, before)}".strip() if before is not None else ""


def _print_failures(run: Run, verdict: Verdict, console: Console) -> None:
    failures = [result for result in run.results if not result.passed]
    urgent = {*verdict.regressed, *verdict.crashed}
    failures.sort(key=lambda result: result.case.id not in urgent)
    if verdict.fixed:
        console.print(f"\nFixed since the baseline: {len(verdict.fixed)}.")
    if failures:
        title = f"\n{plural(len(failures), 'failure')}, {plural(len(verdict.regressed), 'regression')} first:"
        console.print(title if verdict.regressed else f"\n{plural(len(failures), 'failure')}:")
    for result in failures[: max(_FAILURES, len(urgent))]:
        console.print(_line(result, result.case.id in verdict.regressed))
    if len(failures) > max(_FAILURES, len(urgent)):
        console.print(f"  … and {len(failures) - max(_FAILURES, len(urgent))} more: see the report (--report DIR).")


def _line(result: CaseResult, regressed: bool) -> Text:
    question = " ".join(result.case.question.split())
    shown = question if len(question) <= 60 else question[:59] + "…"
    reason = result.error or (result.cause.value if result.cause else "")
    mark = "REGRESSED " if regressed else ""
    return Text(f"  {mark}{result.case.id}: {reason}: {shown}", style="red" if regressed else "")


def _conclusion(verdict: Verdict) -> Text:
    if verdict.crashed:
        return Text(f"\nINCOMPLETE: {plural(len(verdict.crashed), 'case')} crashed.", style="bold red")
    failed = sum(not gate.passed for gate in verdict.gates)
    if failed or verdict.regressed:
        words = f"{plural(failed, 'gate')} failed, {plural(len(verdict.regressed), 'case')} regressed."
        return Text(f"\nFAILED: {words}", style="bold red")
    return Text(f"\nPASSED: {plural(len(verdict.gates), 'gate')}, nothing regressed.", style="bold green")


def print_comparison(comparison: Comparison, console: Console) -> None:
    """What an edit of the policy breaks, on one screen."""
    for case in comparison.broken[:_FAILURES]:
        fates = ", ".join(dict.fromkeys(span.fate.value for span in case.spans)) or "no words needed"
        after = f"; then {case.cause_after}" if case.cause_after and not case.cause_before else ""
        console.print(Text(f"  {case.case.id}: {fates}{after}: {case.case.question}"))
    if len(comparison.broken) > _FAILURES:
        console.print(f"  … and {len(comparison.broken) - _FAILURES} more: see the report (--report DIR).")
    if comparison.uncovered:
        console.print(f"\n{plural(len(comparison.uncovered), 'new or changed sentence')} that no case covers:")
    for sentence in comparison.uncovered[:_FAILURES]:
        console.print(Text(f"  §{sentence.section}: {sentence.text}"))
    changed = sum(case.answer_changed for case in comparison.cases)
    console.print(f"\n{plural(changed, 'answer')} would change.")
    broken = len(comparison.broken)
    words = f"{plural(broken, 'case')} of {len(comparison.cases)} to look at." if broken else "No case breaks."
    console.print(Text(words, style="bold red" if broken else "bold green"))
