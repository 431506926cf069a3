"""What a run measures: pure functions of its results.

Each metric's docstring says what counts and which cases are eligible. Proportions carry their 95 %
interval by Wilson's score method. Of several cases a mean is each case's own value, averaged.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ir_measures
import numpy as np
from ir_measures import RR, Measure, Success, nDCG
from scipy.stats import binomtest  # type: ignore[attr-defined]  # it has no types
from sklearn.metrics import precision_recall_fscore_support

from bot.answer import Outcome
from evals.cases import Support, section_name
from evals.diagnosis import cited_rightly, forbidden, is_exact, required
from evals.run import CaseResult, Quote, Response, Run

_RETRIEVAL: dict[str, Measure] = {
    "hit@1": Success @ 1,
    "hit@3": Success @ 3,
    "hit@5": Success @ 5,
    "mrr": RR,
    "ndcg@10": nDCG @ 10,
}


@dataclass(frozen=True)
class Measurement:
    """A metric over `n` eligible cases (or quotes, or phrases); `value` is None where there are none.

    `low` and `high` bound a proportion's 95 % interval, and are None for anything else.
    """

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None


def measure(run: Run) -> dict[str, dict[str, Measurement]]:
    """All metrics of a run: over all cases ("all"), over each half ("dev", "held") and over each kind."""
    texts = {text.policy: text.text for text in run.policies}
    groups: dict[str, list[CaseResult]] = {"all": [], "dev": [], "held": []}
    for result in run.results:
        for group in ("all", result.case.split, result.case.kind.value):
            groups.setdefault(group, []).append(result)
    return {group: _measure(results, texts) for group, results in groups.items()}


def _measure(results: Sequence[CaseResult], texts: dict[str, str]) -> dict[str, Measurement]:
    return {
        "pass_rate": pass_rate(results),
        **retrieval(results),
        "section_first": section_first(results),
        "section_cited": section_cited(results),
        "section_precision": section_precision(results),
        "section_recall": section_recall(results),
        "span_precision": span_precision(results),
        "span_recall": span_recall(results),
        "citations_per_answer": citations_per_answer(results),
        "quote_exactness": quote_exactness(results, texts),
        "required_phrase_recall": required_phrase_recall(results),
        "forbidden_phrases": forbidden_phrases(results),
        "outcome_accuracy": outcome_accuracy(results),
        "wrongly_abstained": wrongly_abstained(results),
        **precision_recall_f1(results, Outcome.NOT_IN_POLICY),
        **precision_recall_f1(results, Outcome.OFF_TOPIC),
        "latency_p50_ms": latency(results, 50),
        "latency_p95_ms": latency(results, 95),
    }


def proportion(hits: int, n: int) -> Measurement:
    """hits / n with its 95 % interval: Wilson, Journal of the American Statistical Association 22, 1927."""
    if not n:
        return Measurement(None, 0)
    interval = binomtest(hits, n).proportion_ci(method="wilson")
    return Measurement(hits / n, n, float(interval.low), float(interval.high))


def mcnemar(before: Iterable[bool], after: Iterable[bool]) -> float:
    """The two-sided p-value of McNemar's exact test: of two runs on the same cases, is the difference noise?

    McNemar, Psychometrika 12, 1947, in its exact form: the cases that changed sides are held
    against a fair coin.
    """
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    return float(binomtest(sum(changed), len(changed)).pvalue) if changed else 1.0


def pass_rate(results: Sequence[CaseResult]) -> Measurement:
    """Cases that pass (see `diagnosis.diagnose`), of all."""
    return proportion(sum(result.passed for result in results), len(results))


def retrieval(results: Sequence[CaseResult]) -> dict[str, Measurement]:
    """hit@k (a relevant passage among the first k), MRR and nDCG@10, by ir_measures.

    Eligible: cases that have supporting spans. A passage is relevant, all or nothing, when it
    overlaps one of them; a span that no passage overlaps counts as a relevant one not found.
    """
    relevant: dict[str, dict[str, int]] = {}
    ranked: dict[str, dict[str, float]] = {}
    for result, response in _expecting(results):
        expected = [support.span for support in result.expected or ()]
        names = [str(rank) for rank, _ in enumerate(response.passages)]
        ranked[result.case.id] = {name: -float(name) for name in names}
        holds = [any(p.span.overlaps(span) for span in expected) for p in response.passages]
        unfound = [span for span in expected if not any(p.span.overlaps(span) for p in response.passages)]
        relevant[result.case.id] = {name: 1 for name, hit in zip(names, holds, strict=True) if hit}
        relevant[result.case.id] |= {f"unfound-{span.start}": 1 for span in unfound}
    if not relevant:
        return {name: Measurement(None, 0) for name in _RETRIEVAL}
    means = ir_measures.calc_aggregate(list(_RETRIEVAL.values()), relevant, ranked)
    n = len(relevant)
    return {
        name: proportion(round(means[measure] * n), n) if name.startswith("hit") else Measurement(means[measure], n)
        for name, measure in _RETRIEVAL.items()
    }


def section_first(results: Sequence[CaseResult]) -> Measurement:
    """Answers whose first citation is from a section that a right answer may cite.

    Eligible: cases to be answered that were answered.
    """
    answers = [(r, a) for r, a in _expecting(results) if a.citations]
    return proportion(sum(cited_rightly(r.case, a.citations[0]) for r, a in answers), len(answers))


def section_cited(results: Sequence[CaseResult]) -> Measurement:
    """Answers with any citation from a section that a right answer may cite; eligible as in `section_first`."""
    answers = [(r, a) for r, a in _expecting(results) if a.citations]
    return proportion(sum(any(cited_rightly(r.case, c) for c in a.citations) for r, a in answers), len(answers))


def section_precision(results: Sequence[CaseResult]) -> Measurement:
    """Mean share of an answer's citations whose section a right answer may cite; eligible as in `section_first`."""
    return _mean(
        sum(cited_rightly(r.case, c) for c in a.citations) / len(a.citations)
        for r, a in _expecting(results)
        if a.citations
    )


def section_recall(results: Sequence[CaseResult]) -> Measurement:
    """Mean share of the supporting spans' sections that are cited. Eligible: all cases to be answered."""
    return _mean(_section_recall(result, response) for result, response in _expecting(results))


def span_precision(results: Sequence[CaseResult]) -> Measurement:
    """Mean share of the cited characters that stand in supporting spans; eligible as in `section_first`."""
    return _mean(_shared(r, a) / len(_characters(a.citations)) for r, a in _expecting(results) if a.citations)


def span_recall(results: Sequence[CaseResult]) -> Measurement:
    """Mean share of the supporting spans' characters that are cited. Eligible: all cases to be answered."""
    return _mean(_shared(r, a) / len(_characters(r.expected or ())) for r, a in _expecting(results))


def citations_per_answer(results: Sequence[CaseResult]) -> Measurement:
    """Mean number of citations. Eligible: cases answered whose supporting spans are all in one section."""
    answers = [(r, a) for r, a in _expecting(results) if a.citations]
    return _mean(float(len(a.citations)) for r, a in answers if len({s.section for s in r.expected or ()}) == 1)


def quote_exactness(results: Sequence[CaseResult], texts: dict[str, str]) -> Measurement:
    """Citations whose quote is what the policy file holds at their offsets and is shown so; of all citations."""
    cited = [(r, a, c) for r, a in _responses(results) for c in a.citations]
    return proportion(sum(is_exact(c, a.text, texts.get(c.policy, "")) for _, a, c in cited), len(cited))


def required_phrase_recall(results: Sequence[CaseResult]) -> Measurement:
    """Required phrases that appear, of all in all cases."""
    found = sum(len(required(r.case, a)) for r, a in _responses(results))
    return proportion(found, sum(len(r.case.must_appear) for r, _ in _responses(results)))


def forbidden_phrases(results: Sequence[CaseResult]) -> Measurement:
    """Number of forbidden phrases that appear. `n` is the number of forbidden phrases."""
    found = sum(len(forbidden(r.case, a)) for r, a in _responses(results))
    n = sum(len(r.case.must_not_appear) for r, _ in _responses(results))
    return Measurement(float(found), n) if n else Measurement(None, 0)


def outcome_accuracy(results: Sequence[CaseResult]) -> Measurement:
    """Cases with the expected outcome, of all."""
    answers = _responses(results)
    return proportion(sum(a.outcome is r.case.outcome for r, a in answers), len(answers))


def wrongly_abstained(results: Sequence[CaseResult]) -> Measurement:
    """Cases to be answered that were not, of all to be answered."""
    answers = [(r, a) for r, a in _responses(results) if r.case.outcome is Outcome.ANSWERED]
    return proportion(sum(a.outcome is not Outcome.ANSWERED for _, a in answers), len(answers))


def precision_recall_f1(results: Sequence[CaseResult], outcome: Outcome) -> dict[str, Measurement]:
    """Precision, recall and F1 of one outcome against all others, by scikit-learn.

    Precision is over the cases that got the outcome, recall over those that should have; F1,
    their harmonic mean, over either.
    """
    answers = _responses(results)
    should = [r.case.outcome is outcome for r, _ in answers]
    did = [a.outcome is outcome for _, a in answers]
    hits = sum(s and d for s, d in zip(should, did, strict=True))
    either = sum(s or d for s, d in zip(should, did, strict=True))
    f1 = precision_recall_fscore_support(should, did, average="binary", zero_division=0.0)[2] if either else None
    return {
        f"{outcome}_precision": proportion(hits, sum(did)),
        f"{outcome}_recall": proportion(hits, sum(should)),
        f"{outcome}_f1": Measurement(None if f1 is None else float(f1), either),
    }


def latency(results: Sequence[CaseResult], percentile: int) -> Measurement:
    """A percentile of the milliseconds that an answer took, retrieval included."""
    times = [a.total_ms for _, a in _responses(results)]
    return Measurement(float(np.percentile(times, percentile)), len(times)) if times else Measurement(None, 0)


def judged(results: Sequence[CaseResult]) -> dict[str, Measurement]:
    """The means of a chat model's scores, over the cases that it scored."""
    scores = [result.judgement for result in results if result.judgement]
    return {
        "answer_correctness": _mean(s.answer_correctness for s in scores if s.answer_correctness is not None),
        "faithfulness": _mean(s.faithfulness for s in scores if s.faithfulness is not None),
    }


def _responses(results: Sequence[CaseResult]) -> list[tuple[CaseResult, Response]]:
    return [(result, result.response) for result in results if result.response]


def _expecting(results: Sequence[CaseResult]) -> list[tuple[CaseResult, Response]]:
    """The cases to be answered, with spans that stand in the policy."""
    return [(result, response) for result, response in _responses(results) if result.expected]


def _section_recall(result: CaseResult, response: Response) -> float:
    expected = {support.section for support in result.expected or ()}
    return len(expected & {section_name(c.section, c.title) for c in response.citations}) / len(expected)


def _shared(result: CaseResult, response: Response) -> int:
    return len(_characters(result.expected or ()) & _characters(response.citations))


def _characters(spans: Iterable[Support | Quote]) -> set[int]:
    return {at for span in spans for at in range(span.start, span.end)}


def _mean(values: Iterable[float]) -> Measurement:
    listed = list(values)
    return Measurement(float(np.mean(listed)) if listed else None, len(listed))
