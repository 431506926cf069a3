"""Decisions as a patch to the files of cases: to be reviewed and applied by people, with `git apply`."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml

from evals.desk.decisions import Decision
from evals.desk.drafts import write

NEW_CASES = "reported.yaml"
"""Where cases go that are in no file yet."""


def patch(cases: Path, made: Iterable[Decision]) -> str:
    """A unified diff that puts every decided case into its file; "" where nothing changes.

    A case decided on twice goes in as decided last. Paths are relative to the folder that
    `cases`, as given, is relative to.
    """
    decided = {decision.case["id"]: decision.case for decision in made if decision.case}
    new = cases / NEW_CASES
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(cases.glob("*.yaml"))}
    edited = {path: _with_changed(text, decided) for path, text in texts.items()}
    known = {name for text in texts.values() for *_, name in _places(text)}
    unknown = [case for name, case in decided.items() if name not in known]
    if unknown:
        edited[new] = _with_new(edited.get(new, ""), unknown)
    return "".join(
        _diff(path, texts.get(path, ""), edited[path]) for path in sorted(edited) if edited[path] != texts.get(path)
    )


def _with_changed(text: str, decided: Mapping[str, dict[str, Any]]) -> str:
    policy = _policy(text)
    for start, end, name in reversed(_places(text)):
        case = decided.get(name)
        if case and _differs(text[start:end], case, policy):
            text = text[:start] + _block(case, policy) + text[end:]
    return text


def _places(text: str) -> list[tuple[int, int, str]]:
    """Where each case of a file stands, from its dash to the next one's, and its id."""
    node = yaml.compose(text)
    fields = node.value if isinstance(node, yaml.MappingNode) else []
    cases: list[yaml.MappingNode] = next((value.value for key, value in fields if key.value == "cases"), [])
    starts = [text.rindex("\n", 0, case.start_mark.index) + 1 for case in cases]
    ids = [next(value.value for key, value in case.value if key.value == "id") for case in cases]
    return list(zip(starts, [*starts[1:], len(text)], ids, strict=True))


def _policy(text: str) -> str | None:
    content = yaml.safe_load(text) if text else None
    return content["policy"] if content else None


def _differs(block: str, case: dict[str, Any], policy: str | None) -> bool:
    return bool(yaml.safe_load(block)[0] != _without(case, policy))


def _block(case: dict[str, Any], policy: str | None) -> str:
    """A case as an entry of a file's list, an empty line behind it."""
    body = indent(write(_without(case, policy)), "    ")
    return f"  - {body[4:]}\n"


def _without(case: dict[str, Any], policy: str | None) -> dict[str, Any]:
    """The case without its policy where that is the file's."""
    return {name: value for name, value in case.items() if name != "policy" or value != policy}


def _with_new(text: str, cases: Sequence[dict[str, Any]]) -> str:
    if not text:
        text = f"# yaml-language-server: $schema=schema.json\npolicy: {cases[0].get('policy')}\ncases:\n"
    policy = _policy(text) if "- id" in text else str(cases[0].get("policy"))
    return text.rstrip("\n") + ("\n\n" if "- id" in text else "\n") + "".join(_block(case, policy) for case in cases)


def _diff(path: Path, before: str, after: str) -> str:
    name = path.as_posix()
    lines = unified_diff(
        before.splitlines(keepends=True),
        (after.rstrip("\n") + "\n").splitlines(keepends=True),
        f"a/{name}" if before else "/dev/null",
        f"b/{name}",
    )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
