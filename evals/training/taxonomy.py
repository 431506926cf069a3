"""The taxonomy: what people want to know from privacy policies, in their words and in the policies'.

`taxonomy/intents.txt` lists the intents, each one thing to know. The other files there read line by line:

    @ intent                        the questions after it ask this
    ? question                      may be a first question, " > " and a follow-up to it
    = intents | title | clause      a clause and the intents that it answers, or "-"; the title may be
                                    missing, and the lead-in of a list may stand before the clause

A narrower intent follows its own after a slash: a question of "collect.sensitive/religion" is answered
only by clauses of just that, one of "collect.sensitive" also by those of all narrower ones. For the
former it is doubtful whether clauses of all of "collect.sensitive" answer, and those of other files,
which do not know the narrower ones. Every other clause of the taxonomy is wrong.

A tag says that a clause speaks to an intent, not that it answers each question of it. So `exceptions.tsv` has what
readers of single pairs found: "no" or "doubtful", a question, and how the sentence of a clause begins that has its
intent and does not answer it.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from evals.training.data import HERE, Question, TrainingDataError, TrainingPolicy

TAXONOMY = HERE / "taxonomy"
_EXCEPTIONS = "exceptions.tsv"
_KIN = {"keep.delete_how": ("rights.delete", "rights.how")}
"""Intents whose clauses may answer another's questions: who reads that a deletion may be asked for, or how to ask for
anything, knows something of how to get it."""


def read_intents(folder: Path = TAXONOMY) -> frozenset[str]:
    """The names of all intents, the narrower ones left out."""
    text = (folder / "intents.txt").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^([a-z_]+\.[a-z_]+)(?: \*)? :", text, re.M))


def read_taxonomy(folder: Path = TAXONOMY) -> TrainingPolicy:
    """The whole taxonomy, as if it were one policy that says everything. Raises TrainingDataError."""
    known = read_intents(folder)
    taxonomy = TrainingPolicy("taxonomy")
    asked: list[tuple[str, str]] = []
    tagged: dict[str, list[int]] = defaultdict(list)
    at_home: set[tuple[str, int]] = set()
    labels: dict[str, tuple[tuple[int, ...], frozenset[int]]] = {}
    for path in sorted(folder.glob("*.txt")):
        lines = [] if path.name == "intents.txt" else list(_read_lines(path, known))
        homes = {_broad(intents[0]) for sign, intents, _ in lines if sign == "?"}
        for sign, intents, text in lines:
            if sign == "?":
                asked.append((intents[0], text))
                continue
            for intent in intents:
                tagged[intent].append(len(taxonomy.clauses))
            at_home |= {(home, len(taxonomy.clauses)) for home in homes}
            taxonomy.clauses.append(text)
    for intent in dict.fromkeys(intent for intent, _ in asked):
        broad = _broad(intent)
        family = {n for other, clauses in tagged.items() if _broad(other) == broad for n in clauses}
        plain = set(tagged[broad])
        if intent == broad:
            answers, doubtful = family, {n for kin in _KIN.get(intent, ()) for n in tagged[kin]}
        else:
            answers, doubtful = set(tagged[intent]), {n for n in family if n in plain or (broad, n) not in at_home}
        labels[intent] = tuple(sorted(answers)), frozenset(doubtful - answers)
    taxonomy.questions += [Question(text, *labels[intent]) for intent, text in asked]
    if (folder / _EXCEPTIONS).exists():
        _except(taxonomy, folder / _EXCEPTIONS)
    return taxonomy


def _except(taxonomy: TrainingPolicy, path: Path) -> None:
    """Take from the questions' answers what the file excepts. Raises TrainingDataError naming file and line."""
    sentences = [clause.rsplit("\n", 1)[-1] for clause in taxonomy.clauses]
    places = {question.text: n for n, question in enumerate(taxonomy.questions)}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fields = re.fullmatch(r"(no|doubtful)\t([^\t]+)\t([^\t]+)", line)
        if fields is None or fields[2] not in places:
            raise TrainingDataError(f"{path}, line {number}: {line!r} is no verdict on a question of the taxonomy.")
        verdict, text, beginning = fields.groups()
        question = taxonomy.questions[places[text]]
        found = {n for n in question.answers if sentences[n].startswith(beginning)}
        if len(found) != 1:
            raise TrainingDataError(f"{path}, line {number}: {beginning!r} begins {len(found)} clauses of the intent.")
        taxonomy.questions[places[text]] = replace(
            question,
            answers=tuple(n for n in question.answers if n not in found),
            doubtful=question.doubtful | found if verdict == "doubtful" else question.doubtful,
        )


def _broad(intent: str) -> str:
    return intent.split("/")[0]


def _read_lines(path: Path, known: frozenset[str]) -> Iterator[tuple[str, list[str], str]]:
    """Sign, intents and text of each question and clause."""
    current: list[str] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        sign, _, rest = line.partition(" ")
        if not line.strip():
            continue
        fields = [field.strip() for field in rest.split(" | ")]
        named = [] if fields[0] == "-" else [name.strip() for name in fields[0].split(",")]
        if sign == "@":
            current = named
        elif sign == "?" and len(current) == 1:
            yield sign, current, rest.strip().replace(" > ", " ")
        elif sign == "=" and len(fields) > 1:
            yield sign, named, "\n".join(fields[1:])
        else:
            raise TrainingDataError(f"{path}, line {number}: {line!r} stands where it means nothing.")
        for name in named if sign in "@=" else ():
            if name.split("/")[0] not in known:
                raise TrainingDataError(f"{path}, line {number}: there is no intent {name!r}.")
