"""The last gate: no answer leaves that the policy file, as it is now, does not bear out."""

from collections.abc import Iterable
from pathlib import Path

from bot.answer import Answer, Piece
from bot.corpus import read_text
from bot.errors import CorpusError, StaleIndexError
from bot.policy import Policy


def ground(part: Piece | Answer, consulted: Iterable[Policy], corpus: Path) -> None:
    """Let an answer, or a piece of one, pass, or raise StaleIndexError when the corpus has moved on from the index.

    Each quote must stand in its source file at its offsets. What has no quotes speaks
    of all that was consulted, so those files must be unchanged.
    """
    for citation in part.citations:
        text = _source(corpus, citation.policy)
        if citation.span.of(text) != citation.quote:
            raise _stale(citation.policy)
    if not part.citations:
        for policy in consulted:
            if _source(corpus, policy) != policy.text:
                raise _stale(policy)


def _source(corpus: Path, policy: Policy) -> str:
    try:
        return read_text(corpus / policy.source)
    except CorpusError as error:
        raise _stale(policy) from error


def _stale(policy: Policy) -> StaleIndexError:
    return StaleIndexError(
        f"The index is stale: {policy.source} has changed since it was indexed. "
        "Run `policybot ingest` to refresh the index, then ask again."
    )
