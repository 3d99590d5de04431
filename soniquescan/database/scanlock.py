"""One scan of a database at a time: an advisory lock, which the server takes back when its holder's connection ends.

It belongs to a connection, so that of a killed scan is free at once. It does not survive a PgBouncer that pools
transactions (nor do the staging tables): such a database is scanned past it.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database import Database
from soniquescan.database.connection import wrap_errors
from soniquescan.database.session import Session
from soniquescan.database.sql import read_sql
from soniquescan.errors import DatabaseError, ScanRunsError

logger = logging.getLogger(__name__)

SCAN = "scan"

# One number in the whole database by which two processes mean the same lock. It has no meaning.
_KEY = 736_145_092

# A scan that was killed in the middle of a statement holds the lock until the server notices, see session.sql.
_GRACE_S = 0.5
_POLL_INTERVAL_S = 0.1

# How the holder calls its session: what it does, the scan's id, its process and where that runs.
_NAME = re.compile(r"soniquescan: (\w+)(?: (\d+))?, process (\d+) on (.*)")


_OVERTAKEN = "it began while the connection was lost, so this one ends (what was committed is kept)"


class _Backend(NamedTuple):
    """One session of the server; the number alone may be another's by now."""

    pid: int
    started_at: datetime | None


class _Holder(NamedTuple):
    """Who has the lock."""

    backend: _Backend
    name: str | None


def _nothing(_line: str) -> None:
    """Tell nobody."""


class ScanLock:
    """Takes the lock by one connection of a session after another: `hold` is what prepares each of them."""

    def __init__(self, *, doing: str = SCAN, wait_s: float = 0.0, tell: Callable[[str], None] = _nothing) -> None:
        """`doing` is what others are told, `wait_s` how long to wait for them; `tell` hears one line if that is so."""
        self._doing = doing
        self._wait_s = wait_s
        self._tell = tell
        self._scan_id: int | None = None
        self._was_taken = False
        self._backends: set[_Backend] = set()  # ours, the lost ones too

    def hold(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Take the lock by a new connection: for the first time, or again after the connection before was lost.

        Raises `ScanRunsError` if somebody else has it, and `DatabaseError` if somebody has taken it in between.
        """
        with wrap_errors():
            self._backends.add(_own_backend(connection))
            self._name_session(connection)
            if self._was_taken:
                self._take_again(connection)
            else:
                self._take_first(connection)
                self._was_taken = True

    def begin(self, connection: psycopg.Connection[TupleRow], scan_id: int) -> None:
        """Note the scan that has begun: others are told of it, and it ends if one of them overtakes it."""
        self._scan_id = scan_id
        with wrap_errors():
            self._name_session(connection)

    def _name_session(self, connection: psycopg.Connection[TupleRow]) -> None:
        # This is what the server shows to those who find the lock taken.
        what = self._doing if self._scan_id is None else f"{self._doing} {self._scan_id}"
        name = f"soniquescan: {what}, process {os.getpid()} on {socket.gethostname()}"
        connection.execute("SELECT set_config('application_name', %s, false)", [name])

    def _take_first(self, connection: psycopg.Connection[TupleRow]) -> None:
        # Asked for again and again: a signal interrupts that at once, which no wait inside the server promises.
        deadline_s = time.monotonic() + max(self._wait_s, _GRACE_S)
        is_told = self._wait_s <= 0
        while not _try(connection):
            holder = _find_holder(connection)
            if holder is not None and time.monotonic() >= deadline_s:
                raise ScanRunsError(f"{_describe(connection, holder)}; --wait SECONDS waits for its end")
            if holder is not None and not is_told:
                line = f"{_describe(connection, holder)}: waiting for up to {self._wait_s:g} s"
                logger.info("%s", line)
                self._tell(line)
                is_told = True
            time.sleep(_POLL_INTERVAL_S)

    def _take_again(self, connection: psycopg.Connection[TupleRow]) -> None:
        if not _try(connection):
            holder = _find_holder(connection)
            if holder is not None and holder.backend not in self._backends:
                raise DatabaseError(f"{_describe(connection, holder)}: {_OVERTAKEN}")
            if holder is not None:
                # Our own, which waits for us at the other end of a line that is cut.
                query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"
                connection.execute(query, holder.backend)
            raise psycopg.errors.LockNotAvailable("the lost connection still has the lock")  # tried again soon
        if self._scan_id is not None and not _is_running(connection, self._scan_id):
            raise DatabaseError(f"another scan of this database has run: {_OVERTAKEN}")


@contextmanager
def hold(
    database: Database, wait_s: float, *, doing: str, retry_s: float, tell: Callable[[str], None] = _nothing
) -> Iterator[Session]:
    """Hold the lock while the block runs; yield the session that does.

    Raises `ScanRunsError` if somebody else has it for longer than `wait_s`.
    """
    lock = ScanLock(doing=doing, wait_s=wait_s, tell=tell)
    with Session(
        database.conninfo,
        application_name="soniquescan",
        retry_s=retry_s,
        prepare=lock.hold,
        revive=database.revive,
        tell=tell,
    ) as session:
        session.check()
        yield session


def _try(connection: psycopg.Connection[TupleRow]) -> bool:
    return connection.execute("SELECT pg_try_advisory_lock(%s::bigint)", [_KEY]).fetchone() == (True,)


def _own_backend(connection: psycopg.Connection[TupleRow]) -> _Backend:
    query = "SELECT pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    row = connection.execute(query).fetchone()
    return _Backend(*row) if row is not None else _Backend(connection.info.backend_pid, None)


def _find_holder(connection: psycopg.Connection[TupleRow]) -> _Holder | None:
    row = connection.execute(read_sql("find_scan_lock").encode(), {"key": _KEY}).fetchone()
    return None if row is None else _Holder(_Backend(row[0], row[1]), row[2])


def _is_running(connection: psycopg.Connection[TupleRow], scan_id: int) -> bool:
    query = "SELECT FROM scans WHERE id = %s AND status = 'running'"
    return connection.execute(query, [scan_id]).fetchone() is not None


def _describe(connection: psycopg.Connection[TupleRow], holder: _Holder) -> str:
    """Return who it is that has the lock."""
    match = _NAME.fullmatch(holder.name or "")
    if match is None:  # a PgBouncer, or an administrator, has named the session
        return "another scan of this database runs"
    doing, scan_id, process, host = match.groups()
    details = [f"process {process} on {host}"]
    if scan_id is not None:
        details = [f"scan {scan_id}", *_since(connection, scan_id), *details]
    return f"{'another scan' if doing == SCAN else f'a {doing}'} of this database runs ({', '.join(details)})"


def _since(connection: psycopg.Connection[TupleRow], scan_id: str) -> list[str]:
    with suppress(psycopg.Error):  # it is no more than a courtesy
        row = connection.execute("SELECT started_at FROM scans WHERE id = %s", [scan_id]).fetchone()
        if row is not None:
            return [f"since {row[0]:%Y-%m-%d %H:%M:%S} UTC"]
    return []
