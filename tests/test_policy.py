"""Parsing: structure, and offsets that always hold."""

from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.parsing import parse
from bot.policy import Policy
from tests.texts import policy_texts

SEED = (Path(__file__).parent.parent / "corpus" / "alumia-privacy-policy.txt").read_bytes().decode()


def read(text: str) -> Policy:
    return parse(text, id="p", source="p.txt")


def clauses(policy: Policy) -> list[str]:
    return [c.span.of(policy.text) for s in policy.sections for c in s.clauses]


def test_seed_policy_has_its_sections_title_and_date() -> None:
    policy = read(SEED)
    assert [s.number for s in policy.sections] == [str(n) for n in range(14)]
    assert policy.title == "Privacy Policy"
    assert policy.updated == date(2026, 4, 28)
    assert policy.effective is None
    assert policy.version == "2026-04-28"
    assert policy.contact is not None
    assert policy.contact.number == "13"


def test_bullets_belong_to_their_lead_in() -> None:
    policy = read(SEED)
    disclosure = policy.sections[6]
    assert {c.lead_in.of(SEED) for c in disclosure.clauses if c.lead_in} == {"We may disclose information to:"}
    assert len(disclosure.clauses) == 7
    assert len(disclosure.lists) == 1


def test_markdown_headings_nest_and_carry_their_number() -> None:
    policy = read(
        "# Acme Policy\n\nHello there.\n\n## 4. Your rights\n\n### 4.2 Access\n\nAsk us.\n\n### Fees\n\nNone.\n"
    )
    assert policy.title == "Acme Policy"
    assert [(s.number, s.title) for s in policy.sections] == [
        ("0", ""),
        ("4", "Your rights"),
        ("4.2", "Access"),
        ("4", "Fees"),
    ]


def test_numbered_paragraphs_are_sections_and_numbered_items_are_not() -> None:
    policy = read(
        "4. Use\n4.1 We use data to bill you.\n4.2 We do not sell it:\n1. Not now\n2. Not ever\n5. End\nBye.\n"
    )
    assert [s.number for s in policy.sections] == ["4", "4.1", "4.2", "5"]
    assert clauses(policy)[:3] == ["We use data to bill you.", "Not now", "Not ever"]


def test_policy_without_headings_has_no_section_number() -> None:
    policy = read("We keep your mail address for a year.\nWe never sell it.\n")
    assert [s.number for s in policy.sections] == [None]
    assert clauses(policy) == ["We keep your mail address for a year.", "We never sell it."]


def test_abbreviations_do_not_end_a_sentence() -> None:
    text = 'Acme, Inc. ("we") uses data, e.g. Your name. Dr. No of the U.S. Navy agrees. We do too.'
    assert clauses(read(text)) == [
        'Acme, Inc. ("we") uses data, e.g. Your name.',
        "Dr. No of the U.S. Navy agrees.",
        "We do too.",
    ]


def test_wrapped_lines_are_one_sentence() -> None:
    text = "We keep records of what you buy in our shop for as long as the\r\nlaw of the land asks us to. Then they go.\r\n"
    assert len(clauses(read(text))) == 2


@settings(max_examples=300, deadline=None)
@given(policy_texts())
def test_offsets_hold_in_any_document(text: str) -> None:
    policy = read(text)
    end = 0
    for section in policy.sections:
        assert section.span.start >= end
        end = section.span.end
        inside = section.span.start
        for clause in section.clauses:
            assert inside <= clause.span.start < clause.span.end <= section.span.end
            assert policy.section_at(clause.span) is section
            words = clause.span.of(text)
            assert words == words.strip()
            inside = clause.span.end
        for span in section.lists:
            assert section.span.start <= span.start < span.end <= section.span.end
    assert end <= len(text)


@given(st.text(max_size=300))
def test_any_text_can_be_parsed(text: str) -> None:
    read(text)


def test_one_giant_line_is_read_whole() -> None:
    text = "We keep it. " * 20_000
    assert len(clauses(read(text))) == 20_000
