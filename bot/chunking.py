"""A policy, cut into chunks that fit the embedding model and never cross a section."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.policy import Clause, Policy, Section, Span

Fits = Callable[[str], bool]
"""Whether a text is within every token budget."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of text from one section, and what is embedded for it.

    `text_to_embed` is the section's title, the lead-in where the list began earlier, and the
    text of `span`; only the latter is ever quoted.
    """

    span: Span
    text_to_embed: str


def split(policy: Policy, fits: Fits, max_chars: int) -> list[Chunk]:
    """The chunks of a policy: as many whole clauses together as fit, and whole lists where they do.

    Together they cover every clause. A clause that does not fit is cut between words.
    `max_chars` bounds a chunk whatever its tokens, since a tokenizer counts any unknown word as one.
    """
    return [
        chunk for section in policy.sections for chunk in _SectionSplitter(policy, section, fits, max_chars).chunks()
    ]


def split_clauses(policy: Policy, fits: Fits, max_chars: int) -> list[Chunk]:
    """One chunk for each clause, or several for a clause that does not fit."""
    return [
        chunk
        for section in policy.sections
        for splitter in [_SectionSplitter(policy, section, fits, max_chars)]
        for clause in section.clauses
        for chunk in splitter.pieces(clause.span, clause.lead_in)
    ]


def in_context(policy: Policy, section: Section, clause: Clause) -> str:
    """A clause as it is embedded: after its section's title and its lead-in."""
    title = " > ".join(title for title in section.path if title)
    lead = clause.lead_in.of(policy.text) if clause.lead_in else ""
    return "\n".join(part for part in (title, lead, clause.span.of(policy.text)) if part)


class _SectionSplitter:
    def __init__(self, policy: Policy, section: Section, fits: Fits, max_chars: int) -> None:
        self.text, self.section, self.max_chars = policy.text, section, max_chars
        self.within_budget = fits
        title = " > ".join(title for title in section.path if title)
        self.title = title if title and fits(title * 2) else ""

    def chunks(self) -> Iterator[Chunk]:
        pending: Chunk | None = None
        lead = ""
        for span, lead_in in self._units():
            if pending:
                joined = self._chunk(Span(pending.span.start, span.end), lead)
                if self._fits(joined):
                    pending = joined
                    continue
                yield pending
            lead = self._lead(span, lead_in)
            *whole, pending = self._cut(span, lead)
            yield from whole
        if pending:
            yield pending

    def pieces(self, span: Span, lead_in: Span | None) -> Iterator[Chunk]:
        """One chunk for the span, or as many as it takes."""
        return self._cut(span, self._lead(span, lead_in))

    def _lead(self, span: Span, lead_in: Span | None) -> str:
        """What to embed of a lead-in: "" where the span holds it, or where it is too long."""
        lead = lead_in.of(self.text) if lead_in and lead_in.end <= span.start else ""
        return lead if lead and self.within_budget(f"{self.title}\n{lead}\n{lead}") else ""

    def _cut(self, span: Span, lead: str) -> Iterator[Chunk]:
        start = span.start
        while start < span.end:
            end = self._reach(start, span.end, lead)
            yield self._chunk(Span(start, end), lead)
            start = end
            while start < span.end and self.text[start].isspace():
                start += 1

    def _units(self) -> Iterator[tuple[Span, Span | None]]:
        """What should stay together: lists that fit, else clauses, each with its lead-in.

        The lead-in goes with the first item, so that it is part of a chunk as well.
        """
        lists = [span for span in self.section.lists if self._fits(self._chunk(span))]
        led: set[Span] = set()
        for clause in self.section.clauses:
            whole = next((span for span in lists if span.overlaps(clause.span)), None)
            if whole:
                if whole not in led:
                    led.add(whole)
                    yield whole, None
            elif clause.lead_in and clause.lead_in not in led:
                led.add(clause.lead_in)
                first = Span(clause.lead_in.start, clause.span.end)
                overlong = not self._fits(self._chunk(first))
                yield (clause.span, clause.lead_in) if overlong else (first, None)
            else:
                yield clause.span, clause.lead_in

    def _reach(self, start: int, end: int, lead: str) -> int:
        """The furthest end of a chunk from `start` that fits, between words if it can be."""
        if self._fits(self._chunk(Span(start, end), lead)):
            return end
        low, high = start + 1, min(end, start + self.max_chars)
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(self._chunk(Span(start, middle), lead)):
                low = middle
            else:
                high = middle - 1
        space = max(self.text.rfind(blank, start + 1, low) for blank in " \t\r\n")
        return space if space > start else low

    def _chunk(self, span: Span, lead: str = "") -> Chunk:
        parts = [self.title, lead, span.of(self.text)]
        return Chunk(span, "\n".join(part for part in parts if part))

    def _fits(self, chunk: Chunk) -> bool:
        short = chunk.span.end - chunk.span.start <= self.max_chars
        return short and self.within_budget(chunk.text_to_embed)
