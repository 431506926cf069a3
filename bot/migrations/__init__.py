"""Alembic's migrations. `bot.database` runs them when the database is first used."""
