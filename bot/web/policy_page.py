"""A policy as HTML: every character of its text escaped, one span of it highlighted."""

from html import escape

from bot.policy import Policy, Span


def policy_html(policy: Policy, cited: Span | None = None) -> str:
    """The policy's title, date and text, with the cited words in a `<mark id="cited">`."""
    body = "".join(_section_html(policy.text, section.span, cited) for section in policy.sections)
    return (
        f'<article class="policy" aria-label="{escape(policy.title, quote=True)}">'
        f"<header><h2>{escape(policy.title)}</h2><p>{dated(policy)}</p></header>"
        f'<div class="policy-text" tabindex="0">{body}</div></article>'
    )


def dated(policy: Policy) -> str:
    """What the text itself says of its date, else which version it is; safe in HTML."""
    if policy.effective:
        return f"Effective {policy.effective.day} {policy.effective:%B %Y}"
    if policy.updated:
        return f"Last updated {policy.updated.day} {policy.updated:%B %Y}"
    return f"Version {escape(policy.version)}"


def _section_html(text: str, span: Span, cited: Span | None) -> str:
    heading_end = next((i for i in range(span.start, span.end) if text[i] in "\r\n"), span.end)
    has_heading = span.start > 0
    if not has_heading:
        return f"<section>{_marked(text, span, cited)}</section>"
    heading, body = Span(span.start, heading_end), Span(heading_end, span.end)
    return f"<section><h3>{_marked(text, heading, cited)}</h3>{_marked(text, body, cited)}</section>"


def _marked(text: str, span: Span, cited: Span | None) -> str:
    if cited is None or not span.overlaps(cited):
        return escape(span.of(text).strip("\r\n"))
    start, end = max(span.start, cited.start), min(span.end, cited.end)
    before, words, after = text[span.start : start], text[start:end], text[end : span.end]
    return f'{escape(before.lstrip())}<mark id="cited">{escape(words)}</mark>{escape(after.rstrip())}'
