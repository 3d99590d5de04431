from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from threading import Timer

import pytest

from soniquescan.database import Database
from soniquescan.database.connection import connect
from soniquescan.database.scanlock import _GRACE_S, ScanLock, hold
from soniquescan.database.session import Session
from soniquescan.database.sql import read_sql
from soniquescan.errors import DatabaseError, Interrupted, ScanRunsError
from tests.servers import running, wait_until

LONG_S = 600.0  # longer than a test may take
HERE = f"process {os.getpid()} on {socket.gethostname()}"

# Holds the lock in the middle of a statement until it is killed.
HOLDER = """
import sys
from soniquescan.database import Database
from soniquescan.database.scanlock import hold
with hold(Database(sys.argv[1], revive=lambda: None), 0, doing="scan", retry_s=0) as session:
    session.run(lambda connection: (print("held", flush=True), connection.execute("SELECT pg_sleep(1000)")))
"""


def never():
    raise AssertionError("there was nothing to revive")


@pytest.fixture
def lock(database):
    """A function that holds the lock of the test's database, as long as a `with`."""
    return lambda wait_s=0.0, *, doing="scan", **options: hold(
        Database(database, revive=lambda: None), wait_s, doing=doing, retry_s=LONG_S, **options
    )


@pytest.fixture
def administrator(database):
    """A connection beside the sessions."""
    with connect(database, application_name="administrator") as connection:
        yield connection


class ScanSession:
    """A session that holds the lock for a scan that it has begun, as the pipeline does."""

    def __init__(self, dsn):
        self.lock = ScanLock()
        self.session = Session(dsn, application_name="tests", retry_s=LONG_S, prepare=self.lock.hold)
        self.scan_id = self.session.run(begin_scan)
        self.session.run(lambda connection: self.lock.begin(connection, self.scan_id))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()

    @property
    def backend(self):
        return self.session.run(lambda connection: connection.info.backend_pid)


def begin_scan(connection):
    """Note a scan, and that no other one runs, as `scans.begin` does."""
    connection.execute(read_sql("end_dead_scans").encode())
    return connection.execute("INSERT INTO scans (roots, settings) VALUES ('{}', '{}') RETURNING id").fetchone()[0]


def end_backend(administrator, pid):
    administrator.execute("SELECT pg_terminate_backend(%s, 20000)", [pid])


def end_waiting_backends(administrator):
    [holder] = holders(administrator)
    administrator.execute(
        "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid NOT IN (%s, pg_backend_pid())",
        [holder],
    )


def holders(administrator):
    return [pid for (pid,) in administrator.execute("SELECT pid FROM pg_locks WHERE locktype = 'advisory'")]


class TestOneAtATime:
    def test_second_one_is_told_which_scan_runs_since_when_and_where(self, database, lock, administrator):
        with ScanSession(database) as first:
            with pytest.raises(ScanRunsError) as caught, lock():
                pass
            query = "SELECT to_char(started_at, 'YYYY-MM-DD HH24:MI:SS') FROM scans WHERE id = %s"
            since = administrator.execute(query, [first.scan_id]).fetchone()[0]
        assert str(caught.value) == (
            f"another scan of this database runs (scan {first.scan_id}, since {since} UTC, {HERE}); "
            "--wait SECONDS waits for its end"
        )

    def test_scan_that_has_yet_to_begin_or_has_no_tables_yet(self, empty_database):
        database = Database(empty_database, never)
        message = rf"another scan of this database runs \({re.escape(HERE)}\);"
        with (
            hold(database, 0, doing="scan", retry_s=0),
            pytest.raises(ScanRunsError, match=message),
            hold(database, 0, doing="scan", retry_s=0),
        ):
            pass

    def test_purge_is_called_one(self, lock):
        with lock(doing="purge"), pytest.raises(ScanRunsError, match=r"^a purge of this database runs \("), lock():
            pass

    def test_holder_under_another_name(self, lock):
        with lock() as first:
            first.run(lambda connection: connection.execute("SET application_name TO 'pooled'"))
            with pytest.raises(ScanRunsError, match=r"^another scan of this database runs; --wait"), lock():
                pass

    def test_other_databases_have_locks_of_their_own(self, lock, fresh_database):
        with lock(), hold(Database(fresh_database(), never), 0, doing="scan", retry_s=0):
            pass

    def test_readers_are_not_kept_out(self, database, lock):
        with lock(), connect(database, application_name="reader") as reader:
            assert reader.execute("SELECT count(*) FROM tracks").fetchone() == (0,)

    def test_it_is_free_after_the_block(self, lock):
        for _ in range(3):
            with lock():
                pass

    def test_that_of_a_process_killed_in_the_middle_of_a_statement_is_soon_free(self, database, lock):
        with subprocess.Popen([sys.executable, "-c", HOLDER, database], stdout=subprocess.PIPE) as process:
            assert process.stdout.readline() == b"held\n"
            process.kill()
        with lock(20.0):
            pass


class TestWaiting:
    def test_until_the_other_one_ends(self, lock):
        told = []
        with ExitStack() as other:
            other.enter_context(lock())

            def tell(line):
                told.append(line)
                Timer(2 * _GRACE_S, other.close).start()  # those who do not wait have left by then

            with lock(LONG_S, tell=tell) as session:
                session.check()
        assert told == [f"another scan of this database runs ({HERE}): waiting for up to 600 s"]

    def test_for_no_longer_than_asked(self, lock):
        with lock(), pytest.raises(ScanRunsError), lock(0.6):
            pass

    def test_a_signal_ends_it(self, lock):
        def interrupt(number, _frame):
            raise Interrupted(number)

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            alarm = lock(LONG_S, tell=lambda _: signal.setitimer(signal.ITIMER_REAL, 0.01))
            with lock(), pytest.raises(Interrupted), alarm:
                pass
        finally:
            signal.signal(signal.SIGALRM, before)

    def test_the_connection_may_be_lost_meanwhile(self, lock, administrator):
        told = []
        with ExitStack() as other:
            other.enter_context(lock())

            def tell(line):
                told.append(line)
                if "waiting" in line:
                    end_waiting_backends(administrator)
                else:
                    other.close()

            with lock(LONG_S, tell=tell) as session:
                assert holders(administrator) == [session.run(lambda connection: connection.info.backend_pid)]
        assert len(told) == 2


class TestLostConnection:
    def test_the_next_one_holds_it_again(self, database, lock, administrator):
        with ScanSession(database) as scan:
            before = scan.backend
            end_backend(administrator, before)
            scan.session.check()
            assert scan.backend != before
            assert holders(administrator) == [scan.backend]
            with pytest.raises(ScanRunsError, match=f"scan {scan.scan_id}, since"), lock():
                pass

    def test_it_is_taken_from_our_own_backend_when_the_line_was_cut(self, database, administrator):
        with ScanSession(database) as scan:
            before = scan.backend
            cut = cut_line(scan.session)
            assert holders(administrator) == [before]
            scan.session.check()
            assert holders(administrator) == [scan.backend]
            assert scan.backend != before
            os.close(cut)

    def test_scan_overtaken_by_one_that_runs_ends(self, database, lock, administrator):
        with ScanSession(database) as scan:
            end_backend(administrator, scan.backend)
            with lock(), pytest.raises(DatabaseError, match=r"another scan .*runs \(.*\): it began while") as caught:
                scan.session.check()
        assert not isinstance(caught.value, ScanRunsError)  # this one had begun, and has failed

    def test_scan_overtaken_by_one_that_is_over_ends(self, database, administrator):
        with ScanSession(database) as scan:
            end_backend(administrator, scan.backend)
            with ScanSession(database):
                pass
            wait_until(lambda: holders(administrator) == [])
            with pytest.raises(DatabaseError, match="another scan of this database has run: it began while"):
                scan.session.check()

    def test_purge_in_between_is_no_reason_to_end(self, database, lock, administrator):
        with ScanSession(database) as scan:
            end_backend(administrator, scan.backend)
            with lock(doing="purge"):
                pass
            wait_until(lambda: holders(administrator) == [])
            scan.session.check()

    def test_restart_of_the_server(self, data_folder):
        with running(data_folder, "--fsync=off") as server:
            told = []
            with hold(Database(server.dsn, lambda: None), 0, doing="scan", retry_s=LONG_S, tell=told.append) as session:
                server.restart()
                session.check()
                with connect(server.dsn, application_name="administrator") as administrator:
                    assert holders(administrator) == [session.run(lambda connection: connection.info.backend_pid)]
            assert len(told) == 1


def cut_line(session):
    """Cut the line between us and the server so that it does not notice; return its end, to be closed."""
    socket_number = session.fileno()
    line = os.dup(socket_number)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.dup2(ours.fileno(), socket_number)
    return line


def test_rows_of_scans_that_have_died_are_ended_by_the_next_one(connection):
    dead = [begin_scan(connection)]
    connection.execute("UPDATE scans SET status = 'failed', finished_at = '2020-01-01' WHERE id = %s", [dead[0]])
    dead += [begin_scan(connection)]
    begin_scan(connection)
    rows = connection.execute("SELECT status, finished_at > '2020-01-02' FROM scans ORDER BY id").fetchall()
    assert rows == [("failed", False), ("interrupted", True), ("running", None)]
