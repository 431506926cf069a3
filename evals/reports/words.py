"""How the reports put figures into words."""

from evals.metrics import Measurement

HEADLINES = {
    "pass_rate": "cases passed",
    "section_first": "right section first",
    "required_phrase_recall": "required phrases",
    "wrongly_abstained": "wrongly abstained",
    "not_in_policy_f1": "not in policy, F1",
    "off_topic_f1": "off topic, F1",
}
"""The metrics that a report opens with."""


def figure(metric: str, value: float | None) -> str:
    """A value as people read it: a percentage, a count, a mean or milliseconds; a dash for none."""
    if value is None:
        return "–"
    if metric.startswith("latency"):
        return f"{value:.0f} ms"
    if metric == "forbidden_phrases":
        return f"{value:.0f}"
    if metric == "citations_per_answer":
        return f"{value:.2f}"
    if metric in ("mrr", "ndcg@10") or metric.endswith("_f1"):
        return f"{value:.3f}"
    return f"{100 * value:.1f} %"


def interval(measured: Measurement) -> str:
    """A proportion's 95 % interval in percent, "" for anything else."""
    if measured.low is None or measured.high is None:
        return ""
    return f"{100 * measured.low:.0f}–{100 * measured.high:.0f}"


def change(metric: str, value: float | None, before: float | None) -> str:
    """How far a value is from the baseline's: "+1.2", "" where there is nothing to compare."""
    if value is None or before is None or metric.startswith("latency"):
        return ""
    scaled = metric not in ("forbidden_phrases", "citations_per_answer", "mrr", "ndcg@10") and not metric.endswith(
        "_f1"
    )
    difference = round((value - before) * (100 if scaled else 1), 1 if scaled else 3)
    return f"{difference:+g}" if difference else "="


def significance(p: float | None) -> str:
    """McNemar's p in a sentence."""
    if p is None:
        return "There is no baseline to compare with."
    if p < 0.05:
        return f"The difference from the baseline is more than noise (McNemar's exact test, p = {p:.3f})."
    return f"The difference from the baseline may be noise (McNemar's exact test, p = {p:.2f})."


def plural(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
