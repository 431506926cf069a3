"""Clauses: the sentences and list items of a section, each item with the words that lead in to its list."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.parsing.lines import BULLET, ORDERED, RULE, indent_of, leads_in, wrapped
from bot.parsing.sentences import ends_sentence, split_sentences
from bot.policy import Clause, Span

_LINK_ITEM = re.compile(r"\[[^\]]*\]\(#[^)]*\)")


def find_clauses(text: str, lines: list[Span]) -> Iterator[Clause]:
    """The clauses of a section's body, in order."""
    blocks = list(_blocks(text, lines))
    leads: list[tuple[int, Span]] = []  # (indent, lead-in) of the lists that we are in
    for at, block in enumerate(blocks):
        following = blocks[at + 1] if at + 1 < len(blocks) else None
        if block.indent is None:
            sentences = list(split_sentences(text, block.span))
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
            if leads_in(block.span.of(text)):
                continue
        if not _LINK_ITEM.fullmatch(block.span.of(text)):
            yield Clause(block.span, lead_in)


def _is_lead_in(text: str, lead: Span, following: "_Block") -> bool:
    content = lead.of(text)
    if leads_in(content) or content[-1].isalnum():
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
    width = max((line.end - line.start + indent_of(text, line) for line in lines), default=0)
    block: _Block | None = None
    last = Span(0, 0)  # the last line of the block
    after_blank = False
    listing = 0  # 1 while unmarked lines after a lead-in end in semicolons, 2 on the last of them
    header: Span | None = None  # of a table
    for line in lines:
        content = line.of(text)
        if not content or RULE.fullmatch(content):
            after_blank = True
            continue
        indent = indent_of(text, line)
        marker = BULLET.match(content) or ORDERED.match(content)
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
    return int(leads_in(before) and ends_open)


def _joins(text: str, block: _Block, last: Span, line: Span, width: int) -> bool:
    """Whether `line` goes on with the sentence that the line before it left open."""
    before, content = last.of(text), line.of(text)
    if block.indent is not None and indent_of(text, line) > block.indent:
        return True
    if ends_sentence(before) or before.endswith((":", ";")):
        # In a wrapped paragraph the next sentence may begin on the next line, as a block of its own.
        return False
    if content[0].islower():
        return True
    return wrapped(" " * indent_of(text, last) + before, content, width)
