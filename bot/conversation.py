"""What is asked: a conversation condensed into one question that stands alone, and that taken apart."""

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
_THANKS = re.compile(
    r"(?:\W*\b(?:ok(?:ay)?|thanks?|thank|you|thx|ty|cheers|bye|goodbye|great|nice|cool|perfect|good|got|it|fine|all|"
    r"very|much|so|a lot|that helps|lol|haha|wow|hi|hello)\b)+\W*",
    re.I,
)
_ADDRESS = re.compile(r"\S@\w|://")
_SHORT = 4
_OPENING = (
    r"(?:(?:for|to|until|since|by|in|with)\s+)?(?:what|which|who|whom|whose|where|when|why|how|can|could|do|does|did|"
    r"is|are|was|will|would|may|must|should|have|has)\b"
)
_OPENS_AS_QUESTION = re.compile(rf"\W*(?:(?:and|or|but|also|so|ok|hi|please)\W+)?{_OPENING}", re.I)
_NEXT_QUESTION = re.compile(
    rf"(?:[?,;.]\s*(?:and|or|but|also|plus)?|\s(?:and|or|but|also|plus))\s+(?={_OPENING})", re.I
)
_FEWEST_WORDS = 3
_MOST_PARTS = 3


def condense(question: str, history: Sequence[BaseMessage | str]) -> str:
    """The question, with the person's last question that stands alone before it where it needs one.

    A follow-up points back ("turn them off?"), opens as one ("and my photos?"), or is too short
    to stand alone. Without a language model the earlier words are put before the later ones,
    which is enough to find the passages that both are about. `history` is the conversation so far, as
    messages or as the earlier questions.
    """
    said = (
        turn if isinstance(turn, str) else str(turn.text) for turn in history if isinstance(turn, str | HumanMessage)
    )
    earlier = [_without_asides(text) for text in said]
    question = _without_asides(question)
    parts = [question]
    if _THANKS.fullmatch(question):
        return question
    while earlier and is_follow_up(parts[0]):
        parts.insert(0, earlier.pop())
    return " ".join([*parts[:1], *parts[-1:]] if len(parts) > 1 else parts)


def _without_asides(text: str) -> str:
    """The text without sentences that give an address ("I am jo@acme.example"), where a whole question is left."""
    rest = [sentence for sentence in _sentences(text) if not _ADDRESS.search(sentence)]
    return " ".join(rest) if any(map(_stands_alone, rest)) else text


def opening_question(text: str) -> str:
    """The question that a text opens with, where it stands alone and what follows asks nothing: "..? I hate that!"."""
    first, *others = _sentences(_without_asides(text))
    whole = first.endswith("?") and len(first.split()) >= _FEWEST_WORDS and _stands_alone(first)
    return first if whole and others and not any(map(_OPENS_AS_QUESTION.match, others)) else ""


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!])\s+", text)


def _stands_alone(sentence: str) -> bool:
    return bool(_OPENS_AS_QUESTION.match(sentence)) and not is_follow_up(sentence)


def is_follow_up(question: str) -> bool:
    """Whether a question seems to need the one before it to be understood."""
    words = len(re.findall(r"\w+", question))
    return bool(
        _POINTS_BACK.search(question)
        or _OPENS_AS_FOLLOW_UP.match(question)
        or words < _SHORT
        or (words == _SHORT and not _OPENS_AS_QUESTION.match(question))
    )


def split_question(question: str) -> tuple[str, ...]:
    """The questions that are asked in one breath: "do you use cookies, and who sees them?" has two.

    A question is taken apart only where every part opens as one, and at most three come of it.
    """
    question = _without_asides(question)
    parts = [part.strip() for part in _NEXT_QUESTION.split(question)]
    whole = all(_OPENS_AS_QUESTION.match(part) and len(part.split()) >= _FEWEST_WORDS for part in parts)
    return tuple(parts) if whole and len(parts) <= _MOST_PARTS else (question,)
