"""Deletes tracks that have been missing for long, with what nothing refers to any more after that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database import scans
from soniquescan.database.connection import wrap_errors
from soniquescan.database.migrations import migrate, require_schema
from soniquescan.database.sql import read_sql


class Missing(NamedTuple):
    """Tracks that have been missing for long."""

    tracks: int
    before: datetime  # since then or longer


def count_missing(connection: psycopg.Connection[TupleRow], missing_for: timedelta) -> Missing:
    """Return how many tracks have been missing for that long or longer."""
    require_schema(connection)
    migrate(connection)
    with wrap_errors():
        parameters = {"missing_for": missing_for}
        [(tracks, before)] = connection.execute(read_sql("count_missing").encode(), parameters).fetchall()
    return Missing(tracks, before)


def purge(connection: psycopg.Connection[TupleRow], before: datetime) -> int:
    """Delete the tracks that have been missing since `before` or longer, and return how many they were.

    All or nothing: what they were the last of goes in the same transaction; what scans have noted of them
    (`scan_changes`) stays. Not while a scan runs, which may be about to find them again: see `scanlock`.
    """
    with wrap_errors(), connection.transaction():
        connection.execute("LOCK TABLE unsettled IN SHARE ROW EXCLUSIVE MODE")  # as merge.sql and settle.sql do
        [(purged,)] = connection.execute(read_sql("purge").encode(), {"before": before}).fetchall()
        scans.settle(connection)
    return int(purged)
