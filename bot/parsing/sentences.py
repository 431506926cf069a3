"""Sentences, split where a lawyer's text ends them: not after "Inc.", "e.g." or a section's number."""

import re
from collections.abc import Iterator

from bot.parsing.lines import trim
from bot.policy import Span

_ABBREVIATIONS = frozenset(
    (
        "e.g i.e eg ie etc inc ltd co corp llc plc gmbh mr mrs ms dr st no nos art arts sec para vs cf al "
        "approx dept est fig vol u.s u.k e.u u.s.c u.s.a a.m p.m d.c jan feb mar apr jun jul aug sep sept oct "
        "nov dec"
    ).split()
)
_NEVER_LAST = frozenset("e.g i.e eg ie mr mrs ms dr st no nos art arts sec para vs cf approx fig vol".split())
_OPENERS = frozenset(
    (
        "we you our your the this these those they it if when where for in to a an please however some any "
        "all such no there as by once while"
    ).split()
)
_STOP = re.compile(r"[.!?…]+[\"'”’»)\]*_]*(?=\s|\Z)|[。！？]+[」』”）]*")


def split_sentences(text: str, span: Span) -> Iterator[Span]:
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
    start, end = trim(text, start, end)
    while start < end and text[start] == ">":
        start, end = trim(text, start + 1, end)
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


def ends_sentence(content: str) -> bool:
    match = re.search(r"([.!?…。！？]+)[\"'”’»)\]*_]*\Z", content)
    if not match:
        return False
    token = _last_token(content, 0, match.start())
    return not (match[1] == "." and token.lower() in _NEVER_LAST)
