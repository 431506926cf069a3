"""Asks the bot every case, and diagnoses what it says."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from bot import PolicyBot
from bot.corpus import read_text
from bot.index import text_hash
from bot.policy import Policy
from evals.cases import CaseError, EvalCase, Support, find_support
from evals.diagnosis import diagnose
from evals.run import CaseResult, Cause, Found, PolicyText, Quote, Response, Run

log = logging.getLogger(__name__)

_PASSAGES = 64


def respond(bot: PolicyBot, case: EvalCase) -> Response:
    """What the bot answers and retrieves, in the words of its JSON."""
    answer = bot.ask(case.question, case.history, case.policy)
    passages = bot.search(case.question, _PASSAGES, case.policy, case.history)
    places = [(p.to_dict(), p.score) for p in passages]
    return Response(
        outcome=answer.outcome,
        text=answer.text,
        citations=tuple(Quote(**citation.to_dict()) for citation in answer.citations),
        passages=tuple(Found(d["section"], d["title"], d["start"], d["end"], round(s, 4)) for d, s in places),
        answerer=answer.answerer,
        fallback=answer.fallback,
        total_ms=answer.timings_ms["total"],
    )


def run_cases(
    bot: PolicyBot,
    cases: Sequence[EvalCase],
    reviewed: Mapping[str, str],
    respond: Callable[[PolicyBot, EvalCase], Response] = respond,
    each: Callable[[], object] = lambda: None,
) -> Run:
    """Ask every case, and call `each` after it.

    `reviewed` has, for each policy, the sha256 of the text that the cases were last reviewed
    against. A case whose spans are not in that text is wrong, and raises CaseError before any is
    asked; where the text has changed since, the case is out of date, and fails. A case that
    crashes the bot is recorded as such.
    """
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    policies = {name: current_policy(bot, name) for name in dict.fromkeys(case.policy or "" for case in cases)}
    texts = {name: policy_text(bot, policy) for name, policy in policies.items()}
    edited = {name for name, text in texts.items() if reviewed.get(name, text.sha256) != text.sha256}
    checked = [(case, _expected(case, policies[case.policy or ""], case.policy in edited)) for case in cases]
    results = []
    for case, expected in checked:
        results.append(_result(bot, case, expected, texts[case.policy or ""].text, respond))
        each()
    return Run(
        started=started,
        answerer=bot.chat.name if bot.chat else "extractive",
        model=bot.settings.embedding_model,
        settings={"encoding": bot.settings.encoding, "chunk_tokens": bot.settings.chunk_tokens},
        policies=tuple(texts.values()),
        results=tuple(results),
    )


def current_policy(bot: PolicyBot, name: str) -> Policy:
    """The current version of a policy; raises UnknownPolicyError."""
    return bot.index.policy(bot.index.scope(name)[0])


def policy_text(bot: PolicyBot, policy: Policy) -> PolicyText:
    """The text of the policy's file: what quotes are held against, and not what the bot has indexed."""
    text = read_text(bot.settings.corpus / policy.source)
    return PolicyText(policy.id, policy.version, policy.source, text_hash(text), text)


def _expected(case: EvalCase, policy: Policy, edited: bool) -> tuple[Support, ...] | None:
    try:
        return find_support(case, policy)
    except CaseError:
        if edited:
            return None
        raise


def _result(
    bot: PolicyBot,
    case: EvalCase,
    expected: tuple[Support, ...] | None,
    text: str,
    respond: Callable[[PolicyBot, EvalCase], Response],
) -> CaseResult:
    try:
        response = respond(bot, case)
    except Exception as error:
        log.warning("Case %s crashed", case.id, exc_info=error)
        return CaseResult(case, expected, None, None, error=type(error).__name__)
    cause = Cause.OUT_OF_DATE if expected is None else diagnose(case, expected, response, text)
    return CaseResult(case, expected, response, cause)
