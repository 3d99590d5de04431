from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import typer

from soniquescan import cli, rows
from soniquescan.errors import DatabaseError, Interrupted, ScanRunsError, StageError, UsageError
from soniquescan.report import ScanStatus
from tests.unit.reports import make_report


def all_commands(command=None, name="soniquescan"):
    command = command or typer.main.get_command(cli.app)
    yield name, command
    for child_name, child in getattr(command, "commands", {}).items():
        yield from all_commands(child, f"{name} {child_name}")


# --- help


@pytest.mark.parametrize("name", [name for name, _ in all_commands()])
def test_every_command_and_parameter_has_help(name):
    command = dict(all_commands())[name]

    assert command.help
    assert [parameter.name for parameter in command.params if not parameter.help] == []


def test_summaries_in_the_list_of_commands_are_whole(capsys):
    assert cli.run(["--help"]) == 0
    assert cli.run(["db", "--help"]) == 0

    assert "..." not in capsys.readouterr().out.replace("[ARGS]...", "")


def test_help_imports_nothing_heavy():
    heavy = ["rich", "psycopg", "multiprocessing", "pydantic", "mutagen", "psutil", "logging"]
    program = f"import sys; from soniquescan import cli; cli.run(['--help']); print(set({heavy}) & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "set()"


def test_at_the_end_nothing_is_searched_for_garbage():
    program = (
        "import atexit, gc, sys; atexit.register(lambda: print(len(gc.get_objects()), gc.get_freeze_count()))\n"
        "from soniquescan.__main__ import main; sys.argv[1:] = ['--version']; main()"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    searched, frozen = map(int, done.stdout.splitlines()[-1].split())
    assert searched < 1_000 < frozen


def test_version(capsys):
    how = "not compiled" if rows.__file__.endswith(".py") else "compiled"
    assert cli.run(["--version"]) == 0
    assert capsys.readouterr().out == f"soniquescan 0.1.0 ({how})\n"


def test_no_command_shows_the_help_on_stderr_as_wrong_usage(capsys):
    assert cli.run([]) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert "Commands:" in err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["scan"], "soniquescan: error: Missing argument 'PATH' (see soniquescan scan --help)"),
        (["db", "nonsense"], "soniquescan: error: No such command 'nonsense' (see soniquescan db --help)"),
        (["sql", "--csv", "--json", "select 1"], "soniquescan: error: Invalid value: --csv and --json exclude"),
        (["scan", "/", "--workers", "0"], "soniquescan: error: Invalid value for '--workers'"),
        (["scan", "/", "--workers", "1000"], "soniquescan: error: Invalid value for '--workers'"),
        (["scan", "/", "--file-timeout", "nan"], "soniquescan: error: Invalid value for '--file-timeout'"),
        (["scan", "/", "--file-timeout", "inf"], "soniquescan: error: Invalid value for '--file-timeout'"),
        (["scan", "/", "--wait", "-1"], "soniquescan: error: Invalid value for '--wait'"),
        (["scan", "/", "--wait", "inf"], "soniquescan: error: Invalid value for '--wait'"),
        (["scan", "/", "--db-retry", "nan"], "soniquescan: error: Invalid value for '--db-retry'"),
        (
            ["scan", "/", "--max-error-rate", "5"],
            "soniquescan: error: Invalid value for '--max-error-rate': '5' is neither a percentage, such as 1%, nor",
        ),
        (["scan", "/", "--exclude", "["], "soniquescan: error: Invalid value for '--exclude': '[' is no pattern"),
        (["errors", "--kind", "nonsense"], "soniquescan: error: Invalid value for '--kind'"),
        (["changes", "--kind", "nonsense"], "soniquescan: error: Invalid value for '--kind'"),
        (["changes", "0"], "soniquescan: error: Invalid value for 'SCAN'"),
        (["changes", "last"], "soniquescan: error: Invalid value for 'SCAN'"),
        (["history", "--limit", "0"], "soniquescan: error: Invalid value for '--limit'"),
        (["purge"], "soniquescan: error: Missing option '--missing-for' (see soniquescan purge --help)"),
        (
            ["purge", "--missing-for", "30"],
            "soniquescan: error: Invalid value for '--missing-for': '30' is not a number of minutes, hours, days or",
        ),
        (["purge", "--missing-for", "30d"], "soniquescan: error: Invalid value: there is nobody to ask: give --yes"),
        (["--nonsense\x1b[2J"], r"soniquescan: error: No such option: --nonsense\x1b[2J"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments, line, capsys):
    assert cli.run(arguments) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == 1


# --- every way to end


@pytest.mark.parametrize(
    ("exc", "code", "line"),
    [
        (UsageError("no such folder"), 1, "soniquescan: error: no such folder\n"),
        (DatabaseError("it is\nfull"), 1, "soniquescan: error: it is\\nfull\n"),
        (Interrupted(signal.SIGTERM), 143, "soniquescan: interrupted\n"),
        (Interrupted(signal.SIGHUP), 129, "soniquescan: interrupted\n"),
        (KeyboardInterrupt(), 130, "soniquescan: interrupted\n"),
        (ScanRunsError("another scan of this database runs"), 75, "soniquescan: another scan of this database runs\n"),
        (MemoryError(), 1, "soniquescan: error: out of memory\n"),
        (EOFError("bug"), 1, "soniquescan: internal error: EOFError: bug; run again with --debug to see where\n"),
        (
            OSError(28, "No space left on device", "/tmp/x"),
            1,
            "soniquescan: error: No space left on device: '/tmp/x'\n",
        ),
        (typer.Exit(3), 3, ""),
    ],
)
def test_every_exception_is_one_line_and_an_exit_code(exc, code, line, capsys):
    assert cli.explain(exc, debug=False) == code

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(line)
    assert err.count("\n") == (1 if line else 0)


def test_debug_shows_the_traceback_and_that_of_the_stage(capsys):
    exc = StageError("extract failed", stage="extract", child_traceback="Traceback of the child\n  line")

    assert cli.explain(exc, debug=True) == 1
    err = capsys.readouterr().err
    assert err.startswith("soniquescan.errors.StageError")
    assert "Traceback of the child\n  line\n" in err
    assert err.endswith("soniquescan: error: extract failed\n")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": ScanStatus.FAILED, "cause": "the server is gone"}, StageError),
        ({"status": ScanStatus.INTERRUPTED, "signal_number": 15}, Interrupted),
    ],
)
def test_a_scan_that_did_not_complete_ends_the_command_as_an_error_does(changes, expected):
    with pytest.raises(expected):
        cli._raise_failure(make_report(**changes))


def test_a_completed_scan_ends_well():
    cli._raise_failure(make_report())
