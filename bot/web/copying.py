"""An answer as an agent hands it on: plain text, Markdown or an e-mail, with citations and the policy's date."""

import re
from html import unescape
from urllib.parse import quote

from bot.answer import Answer, Citation, label
from bot.policy import Policy
from bot.web.policy_page import dated


def plain(answer: Answer) -> str:
    """The answer and where it stands."""
    return "\n\n".join((answer.text, *(_source(policy) for policy in _policies(answer))))


def markdown(answer: Answer, site: str) -> str:
    """The same, each quote a block quote under a link to its place on `site`, where that is known."""
    if not answer.citations:
        return _escaped(answer.text)
    quotes = (
        f"> {_escaped(c.quote).replace(chr(10), chr(10) + '> ')}\n>\n> — {_link(c, site)}" for c in answer.citations
    )
    left_open = (answer.left_open,) if answer.left_open else ()
    return "\n\n".join((*quotes, *left_open, *(_source(policy) for policy in _policies(answer))))


def email(answer: Answer) -> str:
    """A letter around the answer, to be completed with names."""
    return f"Hello,\n\nThank you for your question:\n\n“{answer.question.strip()}”\n\n{plain(answer)}\n\nKind regards"


def _source(policy: Policy) -> str:
    return f"Source: {policy.title}. {unescape(dated(policy))}."


def _policies(answer: Answer) -> list[Policy]:
    return list({(c.policy.id, c.policy.version): c.policy for c in answer.citations}.values())


def _link(citation: Citation, site: str) -> str:
    policy, name = citation.policy, _escaped(label(citation.policy, citation.section))
    if not site:
        return name
    path = f"{quote(policy.id, safe='')}/{quote(policy.version, safe='')}"
    return f"[{name}]({site.rstrip('/')}/policies/{path}?start={citation.span.start}&end={citation.span.end})"


def _escaped(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", text)
