"""Whether an answer is right, and if not, why not: one cause, that which comes first on the way of the data."""

import re

from bot.answer import Outcome, inert
from evals.cases import EvalCase, Kind, Support, section_name, words_pattern
from evals.run import Cause, Quote, Response

RETRIEVAL_DEPTH = 5
"""Retrieval found a case when one of the first so many passages holds a supporting span."""


def diagnose(case: EvalCase, expected: tuple[Support, ...], response: Response, text: str) -> Cause | None:
    """The cause of failure of a case, or None when it passes.

    A case passes when every quote is exact, no forbidden phrase appears, the outcome is the
    expected one, a supporting span is cited (one from each section for kind `two_sections`), and all
    required phrases appear. `text` is the policy file's, which `expected` counts in.
    """
    if not all(is_exact(citation, response.text, text) for citation in response.citations):
        return Cause.QUOTE_NOT_EXACT
    if forbidden(case, response):
        return Cause.FORBIDDEN_PHRASE
    if case.outcome is not Outcome.ANSWERED:
        return _diagnose_abstention(case, response)
    if response.outcome is not Outcome.ANSWERED or not is_supported(case, expected, response):
        return _diagnose_miss(case, expected, response)
    return Cause.INCOMPLETE if len(required(case, response)) < len(case.must_appear) else None


def is_exact(citation: Quote, shown: str, text: str) -> bool:
    """Whether a quote is what the policy file holds at its offsets, and is shown so in the answer."""
    return citation.span.of(text) == citation.quote and inert(citation.quote) in shown


def forbidden(case: EvalCase, response: Response) -> tuple[str, ...]:
    """The forbidden phrases that appear."""
    return tuple(phrase for phrase in case.must_not_appear if _appears(phrase, response.text))


def required(case: EvalCase, response: Response) -> tuple[str, ...]:
    """The required phrases that appear."""
    return tuple(phrase for phrase in case.must_appear if _appears(phrase, response.text))


def cited_rightly(case: EvalCase, citation: Quote) -> bool:
    """Whether the citation is from a section that a right answer may cite."""
    return section_name(citation.section, citation.title) in case.sections


def is_supported(case: EvalCase, expected: tuple[Support, ...], response: Response) -> bool:
    """Whether a supporting span is cited; for a case of kind `two_sections`, one from each section that has any."""
    cited = {s.section for s in expected if any(c.span.overlaps(s.span) for c in response.citations)}
    return cited == {s.section for s in expected} if case.kind is Kind.TWO_SECTIONS else bool(cited)


def _diagnose_abstention(case: EvalCase, response: Response) -> Cause | None:
    if response.outcome is Outcome.ANSWERED:
        return Cause.SHOULD_HAVE_ABSTAINED
    if response.outcome is not case.outcome:
        return Cause.WRONG_ABSTENTION
    return Cause.INCOMPLETE if len(required(case, response)) < len(case.must_appear) else None


def _diagnose_miss(case: EvalCase, expected: tuple[Support, ...], response: Response) -> Cause:
    top = response.passages[:RETRIEVAL_DEPTH]
    if not any(found.span.overlaps(s.span) for found in top for s in expected):
        return Cause.RETRIEVAL
    if response.outcome is not Outcome.ANSWERED:
        return Cause.ABSTAINED_WRONGLY
    if any(c.span.overlaps(s.span) for c in response.citations for s in expected):
        return Cause.INCOMPLETE
    if any(cited_rightly(case, citation) for citation in response.citations):
        return Cause.WRONG_CLAUSE
    return Cause.WRONG_SECTION


def _appears(phrase: str, text: str) -> bool:
    """Whether the phrase stands in the text in whole words, in any case and spacing."""
    before = r"(?<!\w)" if phrase[0].isalnum() else ""
    after = r"(?!\w)" if phrase[-1].isalnum() else ""
    return re.search(before + words_pattern(phrase) + after, text, re.I) is not None
