"""The commands as users run them: real processes, a real database, real pipes and terminals."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from contextlib import closing, contextmanager

import pytest

from soniquescan.database.connection import connect
from soniquescan.settings import DATA_FOLDER_VARIABLE, DSN_VARIABLE

HOSTILE_NAME = b"evil\x1b[2J\n\xff.mp3"
WAIT_S = 20.0


@pytest.fixture
def environment(database):
    """The environment of a command that uses the test's own database."""
    kept = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}}
    return kept | {DSN_VARIABLE: database, "TERM": "xterm"}


@pytest.fixture
def command(environment):
    """A function that runs a command to its end."""

    def run(*arguments, **options):
        options = {"capture_output": True, "text": True, "timeout": 30, "env": environment} | options
        return subprocess.run(command_line(*arguments), check=False, **options)

    return run


@pytest.fixture
def music(tmp_path):
    """A folder with two files that are no music, one of them with a name that attacks terminals."""
    folder = tmp_path / "music"
    folder.mkdir()
    (folder / "empty.mp3").touch()
    with open(os.fsencode(folder) + b"/" + HOSTILE_NAME, "wb") as file:
        file.write(b"no audio")
    return folder


def command_line(*arguments):
    return [sys.executable, "-m", "soniquescan", *arguments]


def on_a_terminal(*arguments, environment, width=80):
    """Run a command with a terminal for stdout and stderr; return its exit code and what the terminal got."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with subprocess.Popen(
        command_line(*arguments), env=environment, stdin=slave, stdout=slave, stderr=slave
    ) as process:
        os.close(slave)
        received = b"".join(iter(lambda: read_terminal(master), b""))
    os.close(master)
    return process.returncode, received.decode()


@contextmanager
def running(*arguments, **options):
    """Run a command while the block runs, and not a moment longer."""
    with subprocess.Popen(command_line(*arguments), stderr=subprocess.PIPE, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def read_terminal(master):
    try:
        return os.read(master, 65536)
    except OSError:  # EIO: how Linux says that the last writer has gone
        return b""


def wait_for(condition):
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


# --- scan


def test_summary_goes_to_stderr_and_nothing_to_stdout(command, music):
    done = command("scan", str(music))

    assert (done.returncode, done.stdout) == (0, "")
    assert "found    2 files" in done.stderr
    assert "failed   2 files (1 corrupt, 1 empty); list: soniquescan errors" in done.stderr


def test_quiet_scan_says_nothing(command, music):
    done = command("scan", "--quiet", str(music))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_json_scan_writes_its_report_and_nothing_else_to_stdout(command, music):
    done = command("scan", "--quiet", "--json", str(music))

    report = json.loads(done.stdout)
    assert (report["status"], report["exit_code"], report["files_discovered"]) == ("completed", 0, 2)
    assert report["error_rate"] == 1.0
    assert [stage["name"] for stage in report["stages"]] == ["discover", "extract", "batch", "write"]
    assert done.stderr == ""


def test_scan_on_a_terminal_draws_the_stages_and_then_the_summary(environment, music):
    code, received = on_a_terminal("scan", str(music), environment=environment)

    assert code == 0
    assert all(re.search(rf"{stage} +[\d,]+", received) for stage in ("discover", "extract", "batch", "write"))
    assert received.rindex("found") > received.rindex("discover")


@pytest.mark.parametrize("changes", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_are_left_out_when_unwanted(changes, environment, music):
    _, received = on_a_terminal("scan", str(music), environment=environment | changes)

    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", received) is None


def test_log_file_gets_lines_with_time_stamps(command, music, tmp_path):
    log = tmp_path / "scan.log"

    command("scan", "--quiet", "--log-file", str(log), str(music))
    command("scan", "--quiet", "--log-file", str(log), str(tmp_path / "absent"))

    lines = log.read_text(encoding="utf-8").splitlines()
    stamped = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO|DEBUG|ERROR) ")
    traceback_at = next(number for number, line in enumerate(lines) if line.startswith("Traceback"))
    assert [line for line in lines[:traceback_at] if not stamped.match(line)] == []
    assert [
        expected for expected in ("scanning", "found: 2 files", "cannot scan") if expected not in "".join(lines)
    ] == []


def test_a_log_file_that_cannot_be_written_is_one_line_and_exit_code_1(command, music, tmp_path):
    done = command("scan", "--log-file", str(tmp_path), str(music))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"soniquescan: error: cannot write to the log file '{tmp_path}': Is a directory\n"


@pytest.mark.parametrize("name", ["absent", "music/empty.mp3"])
@pytest.mark.usefixtures("music")
def test_a_folder_that_is_none_is_one_line_and_exit_code_1(name, command, tmp_path):
    done = command("scan", str(tmp_path / name))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"soniquescan: error: cannot scan '{tmp_path / name}': ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("scan", "/"), ("sql", "SELECT 1"), ("errors",), ("db", "info"), ("db", "shell")]
)
def test_an_unreachable_database_is_one_line_and_exit_code_1_or_that_of_psql(arguments, command, environment):
    environment[DSN_VARIABLE] = "postgresql://somebody:secret@127.0.0.1:1/nothing"

    done = command(*arguments)

    assert done.returncode == (2 if arguments == ("db", "shell") else 1)
    assert "Connection refused" in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_a_query(number, code, database, environment):
    with (
        closing(connect(database, application_name="tests")) as watcher,
        running("sql", "SELECT pg_sleep(1000)", env=environment, text=True) as process,
    ):
        is_asleep = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query ~ '^SELECT pg_sleep'"
        wait_for(lambda: watcher.execute(is_asleep).fetchone())
        process.send_signal(number)
        _, err = process.communicate(timeout=WAIT_S)

    assert (process.returncode, err) == (code, "soniquescan: interrupted\n")


# --- sql


def test_sql_is_aligned_text_in_a_pipe(command):
    done = command("sql", "SELECT 'a' AS name, 12 AS n UNION ALL SELECT 'bcdef', 3")

    assert done.stdout == "name    n\n-----  --\na      12\nbcdef   3\n"


def test_sql_is_a_table_on_a_wide_terminal_and_records_on_a_narrow_one(environment):
    query = "SELECT repeat('x', 30) AS long, repeat('y', 30) AS longer, NULL AS nothing"

    _, wide = on_a_terminal("sql", query, environment=environment, width=120)
    _, narrow = on_a_terminal("sql", query, environment=environment, width=40)

    assert "─" in wide
    assert re.search("x{30}  +y{30}", wide)
    assert re.search("longer.*y{30}\\s*\r\n", narrow)


def test_sql_as_csv_and_json(command):
    query = "SELECT 'a,\"b\"' AS t, ARRAY['x', 'y'] AS l, 1.50 AS d, NULL AS n, '{\"k\": [1]}'::jsonb AS j"

    as_csv, as_json = command("sql", "--csv", query), command("sql", "--json", query)

    assert list(csv.reader(io.StringIO(as_csv.stdout))) == [
        ["t", "l", "d", "n", "j"],
        ['a,"b"', '["x", "y"]', "1.50", "", '{"k": [1]}'],
    ]
    assert json.loads(as_json.stdout) == [{"t": 'a,"b"', "l": ["x", "y"], "d": 1.5, "n": None, "j": {"k": [1]}}]


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_sql_reads_the_query_from_stdin(arguments, command):
    assert command("sql", "--csv", *arguments, input="SELECT 'é' AS e").stdout == "e\né\n"


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("SELECT nonsense", 'soniquescan: error: database: column "nonsense" does not exist\n'),
        ("SELECT 1/0", "soniquescan: error: database: division by zero\n"),
        ("  ", "soniquescan: error: the query is empty\n"),
        (b"SELECT '\xff'", "soniquescan: error: the query is not valid UTF-8\n"),
    ],
)
def test_a_bad_query_is_one_line_and_exit_code_1(query, line, command):
    done = command("sql", query)

    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)


def test_a_query_with_a_nul_byte_is_refused_whole(command):
    done = command("sql", input="SELECT 1\0; SELECT 2")

    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("form", [(), ("--csv",), ("--json",)])
def test_a_reader_that_leaves_ends_the_query_quietly(form, environment):
    """As `soniquescan sql … | head -1`, with far more rows to come than a pipe holds."""
    query = "SELECT n FROM generate_series(1, 1000000) AS n"
    with running("sql", *form, query, env=environment, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(WAIT_S) == 141
        assert process.stderr.read() == b""


@pytest.mark.parametrize("arguments", [("sql", "SELECT 1"), ("errors", "--json"), ("db", "info"), ("--help",)])
def test_a_full_disk_behind_stdout_is_one_line_and_exit_code_1(arguments, command):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = command(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)

    assert done.returncode == 1
    assert done.stderr.endswith("No space left on device\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_no_text_fails_in_an_old_locale(encoding, command, environment):
    environment["PYTHONIOENCODING"] = encoding

    done = command("sql", "SELECT '椎名林檎 …' AS t", encoding=encoding)

    assert done.returncode == 0
    assert "\\u690e" in done.stdout
    assert json.loads(command("sql", "--json", "SELECT '椎名' AS t", encoding="utf-8").stdout) == [{"t": "椎名"}]


# --- errors


def test_errors_lists_files_without_obeying_their_names(command, music):
    command("scan", "--quiet", str(music))

    done = command("errors")

    assert done.stdout.splitlines()[0].split() == ["kind", "path", "message", "last_seen_at"]
    assert r"/music/evil\x1b[2J\n\xff.mp3" in done.stdout
    assert done.stderr == "2 errors\n"


def test_errors_as_json_filtered_by_kind(command, music):
    command("scan", "--quiet", str(music))

    found = json.loads(command("errors", "--json", "--kind", "empty", "--kind", "timeout").stdout)

    assert [(error["kind"], error["path"]) for error in found] == [("empty", str(music / "empty.mp3"))]


# --- db


def test_info_tells_where_the_database_is_and_its_rows(command):
    facts = json.loads(command("db", "info", "--json").stdout)

    assert facts["tracks_rows"] == 0
    assert "where" in facts


def test_shell_is_psql_in_the_schema(command):
    done = command("db", "shell", input="SELECT count(*) FROM tracks;\n")

    assert done.returncode == 0
    assert "count" in done.stdout


def test_nothing_scanned_yet_is_one_line(command, environment, empty_database):
    environment[DSN_VARIABLE] = empty_database

    for arguments in (("sql", "SELECT 1"), ("errors", "--json"), ("db", "info")):
        done = command(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert "nothing has been scanned" in done.stderr


def test_the_embedded_server_stays_up_between_start_and_stop(command, environment, tmp_path):
    environment[DATA_FOLDER_VARIABLE] = str(tmp_path / "data")
    environment[DSN_VARIABLE] = ""  # empty is as good as none

    started = command("db", "start")
    try:
        with closing(connect(started.stdout.strip(), application_name="tests")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    finally:
        stopped = command("db", "stop")

    assert (started.returncode, started.stderr) == (0, "")
    assert (stopped.returncode, stopped.stdout) == (0, "")
    assert stopped.stderr == "the embedded server has stopped\n"
    assert command("db", "stop").stderr == "the embedded server was not running\n"
