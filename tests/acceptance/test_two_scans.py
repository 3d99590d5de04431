"""Two scans of one database at once: the second leaves, or waits; readers do not care."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest

from benchmarks.library.generate import generate
from soniquescan.database.connection import connect
from soniquescan.settings import DSN_VARIABLE
from tests.servers import wait_until

COMMAND = [sys.executable, "-m", "soniquescan"]
ENDS_WITHIN_S = 40


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    generate(folder, files=20, seed=3)
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def environment(database):
    return os.environ | {DSN_VARIABLE: database}


@pytest.fixture
def run(environment):
    """A function that runs a command to its end."""

    def run(*arguments):
        command = [*COMMAND, *map(str, arguments)]
        options = {"capture_output": True, "text": True, "timeout": ENDS_WITHIN_S}
        return subprocess.run(command, env=environment, check=False, **options)

    return run


@pytest.fixture
def start(environment):
    """A function that starts a command in the background; none is left at the end."""
    started = []

    def start(*arguments):
        pipe = subprocess.PIPE
        command = [*COMMAND, *map(str, arguments)]
        started.append(subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def administrator(database):
    with closing(connect(database, application_name="administrator")) as connection:
        yield connection


@contextmanager
def held_up(administrator):
    """Keep scans that have begun from writing what they read, while the block runs."""
    administrator.execute("BEGIN")
    administrator.execute("LOCK TABLE genres IN EXCLUSIVE MODE")  # lets readers pass
    yield
    administrator.execute("COMMIT")


def wait_until_held_up(administrator):
    query = "SELECT FROM pg_locks WHERE relation = 'genres'::regclass AND NOT granted"
    wait_until(lambda: administrator.execute(query).fetchone() is not None)


def statuses(administrator):
    return [status for (status,) in administrator.execute("SELECT status FROM scans ORDER BY id")]


def end(process):
    _, said = process.communicate(timeout=ENDS_WITHIN_S)
    return process.returncode, said


def test_second_scan_says_who_runs_and_leaves_no_trace(start, run, music, administrator):
    with held_up(administrator):
        first = start("scan", "--quiet", music)
        wait_until_held_up(administrator)
        second = run("scan", music)
    assert (second.returncode, second.stdout) == (75, "")
    expected = (
        rf"soniquescan: another scan of this database runs \(scan 1, since 2\d{{3}}-.* UTC, process {first.pid} on "
    )
    assert re.fullmatch(
        expected + re.escape(socket.gethostname()) + r"\); --wait SECONDS waits for its end\n", second.stderr
    )
    assert end(first) == (0, "")
    assert statuses(administrator) == ["completed"]


def test_second_scan_waits_if_it_is_to(start, music, administrator):
    with held_up(administrator):
        first = start("scan", "--quiet", music)
        wait_until_held_up(administrator)
        second = start("scan", "--wait", ENDS_WITHIN_S, music)
        line = second.stderr.readline()
        assert f"process {first.pid}" in line
        assert line.endswith(f": waiting for up to {ENDS_WITHIN_S} s\n")
        assert second.poll() is None
        assert statuses(administrator) == ["running"]
    assert end(first) == (0, "")
    assert end(second)[0] == 0
    assert statuses(administrator) == ["completed", "completed"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_ends_the_wait(number, code, start, music, administrator):
    with held_up(administrator):
        first = start("scan", "--quiet", music)
        wait_until_held_up(administrator)
        second = start("scan", "--wait", ENDS_WITHIN_S, music)
        second.stderr.readline()
        second.send_signal(number)
        assert end(second) == (code, "soniquescan: interrupted\n")
    assert end(first) == (0, "")


def test_waiting_ends_too(start, run, music, administrator):
    with held_up(administrator):
        first = start("scan", "--quiet", music)
        wait_until_held_up(administrator)
        second = run("scan", "--quiet", "--wait", "0.7", music)
        assert second.returncode == 75
        assert second.stderr.splitlines()[-1].endswith("--wait SECONDS waits for its end")
    assert end(first) == (0, "")


def test_readers_work_during_a_scan(start, run, music, administrator):
    assert run("scan", "--quiet", music / "empty").returncode == 0
    readers = (("sql", "SELECT count(*) FROM library"), ("errors",), ("history",), ("changes",), ("db", "info"))
    with held_up(administrator):
        first = start("scan", "--quiet", music)
        wait_until_held_up(administrator)
        assert [run(*arguments).returncode for arguments in readers] == [0] * len(readers)
        assert first.poll() is None
    assert end(first) == (0, "")


def test_dead_scan_is_noted_by_the_next_one(start, run, music, administrator):
    with held_up(administrator):
        first = start("scan", "--quiet", music)
        wait_until_held_up(administrator)
        first.kill()
        first.communicate()
    assert run("scan", "--quiet", music).returncode == 0
    assert statuses(administrator) == ["interrupted", "completed"]
