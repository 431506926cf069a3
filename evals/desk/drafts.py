"""Eval cases as legal edits them: drafted from an item, read back, and checked against the policy."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import yaml
from pydantic import ValidationError

from bot.answer import Outcome
from bot.policy import Policy
from evals.cases import CaseError, EvalCase, Kind, find_support, section_name
from evals.desk.queue import Item

_KINDS = {
    Outcome.ANSWERED: Kind.LAY,
    Outcome.NOT_IN_POLICY: Kind.SILENT,
    Outcome.OFF_TOPIC: Kind.OFF_TOPIC,
    Outcome.UNCLEAR: Kind.UNCLEAR,
}


def draft(item: Item, taken: Collection[str], why: str = "") -> dict[str, Any]:
    """The case that an item is about; for an entry of the log, one that expects the answer given."""
    if item.result:
        return to_dict(item.result.case)
    return accepted(item, taken, why)


def accepted(item: Item, taken: Collection[str], why: str) -> dict[str, Any]:
    """The case that the answer given would pass."""
    if item.result:
        response = item.result.response
        if response is None:
            raise CaseError("The bot crashed on this case, so there is no answer to accept.")
        case = to_dict(item.result.case)
        outcome = response.outcome
        cited = [(section_name(quote.section, quote.title), quote.quote) for quote in response.citations]
        kept = [phrase for phrase in case.get("must_appear", ()) if phrase.lower() in response.text.lower()]
        case = {**case, "must_appear": kept, "why": why or case["why"]}
    else:
        entry = item.entry
        assert entry is not None
        outcome = Outcome(entry.outcome)
        cited = [(section_name(quote["section"], quote["title"]), quote["quote"]) for quote in entry.citations]
        case = {
            "id": _free_id(entry.question, taken),
            "policy": entry.policy or next((quote["policy"] for quote in entry.citations), None),
            "question": entry.question,
            "history": list(entry.history),
            "kind": (Kind.FOLLOW_UP if entry.history else _KINDS[outcome]).value,
            "why": why or "Asked by a user.",
        }
    case |= {
        "outcome": outcome.value,
        "sections": list(dict.fromkeys(section for section, _ in cited)),
        "spans": list(dict.fromkeys(quote for _, quote in cited)),
    }
    return _ordered(case)


def write(case: Mapping[str, Any]) -> str:
    """A case as YAML."""
    return yaml.safe_dump(dict(case), sort_keys=False, allow_unicode=True, width=110)


def read(text: str, policies: Mapping[str, Policy]) -> EvalCase:
    """The case that a YAML text describes. Raises CaseError saying what is wrong with it.

    `policies` has the current versions by name; a case that names none is about the only one.
    """
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CaseError(f"The case is not YAML: {getattr(error, 'problem', None) or 'check it'}.") from error
    try:
        case = EvalCase.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ", ".join(map(str, first["loc"]))
        raise CaseError(f"{place or 'The case'}: {first['msg'].removeprefix('Value error, ')}.") from error
    if case.policy is None and len(policies) == 1:
        case = case.model_copy(update={"policy": next(iter(policies))})
    policy = policies.get(case.policy or "")
    if policy is None:
        raise CaseError(f"The case needs a policy: one of {', '.join(policies)}.")
    find_support(case, policy)
    return case


def to_dict(case: EvalCase) -> dict[str, Any]:
    """A case as it stands in YAML, empty fields left out."""
    return _ordered(case.model_dump(mode="json"))


def _ordered(case: Mapping[str, Any]) -> dict[str, Any]:
    return {name: case[name] for name in EvalCase.model_fields if case.get(name) or name == "question"}


def _free_id(question: str, taken: Collection[str]) -> str:
    words = re.findall(r"[a-z0-9]+", question.lower())[:6] or ["question"]
    name = "-".join(words)
    numbered = (f"{name}-{n}" if n > 1 else name for n in range(1, len(taken) + 2))
    return next(candidate for candidate in numbered if candidate not in taken)
