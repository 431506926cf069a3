"""Reads plain text and Markdown into a Policy. It does no I/O and changes nothing."""

from collections.abc import Iterator

from bot.parsing.clauses import find_clauses
from bot.parsing.dates import find_dates, read_date
from bot.parsing.headings import Heading, find_headings, find_title
from bot.parsing.lines import split_lines
from bot.policy import Policy, Section, Span

__all__ = ["parse", "read_date"]


def parse(text: str, *, id: str, source: str, version: str | None = None) -> Policy:
    """Parse a policy.

    Finds the title, the date, headings (Markdown, or numbered; in a text with neither,
    short lines that read like headings), paragraphs, and lists with their lead-in.
    `version` is taken from the text's own date when not given, else "undated".
    Never fails: a text without any structure is one section of plain lines.
    """
    lines = split_lines(text)
    headings = find_headings(text, lines)
    title, headings = find_title(text, lines, headings)
    updated, effective = find_dates(text, lines)
    stamp = updated or effective
    return Policy(
        id=id,
        version=version or (stamp.isoformat() if stamp else "undated"),
        title=title or id,
        updated=updated,
        effective=effective,
        source=source,
        text=text,
        sections=tuple(_sections(text, lines, headings)),
    )


def _sections(text: str, lines: list[Span], headings: list[Heading]) -> Iterator[Section]:
    has_marked = any(h.number or text[lines[h.line].start] == "#" for h in headings)
    starts = [lines[h.line].start for h in headings]
    first = starts[0] if starts else len(text)
    first_line = headings[0].line if headings else len(lines)
    if first > 0 or not headings:
        clauses = tuple(find_clauses(text, lines[:first_line]))
        if clauses or not headings:
            yield Section("0" if has_marked else None, (), 1, Span(0, first), clauses)
    path: list[Heading] = []
    for at, heading in enumerate(headings):
        while path and path[-1].level >= heading.level:
            path.pop()
        path.append(heading)
        end = starts[at + 1] if at + 1 < len(starts) else len(text)
        last_line = headings[at + 1].line if at + 1 < len(headings) else len(lines)
        body = lines[heading.line + heading.lines : last_line]
        if heading.body >= 0:
            body = [Span(heading.body, lines[heading.line].end), *body]
        yield Section(
            number=next((h.number for h in reversed(path) if h.number), None),
            path=tuple(h.title for h in path),
            level=heading.level,
            span=Span(starts[at], end),
            clauses=tuple(find_clauses(text, body)),
        )
