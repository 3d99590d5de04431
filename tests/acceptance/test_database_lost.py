"""The server goes away in the middle of a scan: a restart costs no more than time; one that stays away ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager, suppress

import psutil
import psycopg
import pytest

from benchmarks.library.generate import generate
from soniquescan.database.connection import connect
from soniquescan.database.embedded import running_server
from soniquescan.settings import DATA_FOLDER_VARIABLE, DSN_VARIABLE
from tests.acceptance.moments import held_at, put_long_texts
from tests.servers import kill_server, running, server_processes, wait_until
from tests.tracks import snapshot

COMMAND = [sys.executable, "-m", "soniquescan", "scan", "--workers", "2"]
ENDS_WITHIN_S = 40

LOST = "soniquescan: the database connection was lost ("


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    generate(folder, files=120, seed=31)
    put_long_texts(folder / "Epics", range(3), album=["Epics"], genre=["Epic"])
    return folder


@pytest.fixture(scope="module")
def expected(music, fresh_database):
    """What the database holds after a scan that nobody disturbed."""
    dsn = fresh_database()
    subprocess.run([*COMMAND, "--dsn", dsn, str(music)], check=True, capture_output=True, timeout=ENDS_WITHIN_S)
    return contents(dsn)


def contents(dsn):
    with closing(connect(dsn, application_name="tests")) as connection:
        statuses = connection.execute("SELECT status FROM scans").fetchall()
        return snapshot(connection), statuses


@pytest.fixture(scope="module")
def initialised_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("initialised")
    with running_server(folder) as (dsn, _), psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync TO off")  # a killed process takes nothing with it that was written
    return folder


@pytest.fixture
def data_folder(initialised_folder, tmp_path):
    """A data folder of the test's own, in which there is a cluster already."""
    folder = tmp_path / "data"
    subprocess.run(["cp", "-a", str(initialised_folder), str(folder)], check=True)
    yield folder
    kill_server(folder)


@pytest.fixture
def own_server(data_folder):
    """The user's own server, to be stopped."""
    with running(data_folder) as server:
        yield server


@pytest.fixture
def start(music):
    """A function that starts a scan; nothing of it is left at the end."""
    started = []

    def start(*arguments, **variables):
        environment = os.environ | {DSN_VARIABLE: ""} | variables
        pipe = subprocess.PIPE
        command = [*COMMAND, *map(str, arguments), str(music)]
        process = psutil.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def end(process):
    """Wait for a scan's end; return its exit code and what it said of trouble, having seen that no process is left."""
    children = process.children(recursive=True)
    _, said = process.communicate(timeout=ENDS_WITHIN_S)
    wait_until(lambda: not any(child.is_running() for child in children))
    return process.returncode, [line for line in said.splitlines() if line.startswith("soniquescan: ")]


def child(process, title):
    return next((each for each in process.children() if title_of(each) == title), None)


def title_of(process):
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.Error:  # it has ended
        return ""


@contextmanager
def frozen(process):
    """Have the scan do nothing while the block runs.

    When a server stops, the lock that holds up the scan may be gone before the scan's own connections are.
    """
    os.killpg(process.pid, signal.SIGSTOP)
    yield
    os.killpg(process.pid, signal.SIGCONT)


class TestRestart:
    @pytest.mark.parametrize(
        ("moment", "number"),
        [("first commit", signal.SIGINT), ("between commits", signal.SIGQUIT), ("settling", signal.SIGINT)],
    )
    def test_of_the_users_own_server(self, own_server, start, expected, moment, number):
        process = start("--dsn", own_server.dsn)
        with held_at(moment, own_server.dsn), frozen(process):
            own_server.stop(number)
        own_server.start()
        code, said = end(process)
        assert (code, len(said)) == (0, 1)
        assert said[0].startswith(LOST)
        assert said[0].endswith("): trying again for up to 60 s")
        assert contents(own_server.dsn) == expected

    def test_again_and_again(self, own_server, start, expected):
        process = start("--dsn", own_server.dsn)
        with ExitStack() as still_frozen:
            for _ in range(3):
                with held_at("settling", own_server.dsn, still_frozen.close):
                    still_frozen.enter_context(frozen(process))
                    own_server.restart()
        code, said = end(process)
        assert (code, len(said)) == (0, 1)  # it is one piece of work that was tried again and again
        assert said[0].startswith(LOST)
        assert contents(own_server.dsn) == expected

    def test_before_a_process_of_the_scan_has_connected(self, own_server, start, expected, tmp_path):
        log = tmp_path / "scan.log"
        process = start("--dsn", own_server.dsn, "--log-file", log)
        wait_until(lambda: child(process, "soniquescan: write"))
        writer = child(process, "soniquescan: write")
        writer.suspend()
        own_server.stop()
        writer.resume()
        wait_until(lambda: f"WARNING {writer.pid} soniquescan.database.session: " in log.read_text())
        own_server.start()
        assert end(process)[0] == 0
        assert contents(own_server.dsn) == expected

    @pytest.mark.parametrize("moment", ["between commits", "settling"])
    def test_of_an_embedded_server_that_was_killed_is_our_business(self, data_folder, start, expected, moment):
        process = start(**{DATA_FOLDER_VARIABLE: str(data_folder)})
        wait_until(lambda: list(data_folder.glob("pg*/data/postmaster.pid")))
        with held_at(moment, embedded_dsn(data_folder)), frozen(process):
            [pid_file] = data_folder.glob("pg*/data/postmaster.pid")
            os.kill(int(pid_file.read_text().split("\n")[0]), signal.SIGKILL)
            wait_until(lambda: not server_processes(data_folder))
        code, said = end(process)
        assert (code, len(said)) == (0, 1)
        assert said[0].startswith(LOST)
        assert server_processes(data_folder) == []
        with running_server(data_folder) as (dsn, _):
            assert contents(dsn) == expected


def embedded_dsn(data_folder):
    [data] = data_folder.glob("pg*/data")
    return f"host={data} port=5432 user=postgres dbname=soniquescan"


class TestTerminatedBackend:
    @pytest.mark.parametrize(
        ("moment", "name"), [("first commit", "soniquescan: write"), ("settling", "soniquescan: scan 1, process ")]
    )
    def test_costs_nothing(self, own_server, start, expected, moment, name):
        process = start("--dsn", own_server.dsn)
        with held_at(moment, own_server.dsn), connect(own_server.dsn, application_name="tests") as administrator:
            query = (
                "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity WHERE starts_with(application_name, %s)"
            )
            assert administrator.execute(query, [name]).fetchall() == [(True,)]
        code, said = end(process)
        assert code == 0
        assert [line for line in said if not line.startswith(LOST)] == []
        assert contents(own_server.dsn) == expected


class TestServerThatStaysAway:
    @pytest.mark.parametrize("moment", ["first commit", "settling"])
    def test_ends_the_scan_with_one_line(self, own_server, start, moment):
        process = start("--dsn", own_server.dsn, "--db-retry", "1")
        with held_at(moment, own_server.dsn), frozen(process):
            own_server.stop()
        code, said = end(process)
        assert code == 1
        assert said[0].startswith(LOST)
        assert said[0].endswith("): trying again for up to 1 s")
        assert said[-1].startswith("soniquescan: error: ")
        assert "; tried again for 1 s, in vain: " in said[-1]
        assert len(said) == 2

    def test_is_not_waited_for_if_it_is_not_to_be(self, own_server, start):
        process = start("--dsn", own_server.dsn, "--db-retry", "0", "--json")
        with held_at("first commit", own_server.dsn), frozen(process):
            own_server.stop()
        code, said = end(process)
        assert (code, len(said)) == (1, 1)
        assert "what was committed is kept" in said[0]

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_signal_ends_the_wait(self, own_server, start, number, code):
        process = start("--dsn", own_server.dsn, "--db-retry", "600")
        with held_at("first commit", own_server.dsn), frozen(process):
            own_server.stop()
        wait_until(lambda: process.stderr.readline().startswith(LOST))
        process.send_signal(number)
        assert end(process) == (code, ["soniquescan: interrupted"])

    def test_next_scan_goes_on_from_there(self, own_server, start, expected):
        process = start("--dsn", own_server.dsn, "--db-retry", "0")
        with held_at("between commits", own_server.dsn), frozen(process):
            own_server.stop()
        assert end(process)[0] == 1
        own_server.start()
        process = start("--dsn", own_server.dsn, "--json")
        report = json.loads(process.communicate(timeout=ENDS_WITHIN_S)[0])
        assert report["files_unchanged"] > 0
        found, statuses = contents(own_server.dsn)
        assert (found, statuses[-1]) == (expected[0], ("completed",))


class TestWrongDsn:
    def test_is_said_at_once(self, start, tmp_path):
        process = start("--dsn", f"host={tmp_path}", "--db-retry", "600")
        code, said = end(process)
        assert (code, len(said)) == (1, 1)
        assert "check host and port of the DSN" in said[0]
