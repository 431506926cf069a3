"""Turns what a chat model quotes into citations, and tells which of its sentences they bear out."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from bot.answer import Citation
from bot.policy import Clause, Span
from bot.retrieval import Passage

_NEAR = 90.0
"""A quote this similar to a clause (of 100) is that clause, miscopied."""
_FEWEST_WORDS = 3
"""A shorter quote is found anywhere and proves nothing, unless it is a whole clause."""
_WORD = re.compile(r"\w+(?:['’]\w+)*|[%$€£]")
_ELLIPSIS = re.compile(r"\s*(?:\[?(?:…|\.\.\.)\]?)\s*")
_NEGATIONS = frozenset("not no never none nor neither without cannot nobody nothing nowhere".split())
_RESTRICTIONS = frozenset(
    "only unless except until less longer limited refuse stop prevent prohibit prohibited forbidden solely".split()
)
_DECISIVE = frozenset("may must will shall can could should all any some only always in out before after with".split())
_NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen".split(), 2
    )
} | {"eighteen": "18", "twenty": "20", "thirty": "30", "forty": "40", "sixty": "60", "ninety": "90", "hundred": "100"}
_UNITS = re.compile(r"(second|minute|hour|day|week|month|quarter|year|decade)s?\Z")
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\b(?:https?://|www\.)\S+|\b[\w-]+\.(?:com|org|net|io|ai|eu|gov)\b")
_NAME = re.compile(r"(?<!^)(?<![.!?:] )(?<![“\"(])\b(?!I\b)[A-Z][\w&]*")


@dataclass(frozen=True, slots=True)
class _Word:
    text: str  # case-folded
    span: Span  # in the policy's text


def find_citations(quote: str, passages: Sequence[Passage]) -> tuple[Citation, ...]:
    """The exact source text for what a model quoted, or nothing.

    The quote's words must stand in a passage in this order, or be those of one of its clauses but
    for slips of copying; white space, case and punctuation do not count. What is cited is always
    the whole clause or clauses, so that no "not" is left outside. A quote with an ellipsis is
    several quotes, each of which must be found.
    """
    found: list[Citation] = []
    for part in filter(None, (part.strip() for part in _ELLIPSIS.split(quote))):
        words = [word.text for word in _words(part)]
        citation = next(filter(None, (_exact(words, passage) for passage in passages)), None) or _near(words, passages)
        if citation is None:
            return ()
        if citation not in found:
            found.append(citation)
    return tuple(found)


def _exact(words: list[str], passage: Passage) -> Citation | None:
    text = passage.policy.text
    clauses = sorted((scored.clause for scored in passage.clauses), key=lambda clause: clause.span)
    start = min(clause.lead_in.start if clause.lead_in else clause.span.start for clause in clauses)
    window = _words(text, Span(start, clauses[-1].span.end))
    for at in range(len(window) - len(words) + 1):
        if [word.text for word in window[at : at + len(words)]] == words and words:
            matched = Span(window[at].span.start, window[at + len(words) - 1].span.end)
            span = _whole_clauses(matched, clauses, passage)
            if span and (len(words) >= _FEWEST_WORDS or len(words) == len(_words(text, span))):
                return Citation(passage.policy, span)
    return None


def _whole_clauses(matched: Span, clauses: Sequence[Clause], passage: Passage) -> Span | None:
    touched = [clause for clause in clauses if clause.span.overlaps(matched)]
    if not touched:  # a lead-in alone stands for its list
        return next((span for span in passage.section.lists if span.overlaps(matched)), None)
    leads = [clause.lead_in for clause in touched if clause.lead_in and clause.lead_in.overlaps(matched)]
    return Span(min(span.start for span in [touched[0].span, *leads]), touched[-1].span.end)


def _near(words: list[str], passages: Sequence[Passage]) -> Citation | None:
    best: tuple[float, Citation] | None = None
    for passage in passages:
        for scored in passage.clauses:
            clause = [word.text for word in _words(passage.policy.text, scored.clause.span)]
            ratio = fuzz.ratio(" ".join(words), " ".join(clause))
            if ratio >= _NEAR and _decisive(words) == _decisive(clause) and (best is None or ratio > best[0]):
                best = (ratio, Citation(passage.policy, scored.clause.span))
    return best[1] if best else None


def _decisive(words: Sequence[str]) -> Counter[str]:
    """The words that turn a sentence's meaning: a slip of copying may not touch them."""
    return Counter(w for w in words if w in _DECISIVE or _negates(w) or w in _RESTRICTIONS or any(map(str.isdigit, w)))


def bears_out(citations: Sequence[Citation], sentence: str) -> bool:
    """Whether the cited words can support a sentence, as far as that shows without understanding.

    Every number, length of time, name, e-mail and web address, and every word quoted in the sentence
    must stand in them, and both must be negative or both positive. What passes may still be
    wrong, which is why the exact words always stand beside it.
    """
    evidence = "\n".join(
        part for c in citations for part in (*c.section.path, c.section.number or "", c.lead_in, c.quote)
    )
    known = {word.text for word in _words(evidence)}
    known |= {_NUMBERS[word] for word in known & _NUMBERS.keys()}
    named = known | {w.text for c in citations for w in _words(f"{c.policy.title} {c.policy.id}")}
    words = [word.text for word in _words(sentence)]
    numbers = {_NUMBERS.get(w, w) for w in words if w in _NUMBERS or any(map(str.isdigit, w))}
    units = {match[1] for w in words if (match := _UNITS.match(w))} if numbers else set()
    return (
        bool(citations)
        and numbers <= known
        and units <= {match[1] for w in known if (match := _UNITS.match(w))}
        and all(address.lower().rstrip(".,;") in evidence.lower() for address in _ADDRESS.findall(sentence))
        and all(name.casefold() in named for name in _NAME.findall(sentence))
        and all(_contains(evidence, quote) for quote in re.findall(r"[“\"«]([^”\"»]+)[”\"»]", sentence))
        and _same_polarity(words, [w.text for c in citations for w in _words(f"{c.lead_in} {c.quote}")])
    )


def _same_polarity(sentence: Sequence[str], evidence: Sequence[str]) -> bool:
    if any(word in _RESTRICTIONS for word in [*sentence, *evidence]):
        return True  # "only for X" and "not for anything else" say the same
    return any(map(_negates, sentence)) == any(map(_negates, evidence))


def _negates(word: str) -> bool:
    return word in _NEGATIONS or word.endswith("n't")


def _contains(text: str, quote: str) -> bool:
    words, inner = [w.text for w in _words(text)], [w.text for w in _words(quote)]
    return any(words[at : at + len(inner)] == inner for at in range(len(words) - len(inner) + 1))


def _words(text: str, span: Span | None = None) -> list[_Word]:
    span = span or Span(0, len(text))
    matches = _WORD.finditer(text, span.start, span.end)
    return [_Word(m[0].casefold().replace("’", "'"), Span(*m.span())) for m in matches]
