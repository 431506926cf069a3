"""The evals can fail: a sabotaged bot fails the right gate, for the right cause."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import chromadb
import pytest
from chromadb.config import Settings as ChromaSettings

from bot import Outcome, PolicyBot
from bot.judge import Verdict
from evals.cases import EvalCase, Kind, read_cases
from evals.gates import judge_run, read_gates
from evals.metrics import measure
from evals.run import CaseResult, Cause, Response, Run
from evals.runner import respond, run_cases

ROOT = Path(__file__).parent.parent
GATES = read_gates(ROOT / "evals" / "cases" / "gates.toml")
CASES = read_cases(ROOT / "evals" / "cases")
ANSWERABLE = [case for case in CASES if case.kind is Kind.LAY]
SILENT = [case for case in CASES if case.outcome in (Outcome.NOT_IN_POLICY, Outcome.OFF_TOPIC)]
SOME_ANSWERABLE, SOME_SILENT = ANSWERABLE[::3], SILENT[::2]


@pytest.fixture(scope="module")
def honest(bot: PolicyBot) -> Run:
    return run_cases(bot, CASES, {})


@pytest.fixture
def victim(tmp_path: Path) -> PolicyBot:
    """A bot with an index of its own, to be sabotaged."""
    return PolicyBot.open(corpus=ROOT / "corpus", data=tmp_path)


def failed_gates(run: Run) -> set[str]:
    verdict = judge_run(run, measure(run), GATES, None)
    failed = {gate.gate.metric for gate in verdict.gates if not gate.passed}
    assert verdict.exit_code == (1 if failed else 0)
    return failed


def causes(results: Sequence[CaseResult]) -> Counter[Cause | None]:
    return Counter(result.cause for result in results)


def retold(run: Run, bot: PolicyBot, change: Callable[[Response], Response]) -> Run:
    """The run again, each response of the honest bot changed on its way."""
    said = {result.case.id: result.response for result in run.results}

    def sabotaged(_: PolicyBot, case: EvalCase) -> Response:
        response = said[case.id]
        assert response
        return change(response)

    return run_cases(bot, [result.case for result in run.results], {}, sabotaged)


def collections(bot: PolicyBot) -> Iterator[chromadb.Collection]:
    client = chromadb.PersistentClient(
        str(bot.settings.data / "chroma"), settings=ChromaSettings(anonymized_telemetry=False)
    )
    yield from client.list_collections()


def test_honest_bot_passes_every_gate(honest: Run) -> None:
    assert failed_gates(honest) == set()


def test_shuffled_sections_are_a_retrieval_failure(victim: PolicyBot) -> None:
    """Each text in the real index gets another's vector."""
    for collection in collections(victim):
        rows = collection.get(include=["embeddings"])
        ids, vectors = rows["ids"], rows["embeddings"]
        half = len(ids) // 2
        collection.update(ids=ids, embeddings=[*vectors[half:], *vectors[:half]])
    run = run_cases(victim, SOME_ANSWERABLE, {})
    assert {"hit@1", "hit@5", "pass_rate"} <= failed_gates(run)
    failures = causes(run.results)
    assert failures[Cause.RETRIEVAL] == max(failures.values())


def test_dropped_section_is_a_retrieval_failure_of_its_cases(victim: PolicyBot, honest: Run) -> None:
    """Section 5 is deleted from the real index."""
    section = next(s for s in victim.index.policy(victim.index.scope(None)[0]).sections if s.number == "5")
    for collection in collections(victim):
        rows = collection.get(include=["metadatas"])
        starts = [int(str(meta["start"])) for meta in rows["metadatas"] or []]
        dropped = [
            name for name, at in zip(rows["ids"], starts, strict=True) if section.span.start <= at < section.span.end
        ]
        assert dropped
        collection.delete(ids=dropped)
    cookies = [case for case in ANSWERABLE if case.sections == ("5",)]
    run = run_cases(victim, cookies, {})
    assert {"hit@1", "hit@5", "pass_rate"} <= failed_gates(run)
    assert causes(run.results) == {Cause.RETRIEVAL: len(cookies)}
    assert any(result.passed for result in honest.results if result.case.sections == ("5",))


def test_answering_always_fails_the_abstentions(bot: PolicyBot, monkeypatch: pytest.MonkeyPatch) -> None:
    always = SimpleNamespace(judge=lambda search: Verdict(Outcome.ANSWERED, 1, 1))
    monkeypatch.setattr(bot, "judge", always)
    run = run_cases(bot, SOME_SILENT, {})
    assert {"not_in_policy_recall", "off_topic_recall", "outcome_accuracy"} <= failed_gates(run)
    assert causes(run.results) == {Cause.SHOULD_HAVE_ABSTAINED: len(SOME_SILENT)}


def test_abstaining_always_fails_the_answers(bot: PolicyBot, monkeypatch: pytest.MonkeyPatch) -> None:
    never = SimpleNamespace(judge=lambda search: Verdict(Outcome.NOT_IN_POLICY, 1, 0))
    monkeypatch.setattr(bot, "judge", never)
    run = run_cases(bot, SOME_ANSWERABLE, {})
    assert {"wrongly_abstained", "required_phrase_recall", "outcome_accuracy"} <= failed_gates(run)
    assert not any(result.passed for result in run.results)
    failures = causes(run.results)
    assert failures[Cause.ABSTAINED_WRONGLY] == max(failures.values())


def test_corrupted_quote_is_caught(bot: PolicyBot, honest: Run) -> None:
    def corrupt(response: Response) -> Response:
        quotes = tuple(replace(c, quote=c.quote.replace("not ", "", 1)) for c in response.citations)
        text = response.text.replace("not ", "", 1)
        return replace(response, citations=quotes, text=text)

    run = retold(honest, bot, corrupt)
    assert "quote_exactness" in failed_gates(run)
    sale = {r.case.id: r for r in run.results}["sell-stuff"]
    assert sale.cause is Cause.QUOTE_NOT_EXACT


def test_quote_corrupted_in_the_shown_text_alone_is_caught(bot: PolicyBot, honest: Run) -> None:
    run = retold(honest, bot, lambda response: replace(response, text=response.text.replace("not ", "", 1)))
    assert "quote_exactness" in failed_gates(run)
    assert {r.case.id: r for r in run.results}["sell-stuff"].cause is Cause.QUOTE_NOT_EXACT


def test_swapped_citations_are_caught(bot: PolicyBot, honest: Run) -> None:
    """Two citations of one answer change places: each quote now stands at the other's offsets."""

    def swap(response: Response) -> Response:
        if len(response.citations) < 2:
            return response
        a, b, *rest = response.citations
        swapped = (replace(a, quote=b.quote), replace(b, quote=a.quote), *rest)
        return replace(response, citations=swapped)

    run = retold(honest, bot, swap)
    assert "quote_exactness" in failed_gates(run)
    several = [r for r in run.results if r.response and len(r.response.citations) > 1]
    assert causes(several) == {Cause.QUOTE_NOT_EXACT: len(several)}


def test_forbidden_phrase_is_caught(bot: PolicyBot) -> None:
    case = next(case for case in CASES if case.id == "breach-deadline")

    def promise(bot: PolicyBot, case: EvalCase) -> Response:
        response = respond(bot, case)
        return replace(response, text=response.text + " We tell you within 72 hours.")

    run = run_cases(bot, [case], {}, promise)
    assert failed_gates(run) == {"forbidden_phrases", "pass_rate"} & failed_gates(run) | {"forbidden_phrases"}
    assert run.results[0].cause is Cause.FORBIDDEN_PHRASE


def test_crashed_case_makes_the_run_incomplete(bot: PolicyBot) -> None:
    def crash(bot: PolicyBot, case: EvalCase) -> Response:
        if case.id == "sell-stuff":
            raise RuntimeError("out of memory")
        return respond(bot, case)

    run = run_cases(bot, ANSWERABLE[:10], {}, crash)
    verdict = judge_run(run, measure(run), (), None)
    assert verdict.exit_code == 2
    assert verdict.crashed == ("sell-stuff",)


def test_other_words_than_the_reviewed_ones_make_a_case_out_of_date(bot: PolicyBot) -> None:
    case = next(case for case in CASES if case.id == "sell-stuff")
    gone = case.model_copy(update={"spans": ("We never sell Customer Content.",)})
    run = run_cases(bot, [gone], {"alumia-privacy-policy": "the hash of another text"})
    assert causes(run.results) == {Cause.OUT_OF_DATE: 1}
