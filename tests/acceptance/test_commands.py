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
from contextlib import ExitStack, closing, contextmanager

import pytest

from soniquescan.database import Database, scanlock
from soniquescan.database.connection import connect
from soniquescan.settings import DATA_FOLDER_VARIABLE, DSN_VARIABLE
from tests.tracks import make_track, scan
from tests.unit.reports import make_report

HOSTILE_NAME = b"evil\x1b[2J\n\xff.mp3"
WAIT_S = 20.0
ERRORS_ARE_FINE = ("--max-error-rate", "100%")


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


def on_a_terminal(*arguments, environment, width=80, typed=b""):
    """Run a command on a terminal at which something is typed; return its exit code and what the terminal got."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    with subprocess.Popen(
        command_line(*arguments), env=environment, stdin=slave, stdout=slave, stderr=slave
    ) as process:
        os.close(slave)
        os.write(master, typed)
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


def another_scan(database):
    """What keeps other scans out while the block runs."""
    return scanlock.hold(Database(database, lambda: None), 0.0, doing="scan", retry_s=0.0)


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
    done = command("scan", *ERRORS_ARE_FINE, str(music))

    assert (done.returncode, done.stdout) == (0, "")
    assert "found    2 files" in done.stderr
    assert "failed   2 files (1 corrupt, 1 empty); list: soniquescan errors" in done.stderr


def test_quiet_scan_says_nothing(command, music):
    done = command("scan", "--quiet", *ERRORS_ARE_FINE, str(music))

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("options", [("--quiet",), ("--json", "--quiet"), ()])
def test_too_many_errors_are_exit_code_3_and_a_line_even_in_silence(options, command, music):
    done = command("scan", *options, "--max-error-rate", "99.5 %", str(music))

    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == (
        "soniquescan: 2 of 2 files failed, which is more than 99.5 %; list: soniquescan errors"
    )
    assert len(done.stderr.splitlines()) == 1 or not options


def test_json_scan_writes_its_report_and_nothing_else_to_stdout(command, music):
    done = command("scan", "--quiet", "--json", *ERRORS_ARE_FINE, str(music))

    report = json.loads(done.stdout)
    assert (report["status"], report["exit_code"], report["files_discovered"]) == ("completed", 0, 2)
    assert report["error_rate"] == 1.0
    assert [stage["name"] for stage in report["stages"]] == ["discover", "compare", "extract", "batch", "write"]
    assert done.stderr == ""


def test_scan_on_a_terminal_draws_the_stages_and_then_the_summary(environment, music):
    code, received = on_a_terminal("scan", *ERRORS_ARE_FINE, str(music), environment=environment)

    assert code == 0
    stages = ("discover", "compare", "extract", "batch", "write")
    assert all(re.search(rf"{stage} +[\d,]+", received) for stage in stages)
    assert received.rindex("found") > received.rindex("discover")


def test_a_scan_while_another_runs_is_one_line_and_exit_code_75(command, database, music):
    with another_scan(database):
        done = command("scan", str(music))

    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr.startswith("soniquescan: another scan of this database runs")
    assert done.stderr.count("\n") == 1


def test_a_scan_may_wait_for_another(database, environment, music):
    line = ("scan", "--wait", "60", *ERRORS_ARE_FINE, str(music))
    with ExitStack() as other:
        other.enter_context(another_scan(database))
        with running(*line, env=environment, text=True) as process:
            waits = process.stderr.readline()
            other.close()
            said = process.communicate(timeout=WAIT_S)[1]

    assert waits.startswith("soniquescan: another scan of this database runs")
    assert process.returncode == 0
    assert "found    2 files" in said


def test_a_quiet_scan_imports_nothing_that_draws(environment, music):
    program = "import sys; from soniquescan import cli; cli.run(sys.argv[1:]); print({'rich'} & set(sys.modules))"

    done = subprocess.run(
        [sys.executable, "-c", program, "scan", "--quiet", str(music)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "set()\n"


@pytest.mark.parametrize("changes", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_are_left_out_when_unwanted(changes, environment, music):
    _, received = on_a_terminal("scan", str(music), environment=environment | changes)

    assert re.search(r"\x1b\[[0-9;]*3[0-7]m", received) is None


def test_log_file_gets_lines_with_time_stamps(command, music, tmp_path):
    log = tmp_path / "scan.log"

    command("scan", "--quiet", "--log-file", str(log), str(music))
    command("scan", "--quiet", "--log-file", str(log), str(tmp_path / "absent"))

    lines = log.read_text(encoding="utf-8").splitlines()
    stamped = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (INFO   |DEBUG  |WARNING|ERROR  ) ")
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


# --- changes and history


@pytest.fixture
def scanned(connection):
    """Two scans that have ended, of which the second has changed something, and one that runs."""
    report = make_report(elapsed_s=1.25, files_unchanged=996, tracks_added=1, tracks_moved=1, files_failed=1)
    for status, counters in (("interrupted", None), ("completed", json.dumps(report.document(2))), ("running", None)):
        connection.execute(
            "INSERT INTO scans (started_at, status, roots, settings, counters) VALUES (%s, %s, %s, '{}', %s)",
            ["2026-01-02 03:04:05Z", status, ["/music", "/new"], counters],
        )
    for kind, path, detail in (
        ("moved", os.fsdecode(b"/music/\x1b[2J"), {"old_path": "/music/a"}),
        ("added", "/music/new", {}),
        ("changed", "/music/b", {"title": {"old": "A", "new": "椎名"}}),
        ("failed", "/music/c", {"kind": "empty", "message": "it is empty"}),
    ):
        connection.execute("INSERT INTO scan_changes VALUES (2, %s, %s, %s)", [path, kind, json.dumps(detail)])


@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize("arguments", [(), ("2",)])
def test_changes_of_the_last_scan_that_has_ended(arguments, command):
    done = command("changes", *arguments)

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "kind     path            detail",
        "-------  --------------  ------------------",
        "added    /music/new",
        "changed  /music/b        title: A → 椎名",
        r"moved    /music/\x1b[2J  from /music/a",
        "failed   /music/c        empty: it is empty",
    ]
    assert re.fullmatch(r"4 changes by scan 2 \(completed, 2026-01-0\d \d\d:\d4\)\n", done.stderr)


@pytest.mark.usefixtures("scanned")
def test_changes_as_json_filtered_by_kind(command):
    done = command("changes", "2", "--json", "--kind", "changed", "--kind", "failed")

    assert json.loads(done.stdout) == [
        {"scan_id": 2, "kind": "changed", "path": "/music/b", "detail": {"title": {"old": "A", "new": "椎名"}}},
        {"scan_id": 2, "kind": "failed", "path": "/music/c", "detail": {"kind": "empty", "message": "it is empty"}},
    ]


@pytest.mark.usefixtures("scanned")
def test_a_scan_that_has_changed_nothing(command):
    done = command("changes", "1")

    assert (done.returncode, done.stdout.splitlines()[2:]) == (0, [])
    assert done.stderr.startswith("0 changes by scan 1 (interrupted, ")


@pytest.mark.usefixtures("scanned")
def test_a_scan_that_never_was_is_one_line_and_exit_code_1(command):
    done = command("changes", "9")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "soniquescan: error: there is no scan 9: `soniquescan history` lists them\n"


@pytest.mark.usefixtures("scanned")
def test_history_is_a_line_a_scan_whatever_the_width(command, environment):
    lines = command("history").stdout.splitlines()

    assert lines[0].split() == ["scan", "started", "took", "status", "files", "changes", "roots"]
    assert re.fullmatch(r" +3  2026-01-0\d \d\d:\d4 +running +/music, /new", lines[2])
    assert re.fullmatch(
        r" +2  2026-01-0\d \d\d:\d4  1.2 s  completed +1000  1 added, 1 moved, 1 failed  /music, /new", lines[3]
    )
    assert [line.split()[0] for line in lines[2:]] == ["3", "2", "1"]
    _, received = on_a_terminal("history", "--limit", "2", environment=environment, width=40)
    assert [line.split() for line in received.splitlines()[2:]] == [line.split() for line in lines[2:4]]


@pytest.mark.usefixtures("scanned")
def test_history_as_json(command):
    scans = json.loads(command("history", "--json", "--limit", "2").stdout)

    assert [scan["scan_id"] for scan in scans] == [3, 2]
    assert scans[0]["tracks_added"] is None
    assert {name: scans[1][name] for name in ("elapsed_s", "tracks_added", "started_at", "roots")} == {
        "elapsed_s": 1.25,
        "tracks_added": 1,
        "started_at": "2026-01-02T03:04:05+00:00",
        "roots": ["/music", "/new"],
    }


# --- purge


@pytest.fixture
def missing(connection):
    """Two tracks that have been missing for 40 days, and one for 20."""
    scan(connection, [make_track(f"/music/{number}.flac", artists=["ABBA"]) for number in range(4)])
    connection.execute("UPDATE tracks SET missing_since = now() - interval '40 days' WHERE path ~ '[01].flac'")
    connection.execute("UPDATE tracks SET missing_since = now() - interval '20 days' WHERE path ~ '2.flac'")
    return lambda: connection.execute("SELECT count(*) FROM tracks").fetchone()[0]


def test_purge_deletes_what_has_long_been_missing(missing, command):
    done = command("purge", "--missing-for", "30d", "--yes")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "purged 2 tracks\n")
    assert missing() == 2


def test_purge_of_nothing_asks_nothing(missing, environment):
    code, received = on_a_terminal("purge", "--missing-for", "41d", environment=environment)

    assert code == 0
    assert re.fullmatch(r"no track has been missing since \d{4}-\d\d-\d\d \d\d:\d\d or longer\r\n", received)
    assert missing() == 4


def test_purge_without_anybody_to_ask_is_wrong_usage(missing, command):
    done = command("purge", "--missing-for", "30d", stdin=subprocess.DEVNULL)

    assert (done.returncode, done.stdout) == (2, "")
    assert "there is nobody to ask: give --yes" in done.stderr
    assert missing() == 4


@pytest.mark.parametrize("typed", [b"y\n", b"YES\n"])
def test_purge_asks_on_a_terminal(typed, missing, environment):
    code, received = on_a_terminal("purge", "--missing-for", "30d", environment=environment, typed=typed)

    assert code == 0
    assert re.search(r"Delete 2 tracks missing since \d.* or longer\? \[y/N\] ", received)
    assert received.endswith("purged 2 tracks\r\n")
    assert missing() == 2


@pytest.mark.parametrize("typed", [b"\n", b"no\n", b"yeah\n", b"\x04"])
def test_purge_takes_everything_but_yes_for_no(typed, missing, environment):
    code, received = on_a_terminal("purge", "--missing-for", "30d", environment=environment, typed=typed)

    assert code == 1
    assert received.endswith("soniquescan: error: nothing was deleted\r\n")
    assert missing() == 4


def test_purge_while_a_scan_runs_is_one_line_and_exit_code_75(missing, command, database):
    with another_scan(database):
        done = command("purge", "--missing-for", "30d", "--yes")

    assert done.returncode == 75
    assert done.stderr.startswith("soniquescan: another scan of this database runs")
    assert done.stderr.count("\n") == 1
    assert missing() == 4


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

    purge = ("purge", "--missing-for", "1d", "--yes")
    for arguments in (("sql", "SELECT 1"), ("errors", "--json"), ("changes",), ("history",), purge, ("db", "info")):
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
