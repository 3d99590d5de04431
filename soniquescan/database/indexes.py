"""The indexes that a first load does without: to make them at its end takes a fraction of keeping them meanwhile."""

from __future__ import annotations

import logging

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database.connection import reason
from soniquescan.database.sql import read_sql
from soniquescan.errors import DatabaseError

logger = logging.getLogger(__name__)

# Somebody may be reading, whose lock is in the way. To drop indexes is not worth a wait; to make them is.
_SUSPEND_TIMEOUT = "1s"
_RESUME_TIMEOUT = "10s"


def suspend(connection: psycopg.Connection[TupleRow]) -> None:
    """Drop the indexes of tracks and their links, but for those that keep a track from being there twice.

    Where that cannot be done, they stay. To suspend them twice is as good as once.
    """
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL lock_timeout TO '{_SUSPEND_TIMEOUT}'")
            for (removal,) in connection.execute(read_sql("suspend_indexes").encode()).fetchall():
                connection.execute(removal)
    except (
        psycopg.errors.LockNotAvailable,
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.DependentObjectsStillExist,
    ) as exc:
        logger.info("the first load keeps the indexes: %s", reason(exc))


def resume(connection: psycopg.Connection[TupleRow]) -> bool:
    """Make the indexes that have been suspended, each in a transaction of its own.

    Returns whether all are there: not if another session holds a table that long.
    """
    definitions = connection.execute("SELECT definition FROM suspended_indexes").fetchall()
    try:
        for (definition,) in definitions:
            with connection.transaction():
                connection.execute(f"SET LOCAL lock_timeout TO '{_RESUME_TIMEOUT}'")
                connection.execute("DELETE FROM suspended_indexes WHERE definition = %s", [definition])
                connection.execute(definition)
    except psycopg.errors.LockNotAvailable as exc:
        logger.warning("the indexes that the first load did without could not be made yet: %s", reason(exc))
        return False
    return True


def require(connection: psycopg.Connection[TupleRow]) -> None:
    """Make the indexes that a first load has left suspended; a `DatabaseError` says what is in the way."""
    if not resume(connection):
        raise DatabaseError(
            "database: the indexes that an interrupted scan did without cannot be made, as another session holds the "
            "tables in a transaction (see pg_stat_activity): end it, then scan again"
        )
