"""Connections to PostgreSQL: how they are made, how rows are copied, and the one border of psycopg's exceptions."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_dumps

from soniquescan import copyformat
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


class Prospect(Enum):
    """What there is to hope for when the same is tried again after an error."""

    NONE = auto()  # it would fail again
    PASSING = auto()  # passes by itself: too many connections, a server that starts or stops, a deadlock
    UNREACHABLE = auto()  # a server that is down for a moment, or a wrong address


# SQLSTATEs, or their beginnings, of what passes by itself; of the first the connection is not lost.
_CONFLICTS = (
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock not available
)
_PASSING = (
    *_CONFLICTS,
    "08",  # the connection was lost
    "25P03",  # idle_in_transaction_session_timeout
    "53300",  # too many connections
    "57P01",  # the backend was terminated, mostly since the server is shut down
    "57P02",  # another backend has crashed
    "57P03",  # the server starts up or shuts down
    "57P05",  # idle_session_timeout
)


class _ConnectFailure(NamedTuple):
    advice: str
    prospect: Prospect


# libpq gives no SQLSTATE when it cannot connect, so its words must do. A server that speaks another language
# gets no advice here, but its own message.
_CONNECT_FAILURES = {
    "password authentication failed": _ConnectFailure(_ADVICE["28"], Prospect.NONE),
    "no password supplied": _ConnectFailure(_ADVICE["28"], Prospect.NONE),
    "no pg_hba.conf entry": _ConnectFailure(
        "the server does not let this user in from here: see its pg_hba.conf", Prospect.NONE
    ),
    "does not exist": _ConnectFailure(
        "check user and database of the DSN; a database is made with CREATE DATABASE", Prospect.NONE
    ),
    "permission denied for database": _ConnectFailure("ask its owner to GRANT CONNECT", Prospect.NONE),
    "too many": _ConnectFailure(_ADVICE["53300"], Prospect.PASSING),
    "remaining connection slots": _ConnectFailure(_ADVICE["53300"], Prospect.PASSING),
    "no more connections allowed": _ConnectFailure(_ADVICE["53300"], Prospect.PASSING),  # PgBouncer's words
    "the database system is": _ConnectFailure(_ADVICE["57P03"], Prospect.PASSING),
    "resolve host": _ConnectFailure("check the host's name in the DSN", Prospect.UNREACHABLE),
    "Connection refused": _ConnectFailure(
        "check host and port of the DSN, and that a server listens there", Prospect.UNREACHABLE
    ),
    "No such file or directory": _ConnectFailure(
        "check host and port of the DSN, and that a server runs there", Prospect.UNREACHABLE
    ),
    "timeout expired": _ConnectFailure(
        "check host and port of the DSN, and that no firewall is between", Prospect.UNREACHABLE
    ),
}

# What psycopg was at when libpq said something.
_PREFIX = re.compile("(connection failed|connection is bad|consuming input failed|sending query failed): ")

_UNREADABLE_DSN = (
    "the DSN cannot be read: write it as postgresql://user:password@host/database with the signs @ : / % in a "
    "password as %40 %3A %2F %25, or as 'host=… dbname=… user=… password=…'"
)


class CopyTarget(NamedTuple):
    """Where `copy_rows` puts its rows: the columns in the order of the rows' fields."""

    table: str
    columns: tuple[str, ...]

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


def copy_rows(connection: psycopg.Connection[TupleRow], target: CopyTarget, rows: Collection[bytes]) -> None:
    """Append rows to a table that are spelled as `soniquescan.copyformat` does, whole or in parts; if there are any."""
    if not rows:
        return
    with connection.cursor() as cursor, cursor.copy(target.statement()) as copy:
        copy.write(b"".join([copyformat.HEADER, *rows, copyformat.TRAILER]))


@contextmanager
def wrap_errors() -> Iterator[None]:
    """Turn psycopg's exceptions into a `DatabaseError` with one line: what happened, and what to do."""
    try:
        yield
    except psycopg.Error as exc:
        raise DatabaseError(_message(exc)) from exc


def prospect(exc: psycopg.Error | DatabaseError) -> Prospect:
    """Return what there is to hope for after an error, of psycopg or of a function here that has wrapped that."""
    cause = exc.__cause__ if isinstance(exc, DatabaseError) else exc
    if not isinstance(cause, psycopg.Error):
        return Prospect.NONE
    if cause.sqlstate is not None:
        return Prospect.PASSING if cause.sqlstate.startswith(_PASSING) else Prospect.NONE
    if not isinstance(cause, (psycopg.OperationalError, psycopg.InterfaceError)):
        return Prospect.NONE  # psycopg itself has refused what it was given
    failure = _connect_failure(str(cause))
    return failure.prospect if failure else Prospect.UNREACHABLE


def is_conflict(exc: psycopg.Error | DatabaseError) -> bool:
    """Return whether it was another process that was in the way; the connection is as good as before then."""
    cause = exc.__cause__ if isinstance(exc, DatabaseError) else exc
    return isinstance(cause, psycopg.Error) and (cause.sqlstate or "").startswith(_CONFLICTS)


def reason(exc: psycopg.Error | DatabaseError) -> str:
    """Return what has happened, on one line and without advice."""
    cause = exc.__cause__ if isinstance(exc, DatabaseError) else exc
    if not isinstance(cause, psycopg.Error):
        return str(exc)
    return " ".join((cause.diag.message_primary or _first_line(cause)).split())


def _first_line(exc: psycopg.Error) -> str:
    """Return libpq's words without its advice, which is less to the point than ours and stands on further lines."""
    return _PREFIX.sub("", str(exc).partition("\n")[0])


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
    what = _first_line(exc)
    if "timeout expired" in what:  # the one message that does not say where
        what = f"{parameters.get('host', 'local socket')}, port {parameters.get('port', 5432)}: {what}"
    failure = _connect_failure(what)
    return _line(what, failure and failure.advice)


def _connect_failure(what: str) -> _ConnectFailure | None:
    return next((failure for words, failure in _CONNECT_FAILURES.items() if words in what), None)


def _line(what: str, advice: str | None) -> str:
    one_line = "; ".join(line.strip() for line in what.splitlines() if line.strip())
    return f"database: {one_line}" + (f" ({advice})" if advice else "")
