"""The offline answerer: picks the clauses that answer and quotes them. It asserts nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from bot.answer import Answer, Citation, Outcome, Piece, label, quoted
from bot.policy import Clause, Span
from bot.retrieval import Passage, best_clause

MAX_CITATIONS = 3
_CLOSE = 0.3
"""A further clause is quoted when its score is at least this share of the best one's."""
_NEAR = 0.1
"""The best clause of a silent policy is worth naming from this score on."""
_NEAR_DUPLICATE = 0.8
_ORDINALS = "first", "second", "third"


def answer(
    question: str,
    outcome: Outcome,
    found: Sequence[Sequence[Passage]],
    unanswered: Sequence[int] = (),
    sure: bool = False,
) -> Iterator[Piece | Answer]:
    """The text of an answer with this outcome, piece by piece, then the whole answer.

    `found` has the passages for the question, or for each answered one of those that it asks in one breath, of
    which `unanswered` counts the others, from 0. Unless `sure`, the text leaves open whether the quotes settle it.
    """
    if outcome is Outcome.ANSWERED:
        citations = _in_turns([choose(passages) for passages in found])
        pieces = list(compose(citations, sure))
    else:
        citations = ()
        pieces = [Piece(without_answer(outcome, found[0]))]
    if left_open := _left_open(unanswered):
        pieces.append(Piece(f"\n\n{left_open}"))
    yield from pieces
    yield Answer(question, outcome, "".join(piece.text for piece in pieces), citations, left_open=left_open)


def choose(passages: Sequence[Passage]) -> tuple[Citation, ...]:
    """The one to three citations that answer best, the best first.

    Clauses are taken by score. Several items of one list bring the whole list with its lead-in,
    as one citation, and clauses that say the same are quoted once.
    """
    ranked = sorted(
        ((p, s) for p in passages for s in p.clauses),
        key=lambda pair: (-pair[1].score, pair[0].policy.source, pair[1].clause.span),
    )
    if not ranked:
        return ()
    floor = ranked[0][1].score * _CLOSE
    picked = [(p, s.clause) for p, s in ranked if s.score >= floor]
    cited = (Citation(p.policy, _span_to_cite(p, clause, picked)) for p, clause in picked)
    return tuple(_distinct(cited)[:MAX_CITATIONS])


def _in_turns(choices: Sequence[Sequence[Citation]]) -> tuple[Citation, ...]:
    """The best citation for each question, then the second ones, as far as they are allowed."""
    turns = [citation for turn in zip_longest(*choices) for citation in turn if citation]
    return tuple(_distinct(turns)[:MAX_CITATIONS])


def _distinct(citations: Iterable[Citation]) -> list[Citation]:
    """The citations without those that say again what one before them says."""
    chosen: list[Citation] = []
    for citation in citations:
        if not any(_repeats(citation, other) for other in chosen):
            chosen.append(citation)
    return chosen


def _span_to_cite(passage: Passage, clause: Clause, picked: Sequence[tuple[Passage, Clause]]) -> Span:
    """The clause itself, or its whole list where other items of it were picked as well: "who gets my data?"."""
    if clause.lead_in is None:
        return clause.span
    section = passage.section
    siblings = {c.span for p, c in picked if p.section is section and c.lead_in == clause.lead_in}
    whole = next(span for span in section.lists if span.overlaps(clause.span))
    return whole if len(siblings) > 1 else clause.span


def _repeats(a: Citation, b: Citation) -> bool:
    if a.policy is b.policy and a.span.overlaps(b.span):
        return True
    words_a, words_b = set(a.quote.lower().split()), set(b.quote.lower().split())
    return len(words_a & words_b) / len(words_a | words_b) >= _NEAR_DUPLICATE


def compose(citations: Sequence[Citation], sure: bool) -> Iterator[Piece]:
    """The text of an extractive answer, piece by piece: where it stands, then the quotes."""
    names = list(dict.fromkeys(label(c.policy, c.section) for c in citations))
    several = len({c.policy.id for c in citations}) > 1
    lead = "The policy says this in {}:" if sure else "The policy comes closest in {}, but may not settle this:"
    yield Piece(lead.format(_join(names)), tuple(citations))
    for citation in citations:
        where = f"{label(citation.policy, citation.section)}: " if len(names) > 1 else ""
        where = f"{citation.policy.title}, {where}" if several else where
        yield Piece(f"\n\n{where}{quoted(citation)}", (citation,))


def _left_open(unanswered: Sequence[int]) -> str:
    """What to say of parts of a question that the policy does not answer."""
    if not unanswered:
        return ""
    return f"The policy does not answer {_join([f'the {_ORDINALS[n]}' for n in unanswered])} part of your question."


def without_answer(outcome: Outcome, passages: Sequence[Passage]) -> str:
    """What to say when there is nothing to quote, and for a silent policy whom to ask."""
    if outcome is Outcome.NOT_IN_POLICY:
        return _not_in_policy(passages)
    return _OFF_TOPIC if outcome is Outcome.OFF_TOPIC else _UNCLEAR


def _not_in_policy(passages: Sequence[Passage]) -> str:
    text = "The policy does not say."
    if not passages:
        return text
    nearest, best = best_clause(passages)
    policy = nearest.policy
    if best.score >= _NEAR:
        text += f" The nearest part is {label(policy, nearest.section)}, but it does not answer this."
    if policy.contact is not None:
        text += f" To ask the company, see {label(policy, policy.contact)}."
    return text


_OFF_TOPIC = (
    "This does not look like a question about the privacy policy, which is all that I can answer. "
    "Ask me, for example, what information is collected or who gets to see it."
)
_UNCLEAR = (
    "What would you like to know about your personal data? Ask in your own words, for example: "
    "“What do you collect about me?”, “Who gets my data?” or “How do I delete it?”"
)


def _join(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
