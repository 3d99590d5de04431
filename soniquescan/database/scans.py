"""The bookkeeping of scans: their rows in `scans`, the folders they were given, and what is done at their end."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database.connection import wrap_errors
from soniquescan.database.sql import read_sql
from soniquescan.text import path_to_text

logger = logging.getLogger(__name__)

# With a scan's id the advisory lock that its connection holds while it lives. The number has no meaning.
_ALIVE_LOCK = 736_145_092


class Scan(NamedTuple):
    """A scan that has begun."""

    id: int
    root_ids: dict[bytes, int]  # `roots.id` of each folder that was given


class Library(NamedTuple):
    """How much there is of what files refer to."""

    artists: int
    albums: int
    genres: int


def begin(connection: psycopg.Connection[TupleRow], roots: Sequence[bytes], settings: Mapping[str, object]) -> Scan:
    """Note that a scan of some folders begins; a folder inside a known root belongs to that."""
    with wrap_errors(), connection.transaction():
        # Two scans that begin at once would both add the same root.
        connection.execute("LOCK TABLE roots IN SHARE ROW EXCLUSIVE MODE")
        connection.execute(read_sql("end_dead_scans").encode(), {"lock": _ALIVE_LOCK})
        root_ids = {root: _root_id(connection, root) for root in roots}
        (scan_id,) = _one_row(
            connection.execute(
                "INSERT INTO scans (roots, settings) VALUES (%s, %s::jsonb) RETURNING id",
                [[path_to_text(root) for root in roots], json.dumps(settings)],
            )
        )
        connection.execute("SELECT pg_advisory_lock(%s, %s)", [_ALIVE_LOCK, scan_id])
    return Scan(scan_id, root_ids)


def _root_id(connection: psycopg.Connection[TupleRow], root: bytes) -> int:
    parameters = {"path": path_to_text(root), "device": _device(root)}
    (root_id,) = _one_row(connection.execute(read_sql("begin_root").encode(), parameters))
    return int(root_id)


def _device(root: bytes) -> int | None:
    try:
        return os.stat(root).st_dev  # noqa: PTH116  # the path is bytes
    except OSError:
        return None  # discovery meets the same error, and reports it


def settle(connection: psycopg.Connection[TupleRow], scan_id: int) -> None:
    """Work out what depends on all files together, after a scan that has read all it was given.

    What an interrupted scan leaves to be worked out, the next one's end works out.
    """
    with wrap_errors(), connection.transaction():
        connection.execute(read_sql("forget_errors").encode(), {"scan_id": scan_id})
        if connection.execute("SELECT FROM unsettled LIMIT 1").fetchone() is not None:
            connection.execute(read_sql("settle").encode())


def finish(connection: psycopg.Connection[TupleRow], scan_id: int, status: str, counters: Mapping[str, object]) -> None:
    """Note how a scan ended."""
    with wrap_errors():
        connection.execute(
            "UPDATE scans SET finished_at = now(), status = %s, counters = %s::jsonb WHERE id = %s",
            [status, json.dumps(counters), scan_id],
        )


def count_library(connection: psycopg.Connection[TupleRow]) -> Library:
    """Return how many artists, albums and genres there are."""
    with wrap_errors():
        query = "SELECT (SELECT count(*) FROM artists), (SELECT count(*) FROM albums), (SELECT count(*) FROM genres)"
        return Library(*_one_row(connection.execute(query)))


def _one_row(cursor: psycopg.Cursor[TupleRow]) -> TupleRow:
    """Return the only row of a statement that always has one."""
    (row,) = cursor.fetchall()
    return row
