"""Connections to PostgreSQL: how they are made, how rows are copied, and the one border of psycopg's exceptions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_dumps

from soniquescan.database.sql import read_sql
from soniquescan.errors import DatabaseError

MINIMUM_SERVER_VERSION = 140000  # as libpq counts: major * 10000 + minor

# What a DSN does not say itself. A server that vanishes without a word (a NAS switched off) is noticed within
# 10 + 3 x 5 seconds while we wait for it, and within 25 while we send.
_CONNECTION_DEFAULTS: dict[str, str | int] = {
    "connect_timeout": 10,  # seconds
    "keepalives_idle": 10,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}

# What the user can do about an error, by SQLSTATE or its beginning (two characters are its class).
_ADVICE = {
    "08": "check that the server runs; what was committed is kept",
    "25006": "this server is read-only: name the primary server",
    "28": "check user and password of the DSN",
    "42501": "ask the owner of the database to GRANT this user what is missing (a first scan needs CREATE on it)",
    "53100": "make room on the server's disk, then run the same again; what was committed is kept",
    "53300": "wait for other programs to disconnect, or raise max_connections",
    "57P": "the server was shut down; what was committed is kept",
    "57P03": "the server is starting up or shutting down: try again in a moment",
}

# libpq gives no SQLSTATE when it cannot connect, so its words must do. A server that speaks another language
# gets no advice here, but its own message.
_CONNECT_ADVICE = {
    "password authentication failed": _ADVICE["28"],
    "no password supplied": _ADVICE["28"],
    "no pg_hba.conf entry": "the server does not let this user in from here: see its pg_hba.conf",
    "does not exist": "check user and database of the DSN; a database is made with CREATE DATABASE",
    "permission denied for database": "ask its owner to GRANT CONNECT",
    "too many": _ADVICE["53300"],
    "the database system is": _ADVICE["57P03"],
    "resolve host": "check the host's name in the DSN",
    "Connection refused": "check host and port of the DSN, and that a server listens there",
    "No such file or directory": "check host and port of the DSN, and that a server runs there",
    "timeout expired": "check host and port of the DSN, and that no firewall is between",
}

_UNREADABLE_DSN = (
    "the DSN cannot be read: write it as postgresql://user:password@host/database with the signs @ : / % in a "
    "password as %40 %3A %2F %25, or as 'host=… dbname=… user=… password=…'"
)


class CopyTarget(NamedTuple):
    """Where `copy_rows` puts its rows: the columns in the order of the rows' fields, with PostgreSQL's types."""

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]  # binary COPY casts nothing, so each must be the column's own

    def statement(self) -> sql.Composed:
        """Return the COPY statement."""
        return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
            sql.Identifier(self.table), sql.SQL(", ").join(map(sql.Identifier, self.columns))
        )


def connect(conninfo: str, *, application_name: str, autocommit: bool = True) -> psycopg.Connection[TupleRow]:
    """Connect to a PostgreSQL that can hold a library, with its tables in the search path and times in UTC.

    A jsonb parameter or COPY field is a text of JSON, not an object.
    """
    parameters = _CONNECTION_DEFAULTS | parse_conninfo(conninfo)
    parameters |= {"application_name": application_name, "client_encoding": "UTF8"}
    try:
        connection = psycopg.connect(**parameters, autocommit=True)  # type: ignore[arg-type]
    except psycopg.Error as exc:
        raise DatabaseError(_connect_message(exc, parameters)) from exc
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    connection.autocommit = autocommit
    return connection


def parse_conninfo(conninfo: str) -> dict[str, str | int]:
    """Return the parameters that a URL or a list of key=value pairs sets."""
    try:
        parameters = {name: value for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    except (psycopg.Error, UnicodeError):
        raise DatabaseError(_UNREADABLE_DSN) from None  # libpq's words about it can hold the password
    # An unescaped @, : or / in a URL's password ends up in the host or the port.
    ports = str(parameters.get("port") or "5432").split(",")
    if "@" in str(parameters.get("host", ""))[1:] or not all(port.isdigit() for port in ports):
        raise DatabaseError(_UNREADABLE_DSN)
    return parameters


def _prepare(connection: psycopg.Connection[TupleRow]) -> None:
    require_version(connection.info.server_version)
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseError(
            f"the encoding of the database {connection.info.dbname} is {encoding}, which cannot hold every title: "
            "make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )
    with wrap_errors():
        connection.execute(read_sql("session").encode())
    set_json_dumps(_as_it_is, connection)


def _as_it_is(text: str) -> str:
    return text


def require_version(server_version: int) -> None:
    """Refuse a PostgreSQL that is too old; `server_version` as libpq counts, 140005 for 14.5."""
    if server_version < MINIMUM_SERVER_VERSION:
        major, minor = divmod(server_version, 10_000)
        # Before 10, the major version had two parts: 90624 was 9.6.24.
        version = f"{major}.{minor}" if major >= 10 else f"{major}.{minor // 100}"  # noqa: PLR2004
        raise DatabaseError(
            f"the server is PostgreSQL {version}; soniquescan needs {MINIMUM_SERVER_VERSION // 10_000} or newer"
        )


def copy_rows(connection: psycopg.Connection[TupleRow], target: CopyTarget, rows: Iterable[Sequence[object]]) -> None:
    """Append rows to a table by binary COPY."""
    with connection.cursor() as cursor, cursor.copy(target.statement()) as copy:
        copy.set_types(target.types)
        for row in rows:
            copy.write_row(row)


@contextmanager
def wrap_errors() -> Iterator[None]:
    """Turn psycopg's exceptions into a `DatabaseError` with one line: what happened, and what to do."""
    try:
        yield
    except psycopg.Error as exc:
        raise DatabaseError(_message(exc)) from exc


def _message(exc: psycopg.Error) -> str:
    what = exc.diag.message_primary or str(exc)
    advice = _advice(exc.sqlstate) or exc.diag.message_hint
    if exc.sqlstate is None and isinstance(exc, psycopg.OperationalError):
        what, advice = f"the connection was lost: {what}", _ADVICE["08"]
    return _line(what, advice)


def _advice(sqlstate: str | None) -> str | None:
    """Return the advice for a SQLSTATE, else for the longest beginning of it that there is advice for."""
    prefixes = (sqlstate[:length] for length in (5, 3, 2)) if sqlstate else ()
    return next((_ADVICE[prefix] for prefix in prefixes if prefix in _ADVICE), None)


def _connect_message(exc: psycopg.Error, parameters: Mapping[str, object]) -> str:
    # Further lines are libpq's advice, which is less to the point than ours.
    what = str(exc).partition("\n")[0].removeprefix("connection failed: ").removeprefix("connection is bad: ")
    if "timeout expired" in what:  # the one message that does not say where
        what = f"{parameters.get('host', 'local socket')}, port {parameters.get('port', 5432)}: {what}"
    return _line(what, next((advice for words, advice in _CONNECT_ADVICE.items() if words in what), None))


def _line(what: str, advice: str | None) -> str:
    one_line = "; ".join(line.strip() for line in what.splitlines() if line.strip())
    return f"database: {one_line}" + (f" ({advice})" if advice else "")
