"""Brings a database's schema up to date: applies the numbered files of `sql/`, each once, in order."""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database.connection import wrap_errors
from soniquescan.database.sql import read_sql, sql_names
from soniquescan.errors import DatabaseError

logger = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{4})_\w+")


class Migration(NamedTuple):
    """One numbered file."""

    number: int
    name: str
    statements: str


def migrate(connection: psycopg.Connection[TupleRow]) -> None:
    """Bring the schema up to date; processes that do so at once wait for one another."""
    with wrap_errors():
        if not _missing(connection):
            return
        with connection.transaction():
            connection.execute(read_sql("begin_migration").encode())
            for migration in _missing(connection):
                logger.info("applying migration %s", migration.name)
                connection.execute(migration.statements.encode())
                connection.execute(
                    "INSERT INTO soniquescan.migrations (number, name) VALUES (%s, %s)",
                    [migration.number, migration.name],
                )


def require_schema(connection: psycopg.Connection[TupleRow]) -> None:
    """Refuse a database into which nothing has been scanned yet."""
    with wrap_errors():
        if _applied(connection) is None:
            raise DatabaseError("nothing has been scanned into this database yet: run `soniquescan scan FOLDER` first")


def _missing(connection: psycopg.Connection[TupleRow]) -> list[Migration]:
    """Return the migrations to be applied; refuse a database that has one we do not know."""
    applied = _applied(connection) or frozenset()
    known = {migration.number for migration in _migrations()}
    if not applied <= known:
        raise DatabaseError(
            "this database was migrated by a newer version of soniquescan: update soniquescan, or use another database"
        )
    return [migration for migration in _migrations() if migration.number not in applied]


def _applied(connection: psycopg.Connection[TupleRow]) -> frozenset[int] | None:
    """Return the numbers of the migrations applied, None before the first."""
    found = connection.execute("SELECT to_regclass('soniquescan.migrations')").fetchone()
    if found is None or found[0] is None:
        return None
    return frozenset(number for (number,) in connection.execute("SELECT number FROM soniquescan.migrations"))


@cache
def _migrations() -> tuple[Migration, ...]:
    return tuple(
        Migration(int(match[1]), name, read_sql(name)) for name in sql_names() if (match := _NAME.fullmatch(name))
    )
