"""What an edit of a policy does to the answers, before it is published."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory

from rapidfuzz import fuzz, process

from bot import Outcome, PolicyBot
from bot.corpus import SUFFIXES, read_text
from bot.policy import Policy, Span
from bot.settings import Settings
from evals.cases import CaseError, EvalCase, Support, find_support, section_name, words_pattern
from evals.diagnosis import diagnose
from evals.redline import Edit, redline
from evals.run import Cause, PolicyText, Response
from evals.runner import current_policy, policy_text, respond

_SAME_CLAUSE = 55
"""A new clause is an edit of an old one when they are at least this alike, of 100 (rapidfuzz's ratio)."""


class Fate(StrEnum):
    """What became of a span that supports an answer."""

    STAYED = "stayed"
    MOVED = "moved"
    CHANGED = "changed"
    VANISHED = "vanished"
    NEW = "new"


@dataclass(frozen=True)
class SpanChange:
    """A supporting span and its fate.

    `before` and `after` name the sections; `edits` are those of the clause, where it changed.
    """

    quote: str
    fate: Fate
    before: str | None
    after: str | None
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class CaseChange:
    """What an edit does to one case. A cause is why the case fails before or after, if it does."""

    case: EvalCase
    spans: tuple[SpanChange, ...]
    before: Response
    after: Response
    cause_before: Cause | None
    cause_after: Cause | None

    @property
    def answer_changed(self) -> bool:
        return _said(self.before) != _said(self.after)

    @property
    def breaks(self) -> bool:
        """Whether somebody should look: what supports the answer changed or vanished, or the case fails from now on."""
        lost = any(span.fate in (Fate.CHANGED, Fate.VANISHED) for span in self.spans)
        return lost or (self.cause_before is None and self.cause_after is not None)


@dataclass(frozen=True)
class Uncovered:
    """A sentence of the edit that supports no case; `edits` where it is a change of an old one."""

    section: str
    text: str
    edits: tuple[Edit, ...]


@dataclass(frozen=True)
class Comparison:
    """A policy as it is and as it may become, and what that does to the cases."""

    before: PolicyText
    after: PolicyText
    answerer: str
    cases: tuple[CaseChange, ...]
    uncovered: tuple[Uncovered, ...]
    edits: tuple[Edit, ...]

    @property
    def broken(self) -> tuple[CaseChange, ...]:
        return tuple(case for case in self.cases if case.breaks)


@contextmanager
def candidate_bot(path: Path, name: str, settings: Settings) -> Iterator[PolicyBot]:
    """A bot on nothing but the candidate, as a policy of that name. Raises CorpusError, CaseError."""
    if path.suffix.lower() not in SUFFIXES:
        raise CaseError(f"{path} is not a policy file. --candidate takes a .txt or .md file.")
    text = read_text(path)
    with TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        (corpus / f"{name}{path.suffix.lower()}").write_bytes(text.encode("utf-8"))
        bot = PolicyBot(settings.model_copy(update={"corpus": corpus, "data": Path(folder, "data")}))
        bot.sync()
        yield bot


def the_policy(cases: Sequence[EvalCase]) -> str:
    """The one policy that all cases are on; raises CaseError where they are on several."""
    names = sorted({case.policy or "" for case in cases})
    if len(names) > 1:
        raise CaseError(f"The cases are on several policies ({', '.join(names)}). Name one policy's with --cases.")
    return names[0]


def compare(
    bot: PolicyBot, candidate: PolicyBot, cases: Sequence[EvalCase], each: Callable[[], object] = lambda: None
) -> Comparison:
    """Put every case to the policy as it is and to the candidate, and call `each` after it.

    A case may quote either text, so that cases on new sentences can be written beforehand; one
    that quotes neither raises CaseError.
    """
    name = the_policy(cases)
    old, new = current_policy(bot, name), current_policy(candidate, name)
    before, after = policy_text(bot, old), policy_text(candidate, new)
    traced = [(case, *_trace(case, old, new)) for case in cases]
    changes = []
    for case, was, spans, found in traced:
        first, second = respond(bot, case), respond(candidate, case)
        orphaned = case.outcome is Outcome.ANSWERED and not found
        cause_after = Cause.OUT_OF_DATE if orphaned else diagnose(case, found, second, after.text)
        cause_before = diagnose(case, was, first, before.text) if was or not case.spans else Cause.OUT_OF_DATE
        changes.append(CaseChange(case, spans, first, second, cause_before, cause_after))
        each()
    covered = [support.span for _, _, _, found in traced for support in found]
    return Comparison(
        before=before,
        after=after,
        answerer=bot.chat.name if bot.chat else "extractive",
        cases=tuple(changes),
        uncovered=tuple(_uncovered(old, new, covered)),
        edits=redline(before.text, after.text),
    )


def _trace(
    case: EvalCase, old: Policy, new: Policy
) -> tuple[tuple[Support, ...], tuple[SpanChange, ...], tuple[Support, ...]]:
    """The case's spans in the old text, what became of them, and where they are in the new."""
    try:
        supports = find_support(case, old)
    except CaseError:
        written_for_the_new = find_support(case, new)
        fates = tuple(SpanChange(s.span.of(new.text), Fate.NEW, None, s.section) for s in written_for_the_new)
        return (), fates, written_for_the_new
    pairs = [_follow(support, old, new) for support in supports]
    return supports, tuple(change for change, _ in pairs), tuple(found for _, found in pairs if found)


def _follow(support: Support, old: Policy, new: Policy) -> tuple[SpanChange, Support | None]:
    quote = support.span.of(old.text)
    home = old.section_at(support.span)
    same = [Span(*match.span()) for match in re.finditer(words_pattern(quote), new.text)]
    for stays in (True, False):
        for span in same:
            section = new.section_at(span)
            if ((section.number, section.title) == (home.number, home.title)) is stays:
                found = _support(new, span)
                fate = Fate.STAYED if stays else Fate.MOVED
                return SpanChange(quote, fate, support.section, found.section), found
    whole = next((span for span in _statements(old) if span.overlaps(support.span)), support.span)
    changed = _edited(whole.of(old.text), old, new)
    if changed is None:
        return SpanChange(quote, Fate.VANISHED, support.section, None), None
    found = _support(new, changed)
    edits = redline(whole.of(old.text), changed.of(new.text))
    return SpanChange(quote, Fate.CHANGED, support.section, found.section, edits), found


def _edited(text: str, old: Policy, new: Policy) -> Span | None:
    """The clause of the new text that the old one has become, if any is like it and was not there before."""
    fresh = list(_fresh(new, old))
    best = process.extractOne(text, [span.of(new.text) for span in fresh], scorer=fuzz.ratio, score_cutoff=_SAME_CLAUSE)
    return fresh[best[2]] if best else None


def _uncovered(old: Policy, new: Policy, covered: Sequence[Span]) -> Iterator[Uncovered]:
    clauses = {clause.span for section in new.sections for clause in section.clauses}
    gone = [span.of(old.text) for span in _fresh(old, new)]
    for span in _fresh(new, old):
        if span in clauses and not any(span.overlaps(other) for other in covered):
            text = span.of(new.text)
            best = process.extractOne(text, gone, scorer=fuzz.ratio, score_cutoff=_SAME_CLAUSE)
            yield Uncovered(_support(new, span).section, text, redline(best[0], text) if best else ())


def _fresh(policy: Policy, other: Policy) -> Iterator[Span]:
    """The statements of a policy that the other one does not make in the same words."""
    known = {_normal(span.of(other.text)) for span in _statements(other)}
    return (span for span in _statements(policy) if _normal(span.of(policy.text)) not in known)


def _statements(policy: Policy) -> Iterator[Span]:
    """All clauses, and the lines outside them: lead-ins, dates, headings."""
    clauses = [clause.span for section in policy.sections for clause in section.clauses]
    lines = [Span(*match.span()) for match in re.finditer(r"\S[^\n]*", policy.text)]
    return iter(sorted([*clauses, *(line for line in lines if not any(line.overlaps(span) for span in clauses))]))


def _support(policy: Policy, span: Span) -> Support:
    section = policy.section_at(span)
    return Support(section_name(section.number, section.title), span.start, span.end)


def _said(response: Response) -> tuple[Outcome, tuple[str, ...]]:
    """What an answer says, whatever the numbers of the sections are."""
    return response.outcome, tuple(_normal(citation.quote) for citation in response.citations)


def _normal(text: str) -> str:
    return " ".join(text.split())
