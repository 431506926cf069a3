"""A policy's text, parsed into sections and clauses that know where they stand in it.

`parse` reads plain text and Markdown. It does no I/O and changes nothing: every span
counts characters of the text as given, so `text[span.start:span.end]` is always the
exact wording.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import groupby, pairwise


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


def parse(text: str, *, id: str, source: str, version: str | None = None) -> Policy:
    """Parse a policy.

    Finds the title, the date, headings (Markdown, or numbered; in a text with neither,
    short lines that read like headings), paragraphs, and lists with their lead-in.
    `version` is taken from the text's own date when not given, else "undated".
    Never fails: a text without any structure is one section of plain lines.
    """
    lines = _lines(text)
    headings = _headings(text, lines)
    title, headings = _title(text, lines, headings)
    updated, effective = _dates(text, lines)
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


# Lines ------------------------------------------------------------------------------

_BLANK = " \t\v\f\ufeff\u00a0\u2028\u2029\u0085"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_BULLET = re.compile(
    r"(?:[-*+•●◦▪‣·–—]|o(?=[ \t]{2})|\((?:[a-z]{1,2}|[ivx]{1,5}|\d{1,2})\)|[a-z]\)|[a-z]\.)[ \t]+(?=\S)"
)
_ORDERED = re.compile(r"(\d{1,3})[.)][ \t]+(?=\S)")
_RULE = re.compile(r"(?:[-*_=~][ \t]*){3,}|\|?[ \t]*:?-{2,}:?[ \t|:-]*")
_LINK_ITEM = re.compile(r"\[[^\]]*\]\(#[^)]*\)")


def _lines(text: str) -> list[Span]:
    """The lines, trimmed of white space and line ends; empty lines are empty spans."""
    spans = []
    for match in _LINE.finditer(text):
        start, end = _trim(text, match.start(), match.end())
        spans.append(Span(start, end))
        if match.end() == len(text):
            break
    return spans


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    blank = _BLANK + "\r\n"
    while start < end and text[start] in blank:
        start += 1
    while end > start and text[end - 1] in blank:
        end -= 1
    return start, end


def _indent(text: str, line: Span) -> int:
    """Columns of white space before the line."""
    at = line.start
    while at > 0 and text[at - 1] in " \t":
        at -= 1
    return len(text[at : line.start].expandtabs(4))


# Headings ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Heading:
    line: int  # index of its line
    lines: int  # how many lines it takes (2 when underlined)
    body: int  # where running text after the number begins, or -1
    level: int
    number: str | None
    title: str


_ATX = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*\Z")
_BOLD = re.compile(r"(?:\*\*|__)([^*_]+)(?:\*\*|__):?\Z")
_UNDERLINE = re.compile(r"(?:=+|-{3,})\Z")
_NUMBER = re.compile(
    r"""(?P<word>(?:section|article|part|clause|§)[ \t]*)?
        (?P<number>\d{1,3}(?:\.\d{1,3})*|(?-i:[IVXL]{1,6}|[A-Z])(?=[.):]|[ \t]+[–—-]|\Z))
        (?:[ \t]*[.):–—-]|(?=[ \t]|\Z))[ \t]*(?P<rest>.*)\Z""",
    re.X | re.I,
)
_MAX_HEADING_CHARS, _MAX_HEADING_WORDS = 100, 14


def _headings(text: str, lines: list[Span]) -> list[_Heading]:
    marked = _markdown_headings(text, lines)
    found = _numbered_headings(text, lines, {h.line: h for h in marked})
    if found:
        return found
    return _plain_headings(text, lines)


def _markdown_headings(text: str, lines: list[Span]) -> list[_Heading]:
    found = []
    for i, line in enumerate(lines):
        content = line.of(text)
        below = lines[i + 1].of(text) if i + 1 < len(lines) else ""
        if match := _ATX.match(content):
            found.append(_heading(i, 1, len(match[1]), match[2]))
        elif content and len(below) >= 3 and _UNDERLINE.match(below) and _titular(content):
            found.append(_heading(i, 2, 1 if below[0] == "=" else 2, content))
        elif (match := _BOLD.match(content)) and _titular(match[1]):
            found.append(_heading(i, 1, 6, match[1]))
    return found


def _heading(line: int, lines: int, level: int, title: str) -> _Heading:
    """A marked heading, its number split from its title."""
    title = title.strip().strip("*_").strip()
    match = _NUMBER.match(title)
    if match and (match["number"][0].isdigit() or match["word"]):
        bare_number = not (match["word"] or title[len(match["number"]) :][:1] in ".):")
        # "24 Hour Support" is a title, "2.1 Access" and "2 Access" are numbered.
        if not bare_number or len(match["number"]) <= 2 or "." in match["number"]:
            return _Heading(line, lines, -1, level, match["number"], match["rest"].strip())
    return _Heading(line, lines, -1, level, None, title)


def _numbered_headings(text: str, lines: list[Span], marked: dict[int, _Heading]) -> list[_Heading]:
    """The marked headings and, between them, those that only a number marks."""
    found: list[_Heading] = []
    item = 0  # the last number of the ordered list that we are in
    letters = {"A": "", "I": ""}  # the last letter and the last Roman numeral
    previous = ""  # the last line that is not blank
    after_blank = True
    skip = 0
    for i, line in enumerate(lines):
        content = line.of(text)
        if skip:
            skip -= 1
            continue
        if i in marked:
            found.append(marked[i])
            skip, item, previous, after_blank = marked[i].lines - 1, 0, "", True
            continue
        if not content:
            after_blank = True
            continue
        match = _NUMBER.match(content)
        if match:
            number, rest = match["number"], match["rest"]
            ordered = _ORDERED.match(content)
            if ordered and not match["word"]:
                starts = int(ordered[1]) == 1 and (
                    marked or (_leads_in(previous) and not _starts_section(text, lines, i))
                )
                fits_sections = after_blank and _titular(rest) and _follows(found, number)
                continues = item and int(ordered[1]) == item + 1 and not fits_sections
                if starts or continues or (marked and "." not in number):
                    item, previous, after_blank = int(ordered[1]), content, False
                    continue
            heading = _numbered_heading(text, lines, i, match, letters)
            if heading:
                found.append(heading)
                item = 0
        previous, after_blank = content, False
    return found


def _numbered_heading(
    text: str, lines: list[Span], i: int, match: re.Match[str], letters: dict[str, str]
) -> _Heading | None:
    number, rest = match["number"], match["rest"]
    content = lines[i].of(text)
    separated = content[match.end("number") :].lstrip()[:1] in (".", ")", ":", "–", "—", "-")
    if not number[0].isdigit() and not match["word"]:
        kind = "I" if set(number) <= set("IVXL") and letters["A"] not in ("B", "H", "K", "U") else "A"
        expected = _ROMAN.get(letters["I"], "I") if kind == "I" else _next_letter(letters["A"])
        if number != expected and number not in ("A", "I"):
            return None
        letters[kind] = number
    level = number.count(".") + 1 if number[0].isdigit() else 1
    if _titular(rest) and (separated or level > 1 or match["word"]):
        return _Heading(i, 1, -1, level, number, rest.rstrip(": \t"))
    below = next((lines[j].of(text) for j in range(i + 1, len(lines)) if lines[j].of(text)), "")
    if rest.endswith(":") and len(rest.split()) <= 4 and not _BULLET.match(below):
        return _Heading(i, 1, -1, level, number, rest.rstrip(": \t"))
    if not rest:
        return _Heading(i, 1, -1, level, number, "") if match["word"] or separated else None
    # A numbered paragraph ("4.1 We may disclose …"): a section without a title.
    if number[0].isdigit() and (level > 1 or separated) and not rest[0].islower():
        body = lines[i].start + match.start("rest")
        return _Heading(i, 1, body, level, number, "")
    return None


def _starts_section(text: str, lines: list[Span], i: int) -> bool:
    """Whether line `i`, numbered 1, is a heading with text below and not the first of a list."""
    match = _ORDERED.match(lines[i].of(text))
    if match is None or not _titular(lines[i].of(text)[match.end() :]):
        return False
    below = next((lines[j].of(text) for j in range(i + 1, len(lines)) if lines[j].of(text)), "")
    return bool(below) and not below[0].islower() and not _ORDERED.match(below)


def _plain_headings(text: str, lines: list[Span]) -> list[_Heading]:
    """Short lines that read like headings, in a text where nothing else marks them."""
    full = [(i, line.of(text)) for i, line in enumerate(lines) if line.start < line.end]
    width = max((len(content) for _, content in full), default=0)
    shouting = sum(content.isupper() and _short(content) for _, content in full) > 1
    found = []
    for at, (i, content) in enumerate(full):
        before = full[at - 1][1] if at else ""
        after = full[at + 1][1] if at + 1 < len(full) else ""
        if not _short(content) or not after or _leads_in(before) or before.endswith((";", ",")):
            continue
        adjacent = at + 1 < len(full) and full[at + 1][0] == i + 1
        goes_on = adjacent and (after[0].islower() or _wrapped(content, after, width))
        alone = not _short(after) and not _short(before) and not _SENTENCE_OPENER.match(content)
        if content.isupper() or (not shouting and alone and not goes_on and not _dated(content)):
            found.append(_Heading(i, 1, -1, 1, None, content))
    return found


def _wrapped(line: str, following: str, width: int) -> bool:
    """Whether a line broke only because the next line's first word did not fit."""
    return 40 <= width <= 120 and len(line) + 1 + len(following.split(None, 1)[0]) > width


_SENTENCE_OPENER = re.compile(r"(?:we|you|your|our|it|this|these|they|i|please|no|never)\b(?!.*\?)", re.I)


def _titular(content: str) -> bool:
    """Whether a line could be a heading: short, and not punctuated as a sentence."""
    return (
        0 < len(content) <= _MAX_HEADING_CHARS
        and len(content.split()) <= _MAX_HEADING_WORDS
        and content[-1] not in ".;:,!…"
        and not content[0].islower()
        and any(c.isalpha() for c in content)
        and "|" not in content
    )


def _short(content: str) -> bool:
    return _titular(content) and not _BULLET.match(content) and not _ORDERED.match(content)


def _leads_in(content: str) -> bool:
    return content.rstrip("*_ ").endswith(":")


def _follows(found: list[_Heading], number: str) -> bool:
    last = next((h.number for h in reversed(found) if h.number and "." not in h.number), None)
    return last is not None and last.isdigit() and number == str(int(last) + 1)


_NUMERALS = [
    "I",
    "II",
    "III",
    "IV",
    "V",
    "VI",
    "VII",
    "VIII",
    "IX",
    "X",
    "XI",
    "XII",
    "XIII",
    "XIV",
    "XV",
    "XVI",
    "XVII",
    "XVIII",
    "XIX",
    "XX",
]
_ROMAN = dict(pairwise(_NUMERALS))


def _next_letter(letter: str) -> str:
    return chr(ord(letter) + 1) if letter else "A"


def _title(text: str, lines: list[Span], headings: list[_Heading]) -> tuple[str, list[_Heading]]:
    """The document's title, and the headings that remain."""
    if headings:
        first = headings[0]
        sole = sum(h.level == first.level for h in headings) == 1
        deeper = all(h.level > first.level for h in headings[1:])
        if first.number is None and first.level == 1 and sole and deeper and len(headings) > 1:
            return first.title, headings[1:]
        if first.number is None and "privacy" in first.title.lower() and first.line < 3:
            return first.title, headings[1:] if sole and deeper else headings
        if first.number is None and not any(line.of(text) for line in lines[: first.line]):
            return first.title, headings
    last = headings[0].line if headings else min(len(lines), 5)
    for line in lines[:last]:
        content = line.of(text)
        if _titular(content) and not _dated(content) and not _BULLET.match(content):
            return content, headings
    return "", headings


# Dates ------------------------------------------------------------------------------

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DATE = re.compile(
    r"""(?P<iso>\d{4}-\d{2}-\d{2})
      | (?P<month1>[A-Z][a-z]{2,8})\.?\s+(?P<day1>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<year1>\d{4})
      | (?P<day2>\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<month2>[A-Z][a-z]{2,8})\.?,?\s+(?P<year2>\d{4})
      | (?P<a>\d{1,2})[./](?P<b>\d{1,2})[./](?P<year3>\d{4})""",
    re.X,
)
_DATE_LABEL = re.compile(
    r"[^\w\d]*(?:(?:this|our|the)\s+[\w\s]{0,40}?)?(?:(?:was|is)\s+)?"
    r"(?:(?P<effective>effective|in force|valid)|"
    r"(?P<updated>(?:last\s+)?(?:updated|modified|revised|changed|amended)|version|date))\b",
    re.I,
)


def read_date(text: str) -> date | None:
    """The first date written in `text`, or None; 03/04/2025 is ambiguous and so no date."""
    match = _DATE.search(text)
    if not match:
        return None
    try:
        if match["iso"]:
            return date.fromisoformat(match["iso"])
        if match["year3"]:
            a, b = int(match["a"]), int(match["b"])
            if a <= 12 and b <= 12 and a != b:
                return None
            return date(int(match["year3"]), min(a, b) if max(a, b) > 12 else b, max(a, b))
        which = "1" if match["year1"] else "2"
        month = _MONTHS.index(match["month" + which][:3].lower()) + 1
        return date(int(match["year" + which]), month, int(match["day" + which]))
    except ValueError:
        return None


def _dates(text: str, lines: list[Span]) -> tuple[date | None, date | None]:
    """The dates that the text gives for its last update and for its coming into force."""
    updated = effective = None
    for line in lines:
        content = line.of(text)
        match = _DATE_LABEL.match(content[:200])
        if not match:
            continue
        found = read_date(content[match.end() : match.end() + 60])
        if match["effective"]:
            effective = effective or found
        else:
            updated = updated or found
    return updated, effective


def _dated(content: str) -> bool:
    return bool(_DATE_LABEL.match(content)) and read_date(content) is not None


# Sections and clauses ---------------------------------------------------------------

_CONTACT_TITLE = re.compile(
    r"\bcontact|\breach (?:us|out)|get in touch|\bquestions\b|talk to us|write to us|complain", re.I
)
_CONTACT_TEXT = re.compile(r"\bcontact (?:us|our)\b|@|\[email|\be-?mail us\b|write to (?:us|our)\b", re.I)


def _sections(text: str, lines: list[Span], headings: list[_Heading]) -> Iterator[Section]:
    has_marked = any(h.number or text[lines[h.line].start] == "#" for h in headings)
    starts = [lines[h.line].start for h in headings]
    first = starts[0] if starts else len(text)
    first_line = headings[0].line if headings else len(lines)
    if first > 0 or not headings:
        clauses = tuple(_clauses(text, lines[:first_line]))
        if clauses or not headings:
            yield Section("0" if has_marked else None, (), 1, Span(0, first), clauses)
    path: list[_Heading] = []
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
            clauses=tuple(_clauses(text, body)),
        )


def _clauses(text: str, lines: list[Span]) -> Iterator[Clause]:
    """The clauses of a section's body, in order."""
    blocks = list(_blocks(text, lines))
    leads: list[tuple[int, Span]] = []  # (indent, lead-in) of the lists that we are in
    for at, block in enumerate(blocks):
        following = blocks[at + 1] if at + 1 < len(blocks) else None
        if block.indent is None:
            sentences = list(_sentences(text, block.span))
            lead = sentences[-1] if sentences else None
            if lead and following and following.indent is not None and _is_lead_in(text, lead, following):
                leads = [(following.indent, lead)]
                sentences.pop()
            elif not block.inside_list:
                leads = []
            yield from (Clause(span) for span in sentences)
            continue
        while leads and leads[-1][0] > block.indent:
            leads.pop()
        lead_in = leads[-1][1] if leads and leads[-1][0] <= block.indent else None
        if following and following.indent is not None and following.indent > block.indent:
            leads.append((following.indent, block.span))
            if _leads_in(block.span.of(text)):
                continue
        if not _LINK_ITEM.fullmatch(block.span.of(text)):
            yield Clause(block.span, lead_in)


def _is_lead_in(text: str, lead: Span, following: "_Block") -> bool:
    content = lead.of(text)
    if _leads_in(content) or content[-1].isalnum():
        return True
    gap = text[lead.end : following.span.start]
    announces = re.search(r"\b(?:following|below)\b", content, re.I)
    return bool(announces) and gap.count("\n") + gap.count("\r") <= 4


@dataclass(frozen=True, slots=True)
class _Block:
    span: Span
    indent: int | None  # of a list item; None for a paragraph
    inside_list: bool = False  # an indented paragraph that goes on with an item


def _blocks(text: str, lines: list[Span]) -> Iterator[_Block]:
    """Paragraphs and list items; lines that were only wrapped are joined again."""
    width = max((line.end - line.start + _indent(text, line) for line in lines), default=0)
    block: _Block | None = None
    last = Span(0, 0)  # the last line of the block
    after_blank = False
    listing = 0  # 1 while unmarked lines after a lead-in end in semicolons, 2 on the last of them
    header: Span | None = None  # of a table
    for line in lines:
        content = line.of(text)
        if not content or _RULE.fullmatch(content):
            after_blank = True
            continue
        indent = _indent(text, line)
        marker = _BULLET.match(content) or _ORDERED.match(content)
        in_table = content.startswith("|") and content.endswith("|") and len(content) > 2
        listing = _listing(listing, last.of(text) if block else "", content) if not marker else 0
        if marker or (in_table and header) or listing:
            if block:
                yield block
            start = line.start + (marker.end() if marker else 0)
            block = _Block(Span(start, line.end), indent)
        elif block and not after_blank and not in_table and _joins(text, block, last, line, width):
            block = replace(block, span=Span(block.span.start, line.end))
        else:
            if block:
                yield block
            inside = block is not None and indent > 0 and (block.indent is not None or block.inside_list)
            block = _Block(line, None, inside)
        header = (header or line) if in_table else None
        last, after_blank = line, False
    if block:
        yield block


def _listing(state: int, before: str, content: str) -> int:
    """Whether an unmarked line is an item of a list written as lines that end in semicolons."""
    ends_open = bool(re.search(r"(?:;|; (?:and|or)|, (?:and|or))\Z", content))
    if state == 1:
        return 1 if ends_open else 2
    return int(_leads_in(before) and ends_open)


def _joins(text: str, block: _Block, last: Span, line: Span, width: int) -> bool:
    """Whether `line` goes on with the sentence that the line before it left open."""
    before, content = last.of(text), line.of(text)
    if block.indent is not None and _indent(text, line) > block.indent:
        return True
    if _ends_sentence(before) or before.endswith((":", ";")):
        # In a wrapped paragraph the next sentence may begin on the next line, as a block of its own.
        return False
    if content[0].islower():
        return True
    return _wrapped(" " * _indent(text, last) + before, content, width)


# Sentences --------------------------------------------------------------------------

_ABBREVIATIONS = frozenset(
    [
        "e.g",
        "i.e",
        "eg",
        "ie",
        "etc",
        "inc",
        "ltd",
        "co",
        "corp",
        "llc",
        "plc",
        "gmbh",
        "mr",
        "mrs",
        "ms",
        "dr",
        "st",
        "no",
        "nos",
        "art",
        "arts",
        "sec",
        "para",
        "vs",
        "cf",
        "al",
        "approx",
        "dept",
        "est",
        "fig",
        "vol",
        "u.s",
        "u.k",
        "e.u",
        "u.s.c",
        "u.s.a",
        "a.m",
        "p.m",
        "d.c",
        "jan",
        "feb",
        "mar",
        "apr",
        "jun",
        "jul",
        "aug",
        "sep",
        "sept",
        "oct",
        "nov",
        "dec",
    ]
)
_NEVER_LAST = frozenset(
    [
        "e.g",
        "i.e",
        "eg",
        "ie",
        "mr",
        "mrs",
        "ms",
        "dr",
        "st",
        "no",
        "nos",
        "art",
        "arts",
        "sec",
        "para",
        "vs",
        "cf",
        "approx",
        "fig",
        "vol",
    ]
)
_OPENERS = frozenset(
    [
        "we",
        "you",
        "our",
        "your",
        "the",
        "this",
        "these",
        "those",
        "they",
        "it",
        "if",
        "when",
        "where",
        "for",
        "in",
        "to",
        "a",
        "an",
        "please",
        "however",
        "some",
        "any",
        "all",
        "such",
        "no",
        "there",
        "as",
        "by",
        "once",
        "while",
    ]
)
_STOP = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s|\Z)|[。！？]+[」』”）]*")


def _sentences(text: str, span: Span) -> Iterator[Span]:
    """The sentences of a paragraph, trimmed of white space and Markdown quote marks."""
    start = span.start
    for stop in _STOP.finditer(text, span.start, span.end):
        end = stop.end()
        if end < span.end and not _breaks(text, start, stop.start(), end, span.end):
            continue
        yield from _sentence(text, start, end)
        start = end
    yield from _sentence(text, start, span.end)


def _sentence(text: str, start: int, end: int) -> Iterator[Span]:
    start, end = _trim(text, start, end)
    while start < end and text[start] == ">":
        start, end = _trim(text, start + 1, end)
    if any(c.isalnum() for c in text[start:end]):
        yield Span(start, end)


def _breaks(text: str, start: int, stop: int, end: int, limit: int) -> bool:
    """Whether the full stop at `stop` ends a sentence that more text follows."""
    following = re.compile(r"\s*[\"'“‘«(\[*_]*(\w*)").match(text, end, min(limit, end + 40))
    word = following[1] if following else ""
    if text[stop] in "!?。！？":
        return not word[:1].islower()
    if word[:1].islower():
        return False
    if text[stop] == "." and end == stop + 1:
        token = _last_token(text, start, stop)
        initial = len(token) == 1 and token.isalpha() and token.upper() == token
        if token.lower() in _NEVER_LAST or initial:
            return False
        if token.lower() in _ABBREVIATIONS:
            return word.lower() in _OPENERS
        if token.isdigit() and _last_token(text, start, stop, limit=6) == text[start:stop].strip():
            return False  # a number that opens the paragraph
    return True


def _last_token(text: str, start: int, stop: int, limit: int = 12) -> str:
    tail = text[max(start, stop - limit) : stop]
    return tail.split()[-1].lstrip("(\"'“‘[*_") if tail.split() else ""


def _ends_sentence(content: str) -> bool:
    match = re.search(r"([.!?…。！？]+)[\"'”’»)\]*_]*\Z", content)
    if not match:
        return False
    token = _last_token(content, 0, match.start())
    return not (match[1] == "." and token.lower() in _NEVER_LAST)
