"""The command line: arguments and environment become settings, one call does the work, its outcome an exit code.

Whatever is slower to import than typer is imported inside the commands, so that `--help` is quick. Results go to
stdout, everything else to stderr; no traceback reaches the user without `--debug`.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from soniquescan.console import streams
from soniquescan.errors import Interrupted, OutputClosed, SoniqueScanError, StageError, UsageError
from soniquescan.messages import ErrorKind
from soniquescan.report import ExitCode, ScanReport, ScanStatus
from soniquescan.settings import (
    DATA_FOLDER_VARIABLE,
    DEFAULT_FILE_TIMEOUT_S,
    DSN_VARIABLE,
    DatabaseSettings,
    ScanSettings,
    default_data_folder,
    default_workers,
)

if TYPE_CHECKING:
    from types import FrameType

    from psycopg import Connection
    from psycopg.rows import TupleRow

_PROGRAM = "soniquescan"
_MAX_WORKERS = 512  # a slip of the finger should not start 10,000 processes; a guess

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # those that ask us to end
_ERROR_COLUMNS = ("kind", "path", "message", "last_seen_at")  # for people; --json has them all

app = typer.Typer(
    name=_PROGRAM,
    help="Scan a music library into PostgreSQL: every tag and stream property, exact, in seconds.",
    rich_markup_mode=None,  # plain help: rich would cost more time than the rest of it
    add_completion=False,
)
db = typer.Typer(help="Look at the database, and after its server.")
app.add_typer(db, name="db")


# --- options that several commands have ---------------------------------------------------------------------------


def _remember_debug(context: typer.Context, value: bool) -> bool:  # noqa: FBT001  # typer calls it so
    context.obj["debug"] = context.obj["debug"] or value
    return value


Debug = Annotated[
    bool, typer.Option("--debug", callback=_remember_debug, help="Show the traceback of whatever goes wrong.")
]
Dsn = Annotated[
    str | None,
    typer.Option(
        "--dsn",
        metavar="DSN",
        envvar=DSN_VARIABLE,
        help="PostgreSQL to use instead of the embedded server: postgresql://user@host/database, or key=value pairs.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write the result to stdout as JSON.")]


# --- commands -----------------------------------------------------------------------------------------------------


def _show_version(value: bool) -> None:  # noqa: FBT001  # typer calls it so
    if value:
        from importlib.metadata import version

        streams.results().write(f"{_PROGRAM} {version(_PROGRAM)}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _without_command(
    context: typer.Context,
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        streams.say_lines(context.get_help())
        raise typer.Exit(ExitCode.USAGE)


@app.command()
def scan(  # noqa: PLR0913  # one parameter an option
    *,
    paths: Annotated[list[str], typer.Argument(metavar="PATH", help="Folders to scan, with all that is in them.")],
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=_MAX_WORKERS, help="Processes that read files  [default: the cores it may use]"
        ),
    ] = None,
    dsn: Dsn = None,
    file_timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.1, max=86_400, help="Give up on a file that takes longer than this."),
    ] = DEFAULT_FILE_TIMEOUT_S,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show errors only: no progress, no summary.")] = False,
    json: Json = False,
    log_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append a log with time stamps to this file.")
    ] = None,
    _debug: Debug = False,
) -> None:
    """Scan folders of music into the database."""
    from soniquescan import logs, pipeline
    from soniquescan.console import scan as screen
    from soniquescan.database import open_database

    log_file = log_file.absolute() if log_file else None
    logs.configure(log_file)
    settings = ScanSettings(_roots(paths), workers or default_workers(), file_timeout, log_file)
    with open_database(_database_settings(dsn)) as conninfo:
        with screen.progress_view(quiet=quiet) as observe:
            screen.log_start(settings)
            report = pipeline.run(settings, conninfo, observe=observe)
        screen.log_end(report)
        if json:
            screen.write_document(report, cpu_count=default_workers())
        elif not quiet:
            screen.show_summary(report, cpu_count=default_workers())
        # Still inside the `with`: the embedded server hurries to stop when an exception passes by.
        _raise_failure(report)


@app.command()
def errors(
    *,
    kind: Annotated[
        list[ErrorKind] | None,
        typer.Option(metavar="KIND", help="Only this kind of error, e.g. corrupt; may be given several times."),
    ] = None,
    json: Json = False,
    dsn: Dsn = None,
    _debug: Debug = False,
) -> None:
    """List the files that failed, and why."""
    from soniquescan.console.rows import RowForm, select, write_rows
    from soniquescan.database.queries import list_errors

    with _connection(dsn) as connection:
        found = list_errors(connection, kinds=kind or ())
        columns = found.columns if json else _ERROR_COLUMNS
        number = write_rows(columns, select(found.columns, found.rows, columns), RowForm.JSON if json else None)
    streams.say(f"{number:,} {'error' if number == 1 else 'errors'}")


@app.command()
def sql(
    *,
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="One SQL statement; - reads it from stdin.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Write the result to stdout as CSV.")] = False,
    json: Json = False,
    dsn: Dsn = None,
    _debug: Debug = False,
) -> None:
    """Run one SQL statement and show its rows."""
    from soniquescan.console.rows import RowForm, write_rows
    from soniquescan.database.queries import run_sql

    if csv and json:
        raise typer.BadParameter("--csv and --json exclude each other")
    form = RowForm.CSV if csv else RowForm.JSON if json else None
    text = _query_text(query)
    with _connection(dsn) as connection:
        result = run_sql(connection, text)
        write_rows(result.columns, result.rows, form)


@db.command()
def shell(*, dsn: Dsn = None, _debug: Debug = False) -> None:
    """Open psql on the database."""
    from soniquescan.database import open_database
    from soniquescan.database.queries import shell_command, shell_environment

    with open_database(_database_settings(dsn)) as conninfo:
        code = _run_in_foreground(shell_command(conninfo), {**os.environ, **shell_environment(conninfo)})
    raise typer.Exit(code)


@db.command()
def info(*, json: Json = False, dsn: Dsn = None, _debug: Debug = False) -> None:
    """Show where it is, its version, size and rows."""
    from soniquescan.console.rows import write_facts
    from soniquescan.database.queries import database_info

    with _connection(dsn) as connection:
        write_facts(database_info(connection), as_json=json)


@db.command()
def start(*, _debug: Debug = False) -> None:
    """Keep the embedded server up; print its DSN."""
    from soniquescan.database.embedded import start_persistent

    streams.results().write(start_persistent(_data_folder()) + "\n")


@db.command()
def stop(*, _debug: Debug = False) -> None:
    """Stop the embedded server."""
    from soniquescan.database.embedded import stop_persistent

    was_running = stop_persistent(_data_folder())
    streams.say("the embedded server has stopped" if was_running else "the embedded server was not running")


# --- from arguments and environment to settings -------------------------------------------------------------------


def _data_folder() -> Path:
    folder = os.environ.get(DATA_FOLDER_VARIABLE)
    return Path(folder).absolute() if folder else default_data_folder()


def _database_settings(dsn: str | None) -> DatabaseSettings:
    return DatabaseSettings(dsn=dsn, data_folder=_data_folder())


def _roots(paths: Sequence[str]) -> tuple[bytes, ...]:
    """Return the folders as absolute names, without those that another one holds anyway."""
    folders = sorted({_readable_folder(path) for path in paths})
    roots: list[bytes] = []
    for folder in folders:
        # A parent sorts before what is in it.
        if not any(folder.startswith(root.rstrip(b"/") + b"/") for root in roots):
            roots.append(folder)
    return tuple(roots)


def _readable_folder(path: str) -> bytes:
    try:
        # Names as given rather than `realpath`: what a link leads to may change, its name is what users know.
        folder = os.path.abspath(os.fsencode(path)) if path else b""  # noqa: PTH100  # as just said; and bytes
        os.scandir(folder).close()
        os.scandir(folder + b"/.").close()  # a folder may be listed without the right to enter it
    except OSError as exc:
        raise UsageError(f"cannot scan '{path}': {exc.strerror}") from exc
    return b"/" + folder.lstrip(b"/")  # POSIX lets two slashes at the start stand


def _query_text(query: str | None) -> str:
    if query is None and sys.stdin.isatty():
        raise typer.BadParameter("a query is missing")
    try:
        raw = sys.stdin.buffer.read() if query in (None, "-") else os.fsencode(query or "")
        text = raw.decode()
    except UnicodeDecodeError as exc:
        raise UsageError("the query is not valid UTF-8") from exc
    if not text.strip():
        raise UsageError("the query is empty")
    if "\0" in text:
        raise UsageError("the query holds a NUL byte")  # PostgreSQL would run what stands before it, and no more
    return text


# --- doing it -----------------------------------------------------------------------------------------------------


@contextmanager
def _connection(dsn: str | None) -> Iterator[Connection[TupleRow]]:
    from soniquescan import logs
    from soniquescan.database import open_database
    from soniquescan.database.connection import connect

    logs.configure(None)
    # `closing`: the connection's own `with` would roll back first, and wait for ever for a result that is still
    # being streamed when its reader goes away or Ctrl-C is pressed.
    with (
        open_database(_database_settings(dsn)) as conninfo,
        closing(connect(conninfo, application_name=_PROGRAM)) as connection,
    ):
        yield connection


def _run_in_foreground(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run a program that owns the terminal until it ends; Ctrl-C is its business."""
    import subprocess

    with subprocess.Popen(command, env=environment) as process:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # after the start: it would be inherited
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGINT, before)
            process.terminate()


def _raise_failure(report: ScanReport) -> None:
    if report.status is ScanStatus.COMPLETED:
        return
    if report.signal_number is not None:
        raise Interrupted(report.signal_number)
    raise StageError(report.cause or "the scan failed", stage="", child_traceback=report.child_traceback)


# --- every way to end ---------------------------------------------------------------------------------------------


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; nothing but the exit of the process is left to do."""
    streams.prepare()
    options = {"debug": False}
    command = typer.main.get_command(app)
    try:
        # Not `app(…)`: that has its own ideas of what Ctrl-C, a closed pipe or an EOFError end with.
        with _interruptible(), command.make_context(_PROGRAM, list(arguments), obj=options) as context:
            command.invoke(context)
        streams.finish()
    except BaseException as exc:  # noqa: BLE001  # the border of the program: whatever it is, the user gets a line
        return explain(exc, debug=options["debug"])
    else:
        return ExitCode.DONE
    finally:
        streams.leave()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Turn the signals that ask us to end into `Interrupted`; after the block they are handled as they were before."""
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    if handlers[signal.SIGHUP] is signal.SIG_IGN:  # nohup, and so it stays
        del handlers[signal.SIGHUP]
    before = {number: handler for number, handler in handlers.items() if handler is not None}  # None: not Python's
    try:
        for number in before:
            signal.signal(number, _interrupt)
        yield
    finally:
        try:
            # Raises what has come already. From here on none comes, so that each gets its handler back.
            signal.pthread_sigmask(signal.SIG_BLOCK, before)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, before)


def explain(exc: BaseException, *, debug: bool) -> int:
    """Say in one line what went wrong (with `debug`, the traceback before it), and return the exit code."""
    if debug:
        streams.say_lines("".join(traceback.format_exception(exc)))
        streams.say_lines(getattr(exc, "child_traceback", None) or "")
    code, line = _verdict(exc)
    if line:
        from soniquescan import logs

        streams.say(f"{_PROGRAM}: {line}")
        logs.record_failure(line, exc)
    return code


def _verdict(exc: BaseException) -> tuple[int, str]:
    """Return the exit code and the line for the user."""
    code: int = ExitCode.FAILED
    line = f"error: {exc}"
    match exc:
        case typer.Exit():
            code, line = exc.exit_code, ""
        case Interrupted():
            code, line = ExitCode.of_signal(exc.signal_number), "interrupted"
        case KeyboardInterrupt():
            code, line = ExitCode.INTERRUPTED, "interrupted"
        case OutputClosed():
            code, line = ExitCode.OUTPUT_CLOSED, ""
        case BrokenPipeError() if streams.reader_has_gone():  # typer's help, which it writes itself
            code, line = ExitCode.OUTPUT_CLOSED, ""
        case typer.TyperException():
            command = getattr(getattr(exc, "ctx", None), "command_path", _PROGRAM)
            code, line = ExitCode.USAGE, f"error: {exc.format_message().rstrip('.')} (see {command} --help)"
        case SoniqueScanError():
            pass
        case OSError(errno=errno.ENOSPC):
            line = f"error: {exc.strerror}" + (f": '{exc.filename}'" if exc.filename else "")
        case MemoryError():
            line = "error: out of memory"
        case _:
            summary = " ".join(f"{type(exc).__name__}: {exc}".split())
            line = f"internal error: {summary}; run again with --debug to see where"
    return code, line


def _interrupt(signal_number: int, _frame: FrameType | None) -> None:
    raise Interrupted(signal_number)
