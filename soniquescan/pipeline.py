"""The whole scan on one page: four stages, the bounded queues between them, and what frames them.

    discover ──found──▶ extract ──extracted──▶ batch ──batches──▶ write
    1 process           N workers              1 process          1 process

The parent (this module) has a connection of its own, for the scan's row and to notice at once that the server is
gone. It starts no thread, so that processes can be forked from it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from psycopg import Connection
from psycopg.rows import TupleRow

from soniquescan import logs
from soniquescan.database import scans
from soniquescan.database.connection import connect, wrap_errors
from soniquescan.database.migrations import migrate
from soniquescan.errors import DatabaseError, Interrupted, StageError
from soniquescan.messages import Batch, Committed, FileError, FoundFile, Track
from soniquescan.monitor import Monitor
from soniquescan.processes import Channel, StageProcess, Watch, single_stage, supervise
from soniquescan.report import ScanProgress, ScanReport, ScanStatus
from soniquescan.settings import ScanSettings, default_workers
from soniquescan.stages.batch import batch
from soniquescan.stages.discover import Root, discover
from soniquescan.stages.extract import extract, lost, weigh
from soniquescan.stages.write import write
from soniquescan.text import path_to_text
from soniquescan.workers import Work, pool_stage

logger = logging.getLogger(__name__)

TICK_S = 0.25  # how often `observe` is told
CHUNK_FILES = 64  # files a message
QUEUE_FOUND = 2_048  # messages in the queue of files: 131,072 of them, about 20 MB, so that the end is soon known
QUEUE_EXTRACTED = 8  # messages in the queue of tracks: enough to ride out a commit
QUEUE_BATCHES = 2  # messages in the queue of batches, which are large
WORKER_MEMORY_LIMIT_BYTES = 2 << 30  # address space of one worker; an ordinary one uses a tenth of it


def run(settings: ScanSettings, conninfo: str, *, observe: Callable[[ScanProgress], None]) -> ScanReport:
    """Scan `settings.roots` into the database; `observe` is told several times a second how far it is.

    A scan that fails or is interrupted (the caller's signal handlers raise `Interrupted`) has a report as well: what
    was committed is kept. Raises `SoniqueScanError` or `Interrupted` only before there is a scan.
    """
    with connect(conninfo, application_name="soniquescan") as connection:
        migrate(connection)
        scan = scans.begin(connection, settings.roots, settings.document())
        roots = [Root(scan.root_ids[path], path) for path in settings.roots]
        stages = _build_stages(settings, conninfo, scan.id, roots)
        monitor, tally = Monitor(stages), Tally()

        def tick() -> None:
            monitor.sample()
            observe(_progress(monitor, tally))

        try:
            server = Watch(connection.fileno(), partial(_look_at_server, connection))
            supervise(stages, on_news=tally.add, on_tick=tick, tick_s=TICK_S, watches=[server])
            monitor.sample()
            observe(_progress(monitor, tally, settling=True))
            scans.settle(connection, scan.id)
            ending = Ending(ScanStatus.COMPLETED)
        except (StageError, DatabaseError, Interrupted) as exc:
            ending = Ending.of(exc)
        return _finish(connection, scan.id, settings, ending, (monitor, tally))


def _build_stages(settings: ScanSettings, conninfo: str, scan_id: int, roots: list[Root]) -> list[StageProcess]:
    """Return the four stages, joined, in pipeline order."""
    found: Channel[FoundFile | FileError] = Channel(capacity_chunks=QUEUE_FOUND, chunk_items=CHUNK_FILES)
    extracted: Channel[Track | FileError] = Channel(capacity_chunks=QUEUE_EXTRACTED, chunk_items=CHUNK_FILES)
    batches: Channel[Batch] = Channel(capacity_chunks=QUEUE_BATCHES, chunk_items=1)
    reading = Work(
        do=extract,
        lost=lost,
        weigh=weigh,
        prepare=partial(logs.configure, settings.log_file),
        timeout_s=settings.file_timeout_s,
        memory_limit_bytes=WORKER_MEMORY_LIMIT_BYTES,
    )
    return [
        single_stage("discover", partial(discover, roots), None, found),
        pool_stage("extract", reading, found, extracted, settings.workers),
        single_stage("batch", partial(batch, scan_id=scan_id), extracted, batches),
        single_stage("write", partial(_connect_and_write, conninfo), batches, None),
    ]


def _connect_and_write(conninfo: str, batches: Iterable[Batch]) -> Iterator[Committed]:
    with connect(conninfo, application_name="soniquescan: write") as connection:
        yield from write(batches, connection=connection)


def _look_at_server(connection: Connection[TupleRow]) -> None:
    """Raise if the server has closed the connection; it speaks unasked only to say good-bye or to warn."""
    with wrap_errors():
        connection.execute("SELECT 1")


@dataclass
class Tally:
    """What the write stage has committed so far."""

    loaded: int = 0
    failed: int = 0
    errors_by_kind: Counter[str] = field(default_factory=Counter)

    def add(self, committed: Committed) -> None:
        """Count one more batch."""
        self.loaded += committed.tracks
        self.failed += committed.failed_files
        self.errors_by_kind.update(committed.errors_by_kind)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a scan has ended."""

    status: ScanStatus
    cause: str | None = None
    signal_number: int | None = None
    child_traceback: str | None = None

    @classmethod
    def of(cls, exc: StageError | DatabaseError | Interrupted) -> Self:
        """Return the ending that an exception means."""
        match exc:
            case Interrupted():
                return cls(ScanStatus.INTERRUPTED, signal_number=exc.signal_number)
            case StageError():
                return cls(ScanStatus.FAILED, cause=str(exc), child_traceback=exc.child_traceback)
            case _:
                return cls(ScanStatus.FAILED, cause=str(exc))


def _progress(monitor: Monitor, tally: Tally, *, settling: bool = False) -> ScanProgress:
    stages = monitor.stages(items_written=tally.loaded)
    return ScanProgress(
        elapsed_s=monitor.elapsed_s,
        stages=stages,
        files_discovered=stages[0].items,
        files_loaded=tally.loaded,
        files_failed=tally.failed,
        memory_bytes=monitor.memory_bytes,
        discovery_finished=stages[0].finished,
        settling=settling,
    )


def _finish(
    connection: Connection[TupleRow],
    scan_id: int,
    settings: ScanSettings,
    ending: Ending,
    figures: tuple[Monitor, Tally],
) -> ScanReport:
    """Bring the scan's row up to date, if the database still answers, and return the report."""
    monitor, tally = figures
    library = None  # not known
    try:
        library = scans.count_library(connection)
    except DatabaseError as exc:
        logger.warning("the figures of the library could not be read: %s", exc)
    stages = monitor.stage_reports(items_written=tally.loaded)
    report = ScanReport(
        scan_id=scan_id,
        status=ending.status,
        roots=tuple(map(path_to_text, settings.roots)),
        elapsed_s=monitor.elapsed_s,
        files_discovered=stages[0].items,
        files_loaded=tally.loaded,
        files_failed=tally.failed,
        errors_by_kind=dict(tally.errors_by_kind),
        artists=library and library.artists,
        albums=library and library.albums,
        genres=library and library.genres,
        cpu_s=monitor.cpu_s(),
        peak_memory_bytes=monitor.peak_memory_bytes,
        stages=stages,
        queue_sizes=dict(monitor.peak_queue_chunks),
        cause=ending.cause,
        signal_number=ending.signal_number,
        child_traceback=ending.child_traceback,
    )
    try:
        scans.finish(connection, scan_id, report.status, report.document(default_workers()))
    except DatabaseError as exc:
        logger.warning("the scan's row in the database could not be brought up to date: %s", exc)
    return report
