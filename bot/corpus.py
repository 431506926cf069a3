"""A folder of policy files, read and checked. All of it is good, or it is an error."""

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from bot.errors import CorpusError
from bot.parsing import parse, read_date
from bot.policy import Policy

SUFFIXES = (".txt", ".md")


def read_corpus(folder: Path) -> list[Policy]:
    """All policies of a corpus folder, every version of each, the oldest first.

    A corpus holds `<policy>.txt|.md` and `<policy>/<version>.txt|.md`. Raises CorpusError
    for a folder or file that cannot be used; then nothing is returned.
    """
    if not folder.exists():
        raise CorpusError(f"The corpus folder {folder} does not exist. Create it, or name another with --corpus.")
    if not folder.is_dir():
        raise CorpusError(f"{folder} is a file. --corpus takes the folder that holds the policies.")
    paths = sorted(path for path in _files(folder) if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise CorpusError(f"The corpus folder {folder} holds no .txt or .md file. Put a policy into it.")
    policies = [read_policy(folder, path.relative_to(folder)) for path in paths]
    _refuse_duplicates(folder, policies)
    return sorted(policies, key=lambda policy: (policy.id, *age(policy)))


def ignored_files(folder: Path) -> list[Path]:
    """The files of a corpus folder that are not read as policies, relative to it."""
    return sorted(p.relative_to(folder) for p in _files(folder) if p.suffix.lower() not in SUFFIXES)


def read_policy(folder: Path, source: Path) -> Policy:
    """Parse one file of the corpus; `source` is its path relative to the folder."""
    text = read_text(folder / source)
    versioned = len(source.parts) == 2
    return parse(
        text,
        id=source.parts[0] if versioned else source.stem,
        version=source.stem if versioned else None,
        source=source.as_posix(),
    )


def read_text(path: Path) -> str:
    """A policy file's text, newlines and byte-order mark untouched; raises CorpusError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be read ({error.strerror}). Check that it exists and its permissions."
        ) from error
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise CorpusError(f"{path} is UTF-16. Save it as UTF-8 text.")
    if b"\0" in content or content.startswith(b"%PDF-"):
        raise CorpusError(f"{path} is a binary file. Save the policy as plain UTF-8 text or Markdown.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8 text.") from error
    if not any(c.isalnum() for c in text):
        raise CorpusError(f"{path} is empty. Put the policy's text into it, or remove the file.")
    return text


def current(versions: Iterable[Policy]) -> Policy:
    """The newest of several versions of one policy."""
    return max(versions, key=age)


def age(policy: Policy) -> tuple[date, list[tuple[int, str]]]:
    """Sorts the versions of a policy from old to new: by date, then "v9" before "v10"."""
    named = read_date(policy.version) or _compact_date(policy.version)
    parts = re.findall(r"\d+|\D+", policy.version)
    natural = [(int(p), "") if p.isdigit() else (-1, p) for p in parts]
    return named or policy.updated or policy.effective or date.min, natural


def _compact_date(version: str) -> date | None:
    match = re.fullmatch(r"(\d{4})[-_.]?(\d{2})(?:[-_.]?(\d{2}))?", version)
    return read_date(f"{match[1]}-{match[2]}-{match[3] or '01'}") if match else None


def _files(folder: Path) -> list[Path]:
    """Files at the two levels that a corpus has, hidden ones and hidden folders left out."""
    try:
        found = [*folder.glob("*"), *folder.glob("*/*")]
    except OSError as error:
        raise CorpusError(f"{folder} cannot be read ({error.strerror}). Check its permissions.") from error
    return [p for p in found if p.is_file() and not any(part.startswith(".") for part in p.relative_to(folder).parts)]


def _refuse_duplicates(folder: Path, policies: list[Policy]) -> None:
    seen: dict[tuple[str, str], Policy] = {}
    for policy in policies:
        twin = seen.setdefault((policy.id, policy.version), policy)
        if twin is not policy:
            raise CorpusError(
                f"{folder / twin.source} and {folder / policy.source} are both version {policy.version} "
                f"of {policy.id}. Remove one, or give it another version."
            )
