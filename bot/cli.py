"""The command line: one command for one job."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.accounts import Accounts, Role
from bot.errors import InputError, PolicybotError

if TYPE_CHECKING:
    from bot.database import Database
    from bot.log import QuestionLog

app = typer.Typer(
    help="Answers questions on privacy policies, with the section and the exact words.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Corpus = Annotated[Path | None, typer.Option(help="Folder of policies. [default: corpus]", show_default=False)]
Data = Annotated[
    Path | None, typer.Option(help="Folder of the index and other state. [default: .policybot]", show_default=False)
]
PolicyName = Annotated[str | None, typer.Option("--policy", help="Ask one policy only, by its name in the corpus.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Batch = Annotated[Path | None, typer.Option(help="Read questions from a file of JSON lines; print JSON lines.")]


@app.command()
def ingest(corpus: Corpus = None, data: Data = None) -> None:
    """Bring the index up to date with the corpus.

    Example: policybot ingest --corpus policies --data /var/lib/policybot
    """
    from bot.chain import PolicyBot
    from bot.corpus import ignored_files
    from bot.settings import load_settings

    settings = load_settings(corpus, data)
    report = PolicyBot(settings).sync()
    for change in ("added", "changed", "removed"):
        for name in getattr(report, change):
            typer.echo(f"{change:8} {name}")
    for path in ignored_files(settings.corpus):
        typer.echo(f"skipped  {path}: only .txt and .md files are read", err=True)
    total = len(report.added) + len(report.changed) + len(report.unchanged)
    typer.echo(f"The index is up to date: {total} policy version(s), {report.chunks} chunks.")


@app.command()
def ask(
    question: Annotated[str | None, typer.Argument(help="The question, in plain words.")] = None,
    policy: PolicyName = None,
    as_json: AsJson = False,
    batch: Batch = None,
    corpus: Corpus = None,
    data: Data = None,
) -> None:
    """Answer a question, or a file of them.

    Example: policybot ask "Do you sell my data?"

    A batch has lines like {"id": "1", "question": "...", "history": ["earlier question"], "policy": "acme"};
    history and policy may be left out.
    """
    lines = _questions(question, batch)
    from bot.chain import PolicyBot

    bot = PolicyBot.open(corpus, data)
    if lines is not None:
        for line in lines:
            answer = bot.ask(line["question"], line.get("history") or [], line.get("policy") or policy)
            _print_json({"id": line.get("id"), **answer.to_dict()})
        return
    answer = bot.ask(question or "", policy=policy)
    if as_json:
        _print_json(answer.to_dict())
        return
    typer.echo(f"{answer.text}\n\n[{answer.outcome}]")
    if answer.fallback:
        typer.echo(f"The chat model gave no usable answer ({answer.fallback}); this is the offline one.", err=True)


@app.command()
def search(
    question: Annotated[str | None, typer.Argument(help="The question, in plain words.")] = None,
    k: Annotated[int, typer.Option("--k", min=1, help="How many passages.")] = 8,
    policy: PolicyName = None,
    as_json: AsJson = False,
    batch: Batch = None,
    corpus: Corpus = None,
    data: Data = None,
) -> None:
    """Show the passages nearest to a question, best first.

    Example: policybot search "cookies" --k 3
    """
    lines = _questions(question, batch)
    from bot.answer import label
    from bot.chain import PolicyBot

    bot = PolicyBot.open(corpus, data)
    if lines is not None:
        for line in lines:
            found = bot.search(line["question"], k, line.get("policy") or policy, line.get("history") or [])
            _print_json({"id": line.get("id"), "passages": [passage.to_dict() for passage in found]})
        return
    passages = bot.search(question or "", k, policy)
    if as_json:
        _print_json({"question": question, "passages": [passage.to_dict() for passage in passages]})
        return
    for rank, passage in enumerate(passages, 1):
        where = f"{passage.policy.id} {passage.policy.version}, {label(passage.policy, passage.section)}"
        typer.echo(f"{rank}. {where} ({passage.score:.2f})\n{passage.text}\n")


@app.command()
def serve() -> None:
    """Serve the pages and the API; settings come from the environment, as POLICYBOT_<NAME>.

    Example: POLICYBOT_PORT=8000 policybot serve
    """
    from app import main as run_service

    run_service()


users = typer.Typer(help="The accounts of agents and legal.", no_args_is_help=True)
app.add_typer(users, name="user")


@users.command("add")
def add_user(
    name: str,
    role: Annotated[Role, typer.Option(help="What the user may see.")],
    password: Annotated[
        str,
        typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for where it is not given."),
    ],
    data: Data = None,
) -> None:
    """Add a user, or give one another role and password.

    Example: policybot user add ann --role agent
    """
    _accounts(data).add(name, role, password)
    typer.echo(f"{name} may sign in as {role}.")


@users.command("remove")
def remove_user(name: str, data: Data = None) -> None:
    """Remove a user; who is signed in is out at once."""
    _accounts(data).remove(name)
    typer.echo(f"{name} is removed.")


@users.command("list")
def list_users(data: Data = None) -> None:
    """List the users and their roles."""
    for user in _accounts(data).all():
        typer.echo(f"{user.role:6} {user.name}")


log = typer.Typer(help="The log of questions.", no_args_is_help=True)
app.add_typer(log, name="log")


@log.command("export")
def export_log(data: Data = None) -> None:
    """Print the questions kept, one JSON object a line, oldest first."""
    for entry in _log(data).entries():
        _print_json(entry.to_dict())


@log.command("purge")
def purge_log(
    everything: Annotated[bool, typer.Option("--all", help="Delete all, however new.")] = False, data: Data = None
) -> None:
    """Delete the questions that are older than POLICYBOT_LOG_DAYS."""
    typer.echo(f"{_log(data).purge(everything)} question(s) deleted.")


def _accounts(data: Path | None) -> Accounts:
    return Accounts(_database(data))


def _log(data: Path | None) -> "QuestionLog":
    from bot.log import QuestionLog
    from bot.settings import load_settings

    return QuestionLog(_database(data), load_settings(None, data).log_days)


def _database(data: Path | None) -> "Database":
    from bot.database import Database
    from bot.settings import load_settings

    settings = load_settings(None, data)
    return Database(settings.database_url.get_secret_value(), settings.data)


def _questions(question: str | None, batch: Path | None) -> Iterator[dict[str, Any]] | None:
    """The lines of a batch, all of them checked first; None for a single question."""
    if (question is None) == (batch is None):
        raise InputError('Give either a question or --batch FILE, e.g. policybot ask "Do you sell my data?".')
    if batch is None:
        return None
    try:
        content = batch.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{batch} cannot be read as UTF-8 text. Check its name and encoding.") from error
    # JSON may hold line separators that splitlines() would split at.
    numbered = [(n, line) for n, line in enumerate(content.split("\n"), 1) if line.strip()]
    return iter([_batch_line(batch, number, line) for number, line in numbered])


def _batch_line(batch: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{batch}, line {number} is not JSON: {error.msg}.") from error
    valid = (
        isinstance(record, dict)
        and isinstance(record.get("question"), str)
        and isinstance(record.get("policy"), str | None)
        and isinstance(record.get("history"), list | None)
        and all(isinstance(turn, str) for turn in record.get("history") or [])
    )
    if not valid:
        raise InputError(f'{batch}, line {number} must be like {{"id": "1", "question": "...", "history": ["..."]}}.')
    return dict(record)


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


def main() -> None:
    """Run the command line; an error that we foresaw is one sentence, not a stack trace."""
    try:
        app()
    except PolicybotError as error:
        typer.echo(f"policybot: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
