"""Keeps a scan at a chosen moment, by locks on what it is about to write, for something to be done to it there."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import write
from soniquescan.database.connection import connect
from soniquescan.errors import DatabaseError
from tests.servers import wait_until

MOMENTS = ("first commit", "between commits", "settling")

# Two fill a transaction, so that a few files with it take several.
LONG_TEXT = "la " * 1_400_000


def put_long_texts(folder, numbers, **tags):
    """Write some files of much text."""
    folder.mkdir(exist_ok=True)
    for number in numbers:
        values = {"artist": [f"Bard {number}"], "lyrics": [LONG_TEXT]}
        write(folder / f"{number}.flac", FORMATS["flac"].render(values | tags, length_ms=1_000))


@contextmanager
def held_at(moment, dsn, go_on=lambda: None):
    """Wait until the scan that runs is at one of the moments, and keep it there while the block runs.

    `go_on` is called when it can no longer get past that moment.
    """
    with ExitStack() as stack:
        connection = stack.enter_context(closing(_connect_once_it_has_begun(dsn)))
        # What the end of a scan changes, and each commit of tracks with genres; reading does not.
        table = "roots" if moment == "settling" else "genres"
        lock = f"LOCK TABLE {table} IN EXCLUSIVE MODE"
        connection.execute("BEGIN")
        connection.execute(lock)
        go_on()
        wait_until(lambda: _waiting(connection, table) == 1)
        if moment == "between commits":
            second = stack.enter_context(closing(connect(dsn, application_name="tests")))
            second.execute("BEGIN")
            second.pgconn.send_query(lock.encode())
            wait_until(lambda: _waiting(connection, table) == 2)
            connection.execute("COMMIT")  # The scan is the first in the queue, and then the last.
            wait_until(lambda: _waits_again(connection, second, table))
        yield


def _connect_once_it_has_begun(dsn):
    found = []

    def has_begun():
        try:
            connection = connect(dsn, application_name="tests")
        except DatabaseError:  # an embedded server has yet to start
            return False
        table = "SELECT FROM pg_tables WHERE schemaname = 'soniquescan' AND tablename = 'scan_changes'"
        if finds(connection, table) and finds(connection, "SELECT FROM scans WHERE status = 'running'"):
            found.append(connection)
            return True
        connection.close()
        return False

    wait_until(has_begun)
    return found[0]


def finds(connection, query, *parameters):
    return connection.execute(query, parameters).fetchone() is not None


def _waiting(connection, table):
    query = "SELECT count(*) FROM pg_locks WHERE relation = %s::regclass AND NOT granted"
    return connection.execute(query, [table]).fetchone()[0]


def _waits_again(connection, second, table):
    query = "SELECT FROM pg_locks WHERE relation = %s::regclass AND pid = %s AND mode = 'ExclusiveLock' AND granted"
    return finds(connection, query, table, second.info.backend_pid) and _waiting(connection, table) == 1
