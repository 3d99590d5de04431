"""Each failure is made for real: servers that stop, backends that are terminated, others that are in the way."""

from __future__ import annotations

import select
import signal
from threading import Thread

import psycopg
import pytest

from soniquescan.database.connection import connect, wrap_errors
from soniquescan.database.session import Session
from soniquescan.errors import DatabaseError, Interrupted
from tests.servers import running, wait_until

LONG_S = 600.0  # longer than a test may take


def session_on(dsn, *, retry_s=LONG_S, **options):
    return Session(dsn, application_name="tests", retry_s=retry_s, **options)


@pytest.fixture
def own_server(data_folder):
    """A server of the test's own, to be stopped."""
    with running(data_folder, "--fsync=off") as server:
        yield server


@pytest.fixture
def told():
    """The lines that the user has been told."""
    return []


@pytest.fixture
def session(database, told):
    """A session on the test's database; the user waits for long."""
    with session_on(database, tell=told.append) as session:
        yield session


@pytest.fixture
def administrator(database):
    """A connection beside the session's."""
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def terminate(administrator):
    """A function that ends the backend of a connection."""

    def terminate(connection):
        administrator.execute("SELECT pg_terminate_backend(%s, 20000)", [connection.info.backend_pid])

    return terminate


class Work:
    """Fails in its first run, or in its first few, by what `hinder` does between its two statements."""

    def __init__(self, hinder, hindered_runs=1):
        self.runs = 0
        self.backends = []
        self._hinder = hinder
        self._hindered_runs = hindered_runs

    def __call__(self, connection):
        self.runs += 1
        self.backends.append(connection.info.backend_pid)
        with connection.transaction():
            connection.execute("CREATE TABLE IF NOT EXISTS public.lines (line text)")
            connection.execute("INSERT INTO public.lines VALUES ('first')")
            if self.runs <= self._hindered_runs:
                self._hinder(connection)
            connection.execute("INSERT INTO public.lines VALUES ('second')")
        return connection.execute("SELECT line FROM public.lines").fetchall()


BOTH_ONCE = [("first",), ("second",)]


class TestLostConnection:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
    def test_restart_in_the_middle_of_a_transaction(self, own_server, told, number):
        work = Work(lambda _: own_server.restart(number))
        with session_on(own_server.dsn, tell=told.append) as session:
            assert session.run(work) == BOTH_ONCE
        assert work.runs == 2
        [line] = told
        assert line.startswith("the database connection was lost (")
        assert line.endswith("): trying again for up to 600 s")
        assert "\n" not in line

    def test_server_that_is_away_for_a_while(self, own_server):
        told = []

        def tell(line):
            told.append(line)
            own_server.start()

        work = Work(lambda _: own_server.stop())
        with session_on(own_server.dsn, tell=tell) as session:
            assert session.run(work) == BOTH_ONCE
        assert len(told) == 1

    def test_terminated_backend(self, session, told, terminate):
        work = Work(terminate)
        assert session.run(work) == BOTH_ONCE
        assert len(set(work.backends)) == 2
        assert "terminating connection due to administrator command" in told[0]

    def test_lost_again_and_again(self, session, told, terminate):
        work = Work(terminate, hindered_runs=3)
        assert session.run(work) == BOTH_ONCE
        assert len(set(work.backends)) == 4
        assert len(told) == 1

    def test_while_nothing_is_done(self, session, terminate):
        session.run(terminate)
        assert session.run(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)

    def test_while_rows_are_read(self, session, terminate):
        statement = "COPY (SELECT n FROM generate_series(1, 1000000) AS n) TO STDOUT"
        lost = []

        def count(connection):
            with connection.cursor().copy(statement) as copy:
                rows = 0
                for _ in copy:
                    if not lost:
                        lost.append(True)
                        terminate(connection)
                    rows += 1
            return rows

        assert session.run(count) == 1_000_000

    def test_while_rows_are_written(self, session, terminate):
        lost = []

        def write(connection):
            with connection.transaction():
                connection.execute("CREATE TABLE public.numbers (number integer)")
                with connection.cursor().copy("COPY public.numbers FROM STDIN") as copy:
                    for number in range(100_000):
                        if number == 50_000 and not lost:
                            lost.append(True)
                            terminate(connection)
                        copy.write_row((number,))
            return connection.execute("SELECT count(*) FROM public.numbers").fetchone()

        assert session.run(write) == (100_000,)

    def test_error_that_is_wrapped_already(self, session, terminate):
        work = Work(terminate)

        def wrapped(connection):
            with wrap_errors():
                return work(connection)

        assert session.run(wrapped) == BOTH_ONCE

    def test_each_connection_is_prepared(self, database, terminate):
        def prepare(connection):
            connection.execute("CREATE TEMPORARY TABLE prepared AS SELECT pg_backend_pid()")

        read = "SELECT * FROM prepared"
        with session_on(database, prepare=prepare) as session:
            session.run(terminate)
            pid, prepared = session.run(lambda each: (each.info.backend_pid, each.execute(read).fetchone()))
        assert prepared == (pid,)

    def test_lost_while_it_is_prepared(self, database, terminate):
        backends = []

        def prepare(connection):
            backends.append(connection.info.backend_pid)
            if len(backends) == 1:
                terminate(connection)
            connection.execute("SELECT 1")

        with session_on(database, prepare=prepare) as session:
            assert session.run(lambda connection: connection.info.backend_pid) == backends[1]

    def test_check_makes_it_again_when_its_socket_says_so(self, session, terminate):
        session.check()
        lost = session.fileno()
        assert not is_readable(lost, 0)
        session.run(terminate)
        assert is_readable(lost, 20)
        session.check()
        assert not is_readable(session.fileno(), 0)

    def test_what_revives_the_server_is_called_before_each_try(self, own_server):
        revived = []

        def revive():
            revived.append(True)
            if len(revived) == 3:
                own_server.start()

        with session_on(own_server.dsn, revive=revive) as session:
            session.check()
            assert revived == []
            assert session.run(Work(lambda _: own_server.stop())) == BOTH_ONCE
        assert len(revived) == 3

    def test_what_revives_the_server_may_end_the_tries(self, own_server):
        def revive():
            raise DatabaseError("its disk is full")

        with (
            session_on(own_server.dsn, revive=revive) as session,
            pytest.raises(DatabaseError, match="its disk is full"),
        ):
            session.run(Work(lambda _: own_server.stop()))


class TestOthersInTheWay:
    @pytest.fixture
    def table(self, administrator):
        administrator.execute("CREATE TABLE counters AS SELECT * FROM (VALUES ('a', 0), ('b', 0)) AS v (name, number)")

    @pytest.fixture
    def add(self):
        def add(connection, name):
            connection.execute("UPDATE public.counters SET number = number + 1 WHERE name = %s", [name])

        return add

    @pytest.mark.usefixtures("table")
    def test_deadlock(self, session, told, database, administrator, add):
        backends = []
        with psycopg.connect(database) as other:
            other.execute("SET deadlock_timeout TO '1h'")  # it is not the victim
            add(other, "b")

            def finish_other():
                add(other, "a")
                other.commit()

            thread = Thread(target=finish_other)

            def work(connection):
                backends.append(connection.info.backend_pid)
                with connection.transaction():
                    connection.execute("SET LOCAL deadlock_timeout TO '10ms'")
                    add(connection, "a")
                    if len(backends) == 1:
                        thread.start()
                        wait_until(lambda: waits_for_lock(administrator, other))
                    add(connection, "b")

            session.run(work)
            thread.join()
        assert administrator.execute("SELECT name, number FROM counters ORDER BY name").fetchall() == [
            ("a", 2),
            ("b", 2),
        ]
        assert len(backends) == 2
        assert len(set(backends)) == 1  # the connection was kept
        assert told == []

    @pytest.mark.usefixtures("table")
    def test_serialization_failure(self, session, administrator, add):
        runs = []

        def work(connection):
            runs.append(True)
            with connection.transaction():
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                connection.execute("SELECT FROM public.counters")
                if len(runs) == 1:
                    add(administrator, "a")
                add(connection, "a")

        session.run(work)
        assert administrator.execute("SELECT number FROM counters WHERE name = 'a'").fetchone() == (2,)

    @pytest.mark.usefixtures("table")
    def test_lock_that_is_not_available(self, session, database):
        runs = []
        with psycopg.connect(database) as other:
            other.execute("LOCK TABLE counters")

            def work(connection):
                runs.append(True)
                if len(runs) == 2:
                    other.rollback()
                connection.execute("BEGIN")  # and nobody here who would roll back
                connection.execute("LOCK TABLE public.counters NOWAIT")
                connection.execute("COMMIT")

            session.run(work)
        assert len(runs) == 2


class TestFirstConnection:
    def test_too_many_connections(self, data_folder):
        options = ("--max_connections=3", "--superuser_reserved_connections=0", "--fsync=off")
        with running(data_folder, *options) as server:
            others = [psycopg.connect(server.dsn) for _ in range(3)]
            told = []

            def tell(line):
                told.append(line)
                others.pop().close()

            with session_on(server.dsn, tell=tell) as session:
                assert session.run(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
            for other in others:
                other.close()
        assert "sorry, too many clients already): trying again" in told[0]
        assert "connection was lost" not in told[0]

    def test_too_many_connections_for_too_long(self, data_folder):
        options = ("--max_connections=2", "--superuser_reserved_connections=0", "--fsync=off")
        with running(data_folder, *options) as server:
            message = r"too many clients already; tried again for 0\.2 s, in vain"
            with (
                psycopg.connect(server.dsn),
                psycopg.connect(server.dsn),
                session_on(server.dsn, retry_s=0.2) as session,
                pytest.raises(DatabaseError, match=message),
            ):
                session.check()

    def test_server_that_shuts_down_and_comes_up_again(self, own_server):
        keeps_it_up = psycopg.connect(own_server.dsn)
        own_server.ask_to_stop(signal.SIGTERM)
        told = []

        def tell(line):
            told.append(line)
            keeps_it_up.close()
            own_server.restart(signal.SIGINT)

        with session_on(own_server.dsn, tell=tell) as session:
            wait_until(lambda: is_shutting_down(own_server.dsn))
            assert session.run(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
        assert "the database system is shutting down): trying again" in told[0]

    @pytest.mark.parametrize(
        "changes", [{"host": "127.0.0.1", "port": 1}, {"dbname": "nothing"}, {"password": "wrong"}]
    )
    def test_mistakes_in_the_dsn_are_said_at_once(self, tcp_server, told, changes):
        dsn = psycopg.conninfo.make_conninfo("", **tcp_server | changes)
        with session_on(dsn, tell=told.append) as session, pytest.raises(DatabaseError, match="check"):
            session.check()
        assert told == []

    def test_server_that_has_just_gone_is_waited_for_by_a_dsn_that_is_proven(self, own_server):
        own_server.stop()
        with session_on(own_server.dsn, is_proven=True, tell=lambda _: own_server.start()) as session:
            assert session.run(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)


class TestEnd:
    def test_server_that_stays_away(self, own_server):
        work = Work(lambda _: own_server.stop())
        with session_on(own_server.dsn, retry_s=0.3) as session:
            with pytest.raises(DatabaseError) as caught:
                session.run(work)
            message = str(caught.value)
            assert message.startswith("database: the connection was lost (")
            assert "); tried again for 0.3 s, in vain: connection to server on socket" in message
            assert message.endswith("(check that the server runs; what was committed is kept)")
            assert "\n" not in message
            own_server.start()
            with pytest.raises(DatabaseError, match="the connection was lost"):  # what comes now has no time left
                session.check()
        assert work.runs == 1

    def test_without_patience_the_first_failure_passes(self, database, terminate):
        with session_on(database, retry_s=0) as session, pytest.raises(DatabaseError, match="administrator command"):
            session.run(Work(terminate))

    @pytest.mark.parametrize(
        ("statement", "error"),
        [
            ("SELECT 1 / 0", "division by zero"),
            ("SELECT nonsense", 'column "nonsense" does not exist'),
            ("SELECT %s", "the query has 1 placeholder"),  # says psycopg itself
        ],
    )
    def test_mistakes_pass_at_once_and_spoil_nothing(self, session, told, statement, error):
        runs = []

        def work(connection):
            runs.append(True)
            connection.execute(statement, [] if "%" in statement else None)

        with pytest.raises(DatabaseError, match=error):
            session.run(work)
        assert len(runs) == 1
        assert told == []
        session.check()

    def test_misuse_passes_at_once(self, session, told):
        def work(connection):
            connection.pgconn.send_query(b"SELECT 1")
            connection.execute("SELECT 1")

        with pytest.raises(DatabaseError, match="another command is already in progress"):
            session.run(work)
        assert told == []

    def test_database_that_was_dropped(self, server, fresh_database, told):
        dsn = fresh_database()
        name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
        with (
            psycopg.connect(server, autocommit=True) as owner,
            session_on(dsn, tell=told.append) as session,
        ):
            work = Work(lambda _: owner.execute(f"DROP DATABASE {name} WITH (FORCE)"))
            with pytest.raises(DatabaseError, match=f'database "{name}" does not exist'):
                session.run(work)

    def test_signal_in_a_pause(self, own_server):
        def interrupt(number, _frame):
            raise Interrupted(number)

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            with Session(
                own_server.dsn,
                application_name="tests",
                retry_s=LONG_S,
                tell=lambda _: signal.setitimer(signal.ITIMER_REAL, 0.01),
            ) as session:
                with pytest.raises(Interrupted):
                    session.run(Work(lambda _: own_server.stop()))
                with pytest.raises(DatabaseError):  # whoever is interrupted does not wait again
                    session.check()
        finally:
            signal.signal(signal.SIGALRM, before)

    def test_after_giving_up_an_open_connection_serves_and_a_lost_one_is_not_made_again(self, session, terminate):
        session.check()
        session.give_up()
        session.check()
        with pytest.raises(DatabaseError, match="administrator command"):
            session.run(Work(terminate))
        with pytest.raises(DatabaseError, match="the connection was lost"):
            session.check()

    def test_session_over_a_connection_is_that_connection(self, connection, terminate):
        session = Session.over(connection)
        assert session.run(lambda each: each) is connection
        with pytest.raises(DatabaseError, match="administrator command"):
            session.run(Work(terminate))
        with pytest.raises(DatabaseError, match="the connection was lost"):
            session.check()


def is_readable(fileno, timeout_s):
    return bool(select.select([fileno], [], [], timeout_s)[0])


def waits_for_lock(administrator, other):
    query = "SELECT FROM pg_locks WHERE pid = %s AND NOT granted"
    return administrator.execute(query, [other.info.backend_pid]).fetchone() is not None


def is_shutting_down(dsn):
    try:
        connect(dsn, application_name="tests").close()
    except DatabaseError as exc:
        return "shutting down" in str(exc)
    return False
