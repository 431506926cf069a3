"""A policy: its text, and the sections and clauses that know where they stand in it.

Every span counts characters of the text as given, so `text[span.start:span.end]` is always the
exact wording.
"""

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby

_CONTACT_TITLE = re.compile(
    r"\bcontact|\breach (?:us|out)|get in touch|\bquestions\b|talk to us|write to us|complain", re.I
)
_CONTACT_TEXT = re.compile(r"\bcontact (?:us|our)\b|@|\[email|\be-?mail us\b|write to (?:us|our)\b", re.I)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A half-open range of characters, `text[start:end]`."""

    start: int
    end: int

    def of(self, text: str) -> str:
        return text[self.start : self.end]

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Clause:
    """The smallest unit that can be cited: a sentence, or a list item with its lead-in."""

    span: Span
    lead_in: Span | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the text up to the next heading.

    `number` is as written ("4", "4.2"), that of the nearest numbered heading above where
    this one has none, "0" before the first heading, and None in a policy without numbers.
    `path` holds the titles from the top heading down to this one, `level` counts from 1.
    """

    number: str | None
    path: tuple[str, ...]
    level: int
    span: Span
    clauses: tuple[Clause, ...]

    @property
    def title(self) -> str:
        """The section's own heading without its number; "" where it has none."""
        return self.path[-1] if self.path else ""

    @property
    def lists(self) -> tuple[Span, ...]:
        """The lists of this section, each from its lead-in to its last item."""
        runs = groupby(self.clauses, key=lambda clause: clause.lead_in)
        return tuple(
            Span(lead_in.start, max(clause.span.end for clause in items))
            for lead_in, items in runs
            if lead_in is not None
        )


@dataclass(frozen=True)
class Policy:
    """One version of one policy.

    `updated` and `effective` are the dates that the text gives for its last change and for its
    coming into force. `source` is its path relative to the corpus folder.
    """

    id: str
    version: str
    title: str
    updated: date | None
    effective: date | None
    source: str
    text: str
    sections: tuple[Section, ...]

    def section_at(self, span: Span) -> Section:
        """The section that holds the span; raises ValueError when none does."""
        for section in self.sections:
            if section.span.start <= span.start and span.end <= section.span.end:
                return section
        raise ValueError(f"{span} lies in no section of {self.source}")

    @cached_property
    def contact(self) -> Section | None:
        """The section that says whom to write to, if there is one."""
        titled = [s for s in self.sections if s.clauses and _CONTACT_TITLE.search(s.title)]
        if titled:
            return titled[-1]
        for section in reversed(self.sections):
            if any(_CONTACT_TEXT.search(c.span.of(self.text)) for c in section.clauses):
                return section
        return None
