"""A conversation, condensed into one question that stands on its own."""

import re
from collections.abc import Sequence

from langchain_core.messages import BaseMessage, HumanMessage

_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|theirs|that|those|these|this|one|ones|he|she|him|her|there|then|"
    r"same|else|instead|either|both|too|also)\b",
    re.I,
)
_OPENS_AS_FOLLOW_UP = re.compile(
    r"\s*(?:and|but|or|so|also|what about|how about|what if|why|since when|for how long|until when|"
    r"how come|really|ok(?:ay)?|sure|are you sure|even|not even|which ones?|who exactly|like what|such as)\b",
    re.I,
)
_SHORT = 4


def condense(question: str, history: Sequence[BaseMessage]) -> str:
    """The question, with the person's last question that stands alone before it where it needs one.

    A follow-up points back ("turn them off?"), opens as one ("and my photos?"), or is too short
    to stand alone. Without a language model the earlier words are put before the later ones,
    which is enough to find the passages that both are about.
    """
    earlier = [str(message.text) for message in history if isinstance(message, HumanMessage)]
    parts = [question]
    while earlier and is_follow_up(parts[0]):
        parts.insert(0, earlier.pop())
    return " ".join([*parts[:1], *parts[-1:]] if len(parts) > 1 else parts)


def is_follow_up(question: str) -> bool:
    """Whether a question seems to need the one before it to be understood."""
    return bool(
        _POINTS_BACK.search(question)
        or _OPENS_AS_FOLLOW_UP.match(question)
        or len(re.findall(r"\w+", question)) <= _SHORT
    )
