"""What changed between two texts, word by word."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal


@dataclass(frozen=True, slots=True)
class Edit:
    """A run of words that is in both texts, or was deleted from the one, or inserted into the other."""

    change: Literal["same", "deleted", "inserted"]
    text: str


def redline(old: str, new: str) -> tuple[Edit, ...]:
    """The edits that lead from one text to the other.

    Joined without the inserted ones they give `old`, without the deleted ones `new`. Sentences
    are matched first, and words within those that differ: that is how people read an edit, and
    keeps long texts quick.
    """
    edits: list[Edit] = []
    for before, after in _opcodes(_sentences(old), _sentences(new)):
        pairs = [(before, after)] if before == after else _opcodes(_words(before), _words(after))
        for deleted, inserted in pairs:
            if deleted == inserted:
                edits.append(Edit("same", deleted))
                continue
            edits += [Edit("deleted", deleted)] if deleted else []
            edits += [Edit("inserted", inserted)] if inserted else []
    return tuple(edits)


def _opcodes(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The stretches that two sequences have in common or differ in, each joined."""
    for _, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield "".join(old[i:j]), "".join(new[k:m])


def _sentences(text: str) -> list[str]:
    return re.findall(r"[^.;:!?\n]+[.;:!?\n]*\s*|[.;:!?\n]+\s*", text)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|\s+|[^\w\s]", text)
