"""Headings: Markdown, numbered, or short lines that read like headings; and the title of the whole."""

import re
from dataclasses import dataclass
from itertools import pairwise

from bot.parsing.dates import is_dated
from bot.parsing.lines import BULLET, ORDERED, leads_in, wrapped
from bot.policy import Span


@dataclass(frozen=True, slots=True)
class Heading:
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


def find_headings(text: str, lines: list[Span]) -> list[Heading]:
    marked = _markdown_headings(text, lines)
    found = _numbered_headings(text, lines, {h.line: h for h in marked})
    if found:
        return found
    return _plain_headings(text, lines)


def _markdown_headings(text: str, lines: list[Span]) -> list[Heading]:
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


def _heading(line: int, lines: int, level: int, title: str) -> Heading:
    """A marked heading, its number split from its title."""
    title = title.strip().strip("*_").strip()
    match = _NUMBER.match(title)
    if match and (match["number"][0].isdigit() or match["word"]):
        bare_number = not (match["word"] or title[len(match["number"]) :][:1] in ".):")
        # "24 Hour Support" is a title, "2.1 Access" and "2 Access" are numbered.
        if not bare_number or len(match["number"]) <= 2 or "." in match["number"]:
            return Heading(line, lines, -1, level, match["number"], match["rest"].strip())
    return Heading(line, lines, -1, level, None, title)


def _numbered_headings(text: str, lines: list[Span], marked: dict[int, Heading]) -> list[Heading]:
    """The marked headings and, between them, those that only a number marks."""
    found: list[Heading] = []
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
            ordered = ORDERED.match(content)
            if ordered and not match["word"]:
                starts = int(ordered[1]) == 1 and (
                    marked or (leads_in(previous) and not _starts_section(text, lines, i))
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
) -> Heading | None:
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
        return Heading(i, 1, -1, level, number, rest.rstrip(": \t"))
    below = next((lines[j].of(text) for j in range(i + 1, len(lines)) if lines[j].of(text)), "")
    if rest.endswith(":") and len(rest.split()) <= 4 and not BULLET.match(below):
        return Heading(i, 1, -1, level, number, rest.rstrip(": \t"))
    if not rest:
        return Heading(i, 1, -1, level, number, "") if match["word"] or separated else None
    # A numbered paragraph ("4.1 We may disclose …"): a section without a title.
    if number[0].isdigit() and (level > 1 or separated) and not rest[0].islower():
        body = lines[i].start + match.start("rest")
        return Heading(i, 1, body, level, number, "")
    return None


def _starts_section(text: str, lines: list[Span], i: int) -> bool:
    """Whether line `i`, numbered 1, is a heading with text below and not the first of a list."""
    match = ORDERED.match(lines[i].of(text))
    if match is None or not _titular(lines[i].of(text)[match.end() :]):
        return False
    below = next((lines[j].of(text) for j in range(i + 1, len(lines)) if lines[j].of(text)), "")
    return bool(below) and not below[0].islower() and not ORDERED.match(below)


def _plain_headings(text: str, lines: list[Span]) -> list[Heading]:
    """Short lines that read like headings, in a text where nothing else marks them."""
    full = [(i, line.of(text)) for i, line in enumerate(lines) if line.start < line.end]
    width = max((len(content) for _, content in full), default=0)
    shouting = sum(content.isupper() and _short(content) for _, content in full) > 1
    found = []
    for at, (i, content) in enumerate(full):
        before = full[at - 1][1] if at else ""
        after = full[at + 1][1] if at + 1 < len(full) else ""
        if not _short(content) or not after or leads_in(before) or before.endswith((";", ",")):
            continue
        adjacent = at + 1 < len(full) and full[at + 1][0] == i + 1
        goes_on = adjacent and (after[0].islower() or wrapped(content, after, width))
        alone = not _short(after) and not _short(before) and not _SENTENCE_OPENER.match(content)
        if content.isupper() or (not shouting and alone and not goes_on and not is_dated(content)):
            found.append(Heading(i, 1, -1, 1, None, content))
    return found


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
    return _titular(content) and not BULLET.match(content) and not ORDERED.match(content)


def _follows(found: list[Heading], number: str) -> bool:
    last = next((h.number for h in reversed(found) if h.number and "." not in h.number), None)
    return last is not None and last.isdigit() and number == str(int(last) + 1)


_NUMERALS = "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI XVII XVIII XIX XX".split()
_ROMAN = dict(pairwise(_NUMERALS))


def _next_letter(letter: str) -> str:
    return chr(ord(letter) + 1) if letter else "A"


def find_title(text: str, lines: list[Span], headings: list[Heading]) -> tuple[str, list[Heading]]:
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
        if _titular(content) and not is_dated(content) and not BULLET.match(content):
            return content, headings
    return "", headings
