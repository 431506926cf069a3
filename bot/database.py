"""The database: its tables, and how it is brought to their present form. SQLite, or PostgreSQL by URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from filelock import FileLock
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from bot.errors import DatabaseError, SettingsError

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(column_0_label)s",
    }
)
"""Times are in UTC, and stored without saying so."""

questions = Table(
    "questions",
    METADATA,
    Column("id", String(36), primary_key=True),
    Column("asked_at", DateTime, nullable=False, index=True),
    Column("policy", String(200)),
    Column("version", String(200)),
    Column("question", Text, nullable=False),
    Column("history", JSON, nullable=False),
    Column("outcome", String(20), nullable=False, index=True),
    Column("text", Text, nullable=False),
    Column("citations", JSON, nullable=False),
    Column("answerer", String(200), nullable=False),
    Column("model", String(200), nullable=False),
)
feedback = Table(
    "feedback",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("question_id", ForeignKey("questions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("given_at", DateTime, nullable=False),
    Column("thumb", String(10), nullable=False),
    Column("reason", Text, nullable=False),
    Column("reporter", String(100)),
)
users = Table(
    "users",
    METADATA,
    Column("name", String(100), primary_key=True),
    Column("role", String(10), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("added_at", DateTime, nullable=False),
)
decisions = Table(
    "decisions",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("decided_at", DateTime, nullable=False),
    Column("reviewer", String(100), nullable=False),
    Column("item", String(200), nullable=False, index=True),
    Column("action", String(20), nullable=False),
    Column("reason", Text, nullable=False),
    Column("case", JSON),
)

_CONNECT_S = 3
"""So long a dead server may hold up whoever needs it."""


class Database:
    """Connections to the database at a URL, which is migrated when it is first used."""

    def __init__(self, url: str, data: Path) -> None:
        self._data = data
        self._migrated = False
        self._lock = Lock()
        try:
            where = make_url(url or f"sqlite:///{data / 'policybot.db'}")
            if where.drivername == "postgresql":
                where = where.set(drivername="postgresql+psycopg")
            sqlite = where.get_backend_name() == "sqlite"
            options = {"timeout": _CONNECT_S} if sqlite else {"connect_timeout": _CONNECT_S}
            self._engine = create_engine(where, connect_args=options, pool_pre_ping=not sqlite, hide_parameters=True)
        except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
            raise SettingsError(
                "POLICYBOT_DATABASE_URL is not usable. Give sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME "
                "with pip install 'policybot[postgres]'."
            ) from error
        if sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A connection in a transaction; raises DBAPIError or OSError where the database is out of reach."""
        self._migrate()
        with self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def _migrate(self) -> None:
        with self._lock:
            if self._migrated:
                return
            self._data.mkdir(parents=True, exist_ok=True)
            # Alembic logs and reads no file here: all that it needs is handed over.
            config = Config()
            config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
            with FileLock(self._data / "database.lock"), self._engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7860)")  # other machines wait
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            self._migrated = True


@contextmanager
def reachable(doing: str) -> Iterator[None]:
    """Turn a database that is out of reach into one sentence for people."""
    try:
        yield
    except (DBAPIError, OSError) as error:
        raise DatabaseError(f"The database is out of reach, so {doing}. Check POLICYBOT_DATABASE_URL.") from error


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _prepare_sqlite(connection: object, _: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA secure_delete = ON")  # what is purged is gone from the file, too
    cursor.close()
