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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from soniquescan import arguments
from soniquescan.console import streams
from soniquescan.errors import Interrupted, OutputClosed, ScanRunsError, SoniqueScanError, StageError, UsageError
from soniquescan.interruption import interruptible
from soniquescan.messages import ErrorKind
from soniquescan.report import ChangeKind, ExitCode, ScanReport, ScanStatus
from soniquescan.settings import (
    DATA_FOLDER_VARIABLE,
    DEFAULT_DB_RETRY_S,
    DEFAULT_FILE_TIMEOUT_S,
    DEFAULT_MAX_ERROR_RATE,
    DSN_VARIABLE,
    DatabaseSettings,
    ScanSettings,
    default_data_folder,
    default_workers,
)

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

    from soniquescan.database import Database

T = TypeVar("T")

_PROGRAM = "soniquescan"
_MAX_WORKERS = 512  # a slip of the finger should not start 10,000 processes; a guess
_MAX_SECONDS = 86_400  # whoever means more than a day means for ever, and cron comes again
_DEFAULT_HISTORY = 20  # scans; as many lines fit on the smallest terminal

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
Wait = Annotated[
    float,
    typer.Option(
        "--wait", metavar="SECONDS", min=0, max=_MAX_SECONDS, help="Wait for another scan of the database to end."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Write the result to stdout as JSON.")]


def _parser(parse: Callable[[str], T]) -> Callable[[Any], T]:
    """Return what typer calls with an option's text, or with its default, which is no text."""

    def parse_option(value: Any) -> T:  # noqa: ANN401  # as just said
        try:
            return parse(value) if isinstance(value, str) else value
        except ValueError as exc:
            raise typer.BadParameter(str(exc)) from exc

    return parse_option


def _check_patterns(patterns: list[str] | None) -> list[str] | None:
    if patterns:
        from soniquescan.ignore import check_patterns

        try:
            check_patterns(patterns)
        except UsageError as exc:
            raise typer.BadParameter(str(exc).removeprefix("--exclude ")) from exc  # typer names the option
    return patterns


# --- commands -----------------------------------------------------------------------------------------------------


def _show_version(value: bool) -> None:  # noqa: FBT001  # typer calls it so
    if value:
        from importlib.metadata import version

        from soniquescan import is_compiled

        how = "compiled" if is_compiled() else "not compiled"
        streams.results().write(f"{_PROGRAM} {version(_PROGRAM)} ({how})\n")
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
    full: Annotated[bool, typer.Option("--full", help="Read every file again, changed or not.")] = False,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Read files again that failed before, changed or not.")
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            callback=_check_patterns,
            help="Leave out what matches, as in .gitignore; may be given several times.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")] = False,
    allow_missing: Annotated[
        bool, typer.Option("--allow-missing", help="Mark tracks as missing even where most or all are gone.")
    ] = False,
    max_error_rate: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            parser=_parser(arguments.share),
            show_default=False,
            help="End with exit code 3 if more of the files fail, such as 5% or 0.05.  [default: 1%]",
        ),
    ] = DEFAULT_MAX_ERROR_RATE,
    wait: Wait = 0.0,
    db_retry: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, max=_MAX_SECONDS, help="Try so long for a database that was lost; 0: not at all."
        ),
    ] = DEFAULT_DB_RETRY_S,
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=_MAX_WORKERS, help="Processes that read files  [default: the cores it may use]"
        ),
    ] = None,
    file_timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.1, max=_MAX_SECONDS, help="Give up on a file that takes longer."),
    ] = DEFAULT_FILE_TIMEOUT_S,
    dsn: Dsn = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show only what went wrong: no progress, no summary.")] = False,
    json: Json = False,
    log_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Append a log with time stamps to this file.")
    ] = None,
    _debug: Debug = False,
) -> None:
    """Scan folders of music into the database."""
    from soniquescan import logs
    from soniquescan.database import open_database

    log_file = log_file.absolute() if log_file else None
    logs.configure(log_file)
    settings = ScanSettings(
        roots=arguments.roots(paths),
        workers=workers or default_workers(),
        file_timeout_s=file_timeout,
        log_file=log_file,
        full=full,
        retry_errors=retry_errors,
        allow_missing=allow_missing,
        exclude=tuple(exclude or ()),
        max_error_rate=max_error_rate,
        wait_s=wait,
        db_retry_s=db_retry,
    )
    work = _preview if dry_run else _scan
    with open_database(_database_settings(dsn)) as database:
        code = work(settings, database, quiet=quiet, as_json=json)
    if code is not ExitCode.DONE:  # the server has had its time to stop: nothing has failed
        raise typer.Exit(code)


def _scan(settings: ScanSettings, database: Database, *, quiet: bool, as_json: bool) -> ExitCode:
    from soniquescan import pipeline
    from soniquescan.console import scan as screen

    with screen.progress_view(quiet=quiet) as view:
        screen.log_start(settings)
        report = pipeline.run(settings, database, observe=view.observe, tell=view.tell)
    screen.log_end(report)
    if as_json:
        screen.write_document(report, cpu_count=default_workers())
    elif not quiet:
        screen.show_summary(report, cpu_count=default_workers())
    screen.say_warnings(report)
    # Raised while the database is open: the embedded server hurries to stop when an exception passes by.
    _raise_failure(report)
    return report.exit_code


def _preview(settings: ScanSettings, database: Database, *, quiet: bool, as_json: bool) -> ExitCode:
    from soniquescan.console import changes
    from soniquescan.console.rows import RowForm, write_rows
    from soniquescan.preview import preview

    with preview(settings, database) as found:
        if as_json:
            number = write_rows(changes.CHANGE_COLUMNS, found, RowForm.JSON)
        else:
            number = write_rows(changes.CHANGE_COLUMNS, changes.change_rows(found))
    if not quiet:
        streams.say(changes.preview_line(number, found.found, found.unchanged))
    for line in found.guarded:
        _tell(line)
    return ExitCode.GUARDED if found.guarded else ExitCode.DONE


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
def changes(
    *,
    scan_id: Annotated[
        int | None,
        typer.Argument(metavar="SCAN", min=1, help="Its number in the history  [default: the last]"),
    ] = None,
    kind: Annotated[
        list[ChangeKind] | None,
        typer.Option(metavar="KIND", help="Only this kind of change, e.g. moved; may be given several times."),
    ] = None,
    json: Json = False,
    dsn: Dsn = None,
    _debug: Debug = False,
) -> None:
    """List what a scan has changed."""
    from soniquescan.console import changes as texts
    from soniquescan.console.rows import RowForm, select, write_rows
    from soniquescan.database.queries import find_scan, list_changes

    with _connection(dsn) as connection:
        scan = find_scan(connection, scan_id)
        found = list_changes(connection, scan.id, kinds=kind or ())
        if json:
            number = write_rows(found.columns, found.rows, RowForm.JSON)
        else:
            rows = select(found.columns, found.rows, texts.CHANGE_COLUMNS)
            number = write_rows(texts.CHANGE_COLUMNS, texts.change_rows(rows))
    streams.say(texts.changes_line(number, scan.id, scan.started_at, scan.status))


@app.command()
def history(
    *,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many.")] = _DEFAULT_HISTORY,
    json: Json = False,
    dsn: Dsn = None,
    _debug: Debug = False,
) -> None:
    """List the last scans, a line each."""
    from soniquescan.console import changes as texts
    from soniquescan.console.rows import RowForm, write_rows
    from soniquescan.database.queries import list_scans

    with _connection(dsn) as connection:
        found = list_scans(connection, limit)
        if json:
            write_rows(found.columns, found.rows, RowForm.JSON)
        else:
            # Not a table: one wider than the terminal would become a record a scan.
            write_rows(texts.SCAN_COLUMNS, texts.scan_rows(found.columns, found.rows), RowForm.TEXT)


@app.command()
def purge(
    *,
    missing_for: Annotated[
        timedelta,
        typer.Option(
            metavar="TIME",
            parser=_parser(arguments.duration),
            help="Those that have been missing for so long: 90m, 12h, 30d, 2w.",
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    wait: Wait = 0.0,
    dsn: Dsn = None,
    _debug: Debug = False,
) -> None:
    """Delete tracks that have long been missing."""
    from soniquescan import logs
    from soniquescan.database import open_database, scanlock
    from soniquescan.database import purge as purging

    if not yes and not streams.can_ask():
        raise typer.BadParameter("there is nobody to ask: give --yes")
    logs.configure(None)
    with open_database(_database_settings(dsn)) as database:
        with _connect(database) as connection:
            missing = purging.count_missing(connection, missing_for)
        since = f"{missing.before.astimezone():%Y-%m-%d %H:%M}"
        if missing.tracks == 0:
            streams.say(f"no track has been missing since {since} or longer")
            return
        if not yes and not streams.ask(f"Delete {_tracks(missing.tracks)} missing since {since} or longer?"):
            raise UsageError("nothing was deleted")
        with scanlock.hold(database, wait, retry_s=0.0, doing="purge", tell=_tell) as session:
            purged = session.run(partial(purging.purge, before=missing.before))
    streams.say(f"purged {_tracks(purged)}")


def _tracks(number: int) -> str:
    return f"{number:,} {'track' if number == 1 else 'tracks'}"


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
    if query is None and sys.stdin.isatty():
        raise typer.BadParameter("a query is missing")
    text = arguments.query_text(query)
    with _connection(dsn) as connection:
        result = run_sql(connection, text)
        write_rows(result.columns, result.rows, form)


@db.command()
def shell(*, dsn: Dsn = None, _debug: Debug = False) -> None:
    """Open psql on the database."""
    from soniquescan.database import open_database
    from soniquescan.database.queries import shell_command, shell_environment

    with open_database(_database_settings(dsn)) as database:
        environment = {**os.environ, **shell_environment(database.conninfo)}
        code = _run_in_foreground(shell_command(database.conninfo), environment)
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


# --- doing it -----------------------------------------------------------------------------------------------------


@contextmanager
def _connection(dsn: str | None) -> Iterator[Connection[TupleRow]]:
    from soniquescan import logs
    from soniquescan.database import open_database

    logs.configure(None)
    with open_database(_database_settings(dsn)) as database, _connect(database) as connection:
        yield connection


def _connect(database: Database) -> closing[Connection[TupleRow]]:
    from soniquescan.database.connection import connect

    # `closing`: the connection's own `with` would roll back first, and wait for ever for a result that is still
    # being streamed when its reader goes away or Ctrl-C is pressed.
    return closing(connect(database.conninfo, application_name=_PROGRAM))


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
        with interruptible(), command.make_context(_PROGRAM, list(arguments), obj=options) as context:
            command.invoke(context)
        streams.finish()
    except BaseException as exc:  # noqa: BLE001  # the border of the program: whatever it is, the user gets a line
        return explain(exc, debug=options["debug"])
    else:
        return ExitCode.DONE
    finally:
        streams.leave()


def explain(exc: BaseException, *, debug: bool) -> int:
    """Say in one line what went wrong (with `debug`, the traceback before it), and return the exit code."""
    if debug:
        streams.say_lines("".join(traceback.format_exception(exc)))
        streams.say_lines(getattr(exc, "child_traceback", None) or "")
    code, line = _verdict(exc)
    if line:
        from soniquescan import logs

        _tell(line)
        logs.record_failure(line, exc)
    return code


def _tell(line: str) -> None:
    """Say one line that is not about the scan's course: who says it is what cron's mail has to tell."""
    streams.say(f"{_PROGRAM}: {line}")


def _verdict(exc: BaseException) -> tuple[int, str]:
    """Return the exit code and the line for the user."""
    code: int = ExitCode.FAILED
    line = f"error: {exc}"
    match exc:
        case typer.Exit():
            code, line = exc.exit_code, ""
        case KeyboardInterrupt():
            code, line = ExitCode.of_signal(getattr(exc, "signal_number", signal.SIGINT)), "interrupted"
        case OutputClosed():
            code, line = ExitCode.OUTPUT_CLOSED, ""
        case BrokenPipeError() if streams.reader_has_gone():  # typer's help, which it writes itself
            code, line = ExitCode.OUTPUT_CLOSED, ""
        case typer.TyperException():
            command = getattr(getattr(exc, "ctx", None), "command_path", _PROGRAM)
            code, line = ExitCode.USAGE, f"error: {exc.format_message().rstrip('.')} (see {command} --help)"
        case ScanRunsError():
            code, line = ExitCode.LOCKED, str(exc)  # no error: the other scan does the work
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
