"""Who may sign in: local accounts with a role each, passwords as argon2 hashes."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import delete, insert, select, update

from bot.database import Database, now, reachable, users
from bot.errors import InputError

FEWEST_CHARACTERS = 10
_HASHER = PasswordHasher()


class Role(StrEnum):
    AGENT = "agent"
    LEGAL = "legal"


@dataclass(frozen=True)
class User:
    name: str
    role: Role


class Accounts:
    """The accounts in a database. Every method raises DatabaseError where that is out of reach."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, name: str, role: Role, password: str) -> None:
        """Add an account, or give the one of this name another role and password. Raises InputError."""
        name = name.strip()
        if not name or len(name) > 100:
            raise InputError("A user's name has 1 to 100 characters.")
        if len(password) < FEWEST_CHARACTERS:
            raise InputError(f"A password has at least {FEWEST_CHARACTERS} characters. Choose a longer one.")
        values = {"role": role.value, "password_hash": _HASHER.hash(password)}
        with reachable("no account was added"), self._database.begin() as connection:
            known = connection.execute(update(users).where(users.c.name == name).values(values)).rowcount
            if not known:
                connection.execute(insert(users).values(name=name, added_at=now(), **values))

    def remove(self, name: str) -> None:
        """Remove an account; whoever is signed in with it is out at once. Raises InputError for an unknown name."""
        with reachable("no account was removed"), self._database.begin() as connection:
            if not connection.execute(delete(users).where(users.c.name == name)).rowcount:
                raise InputError(f"There is no user {name!r}. `policybot user list` shows them.")

    def all(self) -> tuple[User, ...]:
        with reachable("the accounts cannot be read"), self._database.begin() as connection:
            rows = connection.execute(select(users.c.name, users.c.role).order_by(users.c.name)).all()
        return tuple(User(row.name, Role(row.role)) for row in rows)

    def find(self, name: str) -> User | None:
        with reachable("nobody can sign in"), self._database.begin() as connection:
            row = connection.execute(select(users.c.role).where(users.c.name == name)).first()
        return User(name, Role(row.role)) if row else None

    def verify(self, name: str, password: str) -> User | None:
        """The user, when the password is right. Takes as long for a name that does not exist."""
        with reachable("nobody can sign in"), self._database.begin() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
        try:
            _HASHER.verify(row.password_hash if row else _nobody(), password)
        except (Argon2Error, InvalidHashError):
            return None
        return User(row.name, Role(row.role)) if row else None


@cache
def _nobody() -> str:
    """Verified for an unknown name, so that the time taken does not tell which names are known."""
    return _HASHER.hash("nobody has this password")
