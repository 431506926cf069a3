"""The lines of a text, and what marks a line as an item of a list."""

import re

from bot.policy import Span

_BLANK = " \t\v\f\ufeff\u00a0\u2028\u2029\u0085"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
BULLET = re.compile(
    r"(?:[-*+•●◦▪‣·–—]|o(?=[ \t]{2})|\((?:[a-z]{1,2}|[ivx]{1,5}|\d{1,2})\)|[a-z]\)|[a-z]\.)[ \t]+(?=\S)"
)
ORDERED = re.compile(r"(\d{1,3})[.)][ \t]+(?=\S)")
RULE = re.compile(r"(?:[-*_=~][ \t]*){3,}|\|?[ \t]*:?-{2,}:?[ \t|:-]*")


def split_lines(text: str) -> list[Span]:
    """The lines, trimmed of white space and line ends; empty lines are empty spans."""
    spans = []
    for match in _LINE.finditer(text):
        start, end = trim(text, match.start(), match.end())
        spans.append(Span(start, end))
        if match.end() == len(text):
            break
    return spans


def trim(text: str, start: int, end: int) -> tuple[int, int]:
    blank = _BLANK + "\r\n"
    while start < end and text[start] in blank:
        start += 1
    while end > start and text[end - 1] in blank:
        end -= 1
    return start, end


def indent_of(text: str, line: Span) -> int:
    """Columns of white space before the line."""
    at = line.start
    while at > 0 and text[at - 1] in " \t":
        at -= 1
    return len(text[at : line.start].expandtabs(4))


def leads_in(content: str) -> bool:
    """Whether a line announces what comes below it."""
    return content.rstrip("*_ ").endswith(":")


def wrapped(line: str, following: str, width: int) -> bool:
    """Whether a line broke only because the next line's first word did not fit."""
    return 40 <= width <= 120 and len(line) + 1 + len(following.split(None, 1)[0]) > width
