"""A run as one self-contained page: headline figures with their trend, then the failures by cause."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader

from bot.log import Entry
from bot.parsing import parse
from bot.policy import Policy, Span
from evals.candidate import Comparison
from evals.cases import section_name
from evals.gates import Baseline, Metrics, Verdict
from evals.metrics import judged
from evals.redline import Edit, redline
from evals.reports import words
from evals.run import CaseResult, Cause, PolicyText, Run

_ENVIRONMENT = Environment(loader=PackageLoader("evals.reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.globals.update(figure=words.figure, interval=words.interval, change=words.change)
_PLOT_WIDTH, _PLOT_HEIGHT = 120, 28


@dataclass(frozen=True)
class Excerpt:
    """A section of the policy, its text in pieces marked "expected", "cited", "both" or ""."""

    title: str
    pieces: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Failure:
    """All that a reader needs on one failed case."""

    result: CaseResult
    regressed: bool
    difference: tuple[Edit, ...]
    excerpts: tuple[Excerpt, ...]


def render(template: str, **values: Any) -> str:
    """A page made from a template of this package."""
    return _ENVIRONMENT.get_template(template).render(**values)


def run_page(run: Run, metrics: Metrics, verdict: Verdict, baseline: Baseline | None, trend: Sequence[Metrics]) -> str:
    """The report on a run; `trend` has the metrics of the stored runs, oldest first, this one last."""
    policies = {text.policy: policy(text) for text in run.policies}
    failures = [_failure(result, policies, verdict) for result in run.results if not result.passed]
    order = [cause.value for cause in Cause]
    failures.sort(key=lambda f: (_cause(f) in order and order.index(_cause(f)), not f.regressed))
    return render(
        "run.html",
        run=run,
        metrics=metrics,
        verdict=verdict,
        baseline=baseline,
        groups=[(cause, list(found)) for cause, found in groupby(failures, key=_cause)],
        gates=sorted(verdict.gates, key=lambda gate: gate.passed),
        significance=words.significance(verdict.p),
        headlines=[(name, title, plot(trend, name)) for name, title in words.HEADLINES.items()],
        judge=run.judge,
        opinions=judged(run.results) if run.judge else {},
    )


def findings(result: CaseResult, texts: Sequence[PolicyText]) -> str:
    """What a reader needs on one result, as a piece of HTML to be styled by `pieces_css`."""
    policies = {text.policy: policy(text) for text in texts}
    macros: Any = _ENVIRONMENT.get_template("macros.html").module
    return str(macros.findings(_failure(result, policies, None)))


def reported(entry: Entry, policy: Policy | None) -> str:
    """What a reader needs on an entry of the question log, as a piece of HTML; `policy` is what it quotes."""
    cited = [Span(quote["start"], quote["end"]) for quote in entry.citations]
    asked = shlex.join(["policybot", "ask", entry.question, *(["--policy", entry.policy] if entry.policy else [])])
    return render(
        "reported.html",
        entry=entry,
        excerpts=_excerpts(policy, [], cited) if policy else (),
        versions=sorted({quote["version"] for quote in entry.citations}),
        again=asked,
    )


def pieces_css() -> str:
    """The styles of what stands in the reports, and on other pages; colours are variables."""
    return _ENVIRONMENT.get_template("pieces.css").render()


def plot(trend: Sequence[Metrics], metric: str) -> str:
    """The points of a small plot of a proportion over the runs, "" for fewer than two."""
    values = [measures["all"][metric].value for measures in trend if metric in measures["all"]]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    step = _PLOT_WIDTH / (len(known) - 1)
    return " ".join(f"{n * step:.1f},{_PLOT_HEIGHT * (1 - value) + 1:.1f}" for n, value in enumerate(known))


def policy(text: PolicyText) -> Policy:
    """The policy that a run was made on."""
    return parse(text.text, id=text.policy, version=text.version, source=text.source)


def _failure(result: CaseResult, policies: dict[str, Policy], verdict: Verdict | None) -> Failure:
    expected = "\n".join(result.case.spans)
    cited = "\n".join(c.quote for c in result.response.citations) if result.response else ""
    return Failure(
        result=result,
        regressed=verdict is not None and result.case.id in verdict.regressed,
        difference=redline(expected, cited) if expected and cited else (),
        excerpts=_excerpts_of(result, policies[result.case.policy or ""]),
    )


def _cause(failure: Failure) -> str:
    result = failure.result
    return "the bot crashed" if result.error else result.cause.value if result.cause else ""


def _excerpts_of(result: CaseResult, policy: Policy) -> tuple[Excerpt, ...]:
    cited = result.response.citations if result.response else ()
    return _excerpts(policy, [s.span for s in result.expected or ()], [c.span for c in cited])


def _excerpts(policy: Policy, expected: Sequence[Span], cited: Sequence[Span]) -> tuple[Excerpt, ...]:
    """The sections where expected or cited words stand, with both marked."""
    return tuple(
        Excerpt(
            f"{section_name(section.number, None)} {section.title}".strip(),
            _marked(policy, section.span, expected, cited),
        )
        for section in policy.sections
        if any(span.overlaps(section.span) for span in (*expected, *cited))
    )


def _marked(
    policy: Policy, within: Span, expected: Sequence[Span], cited: Sequence[Span]
) -> tuple[tuple[str, str], ...]:
    def mark(at: int) -> str:
        wanted = any(span.start <= at < span.end for span in expected)
        given = any(span.start <= at < span.end for span in cited)
        return "both" if wanted and given else "expected" if wanted else "cited" if given else ""

    runs = [(kind, list(run)) for kind, run in groupby(range(within.start, within.end), key=mark)]
    return tuple((kind, policy.text[run[0] : run[-1] + 1]) for kind, run in runs)


def candidate_page(comparison: Comparison) -> str:
    """The report that is read before an edit of the policy is published."""
    return render(
        "candidate.html",
        comparison=comparison,
        groups=[
            (
                "Cases to look at",
                "Their words changed or vanished, or the bot no longer gets them right.",
                comparison.broken,
            ),
            (
                "Other answers that change",
                "What supports them is still there, but the bot says something else.",
                [case for case in comparison.cases if case.answer_changed and not case.breaks],
            ),
        ],
        fates=Counter(span.fate.value for case in comparison.cases for span in case.spans),
        answers=sum(case.answer_changed for case in comparison.cases),
    )
