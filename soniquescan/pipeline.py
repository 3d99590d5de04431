"""The whole scan on one page: five stages, the bounded queues between them, and what frames them.

    discover ──walked──▶ compare ──found──▶ extract ──extracted──▶ batch ──batches──▶ write
    1 process            1 process          N workers              1 process          1 process

The last three are started only when there is something to read, and what they import is imported while the first two
look for it. The parent (this module) has a connection of its own, which holds the lock that keeps out a second scan,
and notices at once that the server is gone. It starts no thread, so that processes can be forked from it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Self, assert_never

from soniquescan import logs
from soniquescan.database import Database, indexes, scans
from soniquescan.database.known import KnownFiles
from soniquescan.database.migrations import migrate
from soniquescan.database.scanlock import ScanLock
from soniquescan.database.session import Session
from soniquescan.errors import DatabaseError, Interrupted, StageError
from soniquescan.messages import (
    Batch,
    Committed,
    Compared,
    FileError,
    FoundFile,
    FoundFolder,
    NotAudio,
    ReadFiles,
    Track,
)
from soniquescan.monitor import Monitor
from soniquescan.processes import FIRST_ITEMS, Channel, Parent, StageProcess, Watch, single_stage, supervise
from soniquescan.report import ScanProgress, ScanReport, ScanStatus
from soniquescan.settings import ScanSettings, default_workers
from soniquescan.stages import compare, discover
from soniquescan.text import path_to_text
from soniquescan.workers import Work, pool_stage

logger = logging.getLogger(__name__)

TICK_S = 0.25  # how often `observe` is told
CHUNK_FILES = 1024  # files a message; with 512, a scan took 1.03 times as long, with 128, 1.06; 2048 are no better
WORKERS_CHUNKED = 2  # workers that can have messages of CHUNK_FILES, more of them have smaller ones
PARTS = 8  # of the files before it, a message has at most that part for each worker: so few files are shared as well
CHUNK_FOLDERS = 64  # folders a message, of a dozen files each; with 16, a rescan took 1.17 times as long
QUEUE_WALKED = 16  # messages in the queue of folders
QUEUE_FOUND_FILES = 131_072  # files in the queue of files: about 20 MB, so that the end is soon known
QUEUE_EXTRACTED = 8  # messages in the queue of tracks: enough to ride out a commit
QUEUE_BATCHES = 2  # messages in the queue of batches, which are large
WORKER_MEMORY_LIMIT_BYTES = 2 << 30  # address space of one worker; an ordinary one uses a tenth of it

SCOUTS = 2  # stages that every scan needs: discover and compare
READERS = ("extract", "batch", "write")  # modules of the others, of which extract imports all that reads tags


def run(
    settings: ScanSettings,
    database: Database,
    *,
    observe: Callable[[ScanProgress], None],
    tell: Callable[[str], None],
) -> ScanReport:
    """Scan `settings.roots` into the database.

    `observe` hears several times a second how far it is, `tell` what the user should know meanwhile, a line each.
    A scan that fails or is interrupted (the caller's signal handlers raise `Interrupted`) has a report as well: what
    was committed is kept. Raises `SoniqueScanError` or `Interrupted` only before there is a scan.
    """
    lock = ScanLock(wait_s=settings.wait_s, tell=tell)
    with Session(
        database.conninfo,
        application_name="soniquescan",
        retry_s=settings.db_retry_s,
        prepare=lock.hold,
        revive=database.revive,
        tell=tell,
    ) as session:
        session.run(migrate)
        session.run(indexes.require)
        session.run(partial(scans.require_roots, roots=settings.roots))
        scan = session.run(partial(scans.begin, roots=settings.roots, settings=settings.document()))
        session.run(partial(lock.begin, scan_id=scan.id))
        stages = _build_stages(settings, database.conninfo, scan)
        monitor, tally = Monitor(stages), Tally()

        def tick() -> None:
            monitor.sample()
            observe(_progress(monitor, tally))
            _import_readers()

        try:
            supervise(
                stages,
                Parent(
                    before_later_stages=_import_readers,
                    on_news=tally.add,
                    on_tick=tick,
                    tick_s=TICK_S,
                    watch=Watch(session.fileno, session.check),
                ),
                at_once=SCOUTS,
            )
            monitor.sample()
            observe(_progress(monitor, tally, settling=True))
            tally.conclude(session, scan.id, allow_missing=settings.allow_missing)
            session.run(indexes.resume)
            ending = Ending(ScanStatus.COMPLETED)
        except (StageError, DatabaseError, Interrupted) as exc:
            ending = Ending.of(exc)
        return _finish(session, scan.id, settings, ending, (monitor, tally))


# --- the stages ---------------------------------------------------------------------------------------------------


def _build_stages(settings: ScanSettings, conninfo: str, scan: scans.Scan) -> list[StageProcess]:
    """Return the stages, joined, in pipeline order."""
    walked: Channel[FoundFolder | FileError] = Channel(
        capacity_chunks=QUEUE_WALKED, chunk_items=CHUNK_FOLDERS, count=_count_files
    )
    files = max(FIRST_ITEMS, CHUNK_FILES * WORKERS_CHUNKED // max(WORKERS_CHUNKED, settings.workers))
    found: Channel[FoundFile | FileError] = Channel(
        capacity_chunks=QUEUE_FOUND_FILES // files, chunk_items=files, parts=PARTS * settings.workers
    )
    extracted: Channel[ReadFiles] = Channel(capacity_chunks=QUEUE_EXTRACTED, chunk_items=1, count=_count_results)
    batches: Channel[Batch] = Channel(capacity_chunks=QUEUE_BATCHES, chunk_items=1)
    folders = [discover.Root(scan.roots[path].id, path) for path in settings.roots]
    return [
        single_stage("discover", partial(discover.discover, folders, exclude=settings.exclude), None, walked),
        single_stage("compare", partial(_compare, settings, conninfo, scan), walked, found, news=Compared),
        pool_stage("extract", partial(_reading, settings), found, extracted, settings.workers),
        single_stage("batch", partial(_batch, scan.id), extracted, batches),
        single_stage("write", partial(_write, settings, conninfo), batches, None),
    ]


def _count_files(item: FoundFolder | FileError) -> int:
    return item.files if isinstance(item, FoundFolder) else 1


def _count_results(files: ReadFiles) -> int:
    return len(files.tracks.paths) + len(files.errors) + len(files.others)


def _compare(
    settings: ScanSettings, conninfo: str, scan: scans.Scan, folders: Iterable[FoundFolder | FileError]
) -> Iterator[FoundFile | FileError | Compared]:
    roots = [
        compare.Root(scan.roots[path].id, path, scan.roots[path].device, scans.device_of(path))
        for path in settings.roots
    ]
    with Session(
        conninfo, application_name="soniquescan: compare", retry_s=settings.db_retry_s, is_proven=True
    ) as session:
        known = KnownFiles(session, full=settings.full, retry_errors=settings.retry_errors)
        yield from compare.compare(folders, known=known, roots=roots, scan_id=scan.id)


def _import_readers() -> None:
    """Import what reads tags and writes them, once.

    It takes 0.07 s, so it is done while the parent has no other work, before it is known whether there is anything to
    read; but not in the first moments, when the first stages and the server need all cores.
    """
    for name in READERS:
        import_module(f"soniquescan.stages.{name}")


def _reading(settings: ScanSettings) -> Work[FoundFile | FileError, Track | NotAudio | FileError, ReadFiles]:
    from soniquescan.stages.extract import extract, lost, open_ahead, pack, weigh

    return Work(
        do=extract,
        ahead=open_ahead,
        lost=lost,
        weigh=weigh,
        pack=pack,
        prepare=partial(logs.configure, settings.log_file),
        timeout_s=settings.file_timeout_s,
        memory_limit_bytes=WORKER_MEMORY_LIMIT_BYTES,
    )


def _batch(scan_id: int, items: Iterable[ReadFiles]) -> Iterator[Batch]:
    from soniquescan.stages.batch import batch

    return batch(items, scan_id=scan_id)


def _write(settings: ScanSettings, conninfo: str, batches: Iterable[Batch]) -> Iterator[Committed]:
    from soniquescan.database import staging
    from soniquescan.stages.write import write

    with Session(
        conninfo,
        application_name="soniquescan: write",
        retry_s=settings.db_retry_s,
        is_proven=True,
        prepare=staging.prepare,
    ) as session:
        yield from write(batches, session=session)


# --- what has come of it ------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What the stages have told so far, and what the end of the scan has come to."""

    loaded: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    missing: int = 0
    restored: int = 0
    failed: int = 0
    errors_by_kind: Counter[str] = field(default_factory=Counter)
    compared: Compared | None = None
    guarded: tuple[str, ...] = ()

    def add(self, news: Committed | Compared) -> None:
        """Count what a stage tells."""
        match news:
            case Committed():
                self.loaded += news.tracks
                self.added += news.added
                self.changed += news.changed
                self.restored += news.restored
                self.failed += news.failed_files
                self.errors_by_kind.update(news.errors_by_kind)
            case Compared():
                self.compared = news
                self.moved += news.moved
                self.restored += news.restored
            case _:
                assert_never(news)

    def conclude(self, session: Session, scan_id: int, *, allow_missing: bool) -> None:
        """Have the database work out what depends on all files together, and count what comes of it."""
        assert self.compared is not None  # noqa: S101  # the compare stage has ended well
        conclude = partial(scans.conclude, scan_id=scan_id, compared=self.compared, allow_missing=allow_missing)
        conclusion = session.run(conclude)
        self.missing = conclusion.missing
        self.guarded = conclusion.guarded
        # Files that were added turned out to be missing tracks.
        self.moved += conclusion.moved
        self.added -= conclusion.moved_added


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
        files_to_read=monitor.items_passed_on("compare"),
        files_loaded=tally.loaded,
        files_failed=tally.failed,
        memory_bytes=monitor.memory_bytes,
        discovery_finished=all(stage.finished for stage in stages[:SCOUTS]),
        settling=settling,
    )


def _finish(
    session: Session, scan_id: int, settings: ScanSettings, ending: Ending, figures: tuple[Monitor, Tally]
) -> ScanReport:
    """Bring the scan's row up to date, if the database still answers, and return the report."""
    if ending.status is not ScanStatus.COMPLETED:
        session.give_up()  # it has been tried long enough, or somebody wants it to end
    library = None  # not known
    try:
        library = session.run(scans.count_library)
    except DatabaseError as exc:
        logger.warning("the figures of the library could not be read: %s", exc)
    report = _report(scan_id, settings, ending, figures, library)
    document = report.document(default_workers())
    try:
        session.run(partial(scans.finish, scan_id=scan_id, status=report.status, counters=document))
    except DatabaseError as exc:
        logger.warning("the scan's row in the database could not be brought up to date: %s", exc)
    return report


def _report(
    scan_id: int,
    settings: ScanSettings,
    ending: Ending,
    figures: tuple[Monitor, Tally],
    library: scans.Library | None,
) -> ScanReport:
    monitor, tally = figures
    stages = monitor.stage_reports(items_written=tally.loaded)
    return ScanReport(
        scan_id=scan_id,
        status=ending.status,
        roots=tuple(map(path_to_text, settings.roots)),
        elapsed_s=monitor.elapsed_s,
        files_discovered=stages[0].items,
        files_unchanged=0 if tally.compared is None else tally.compared.unchanged,
        tracks_added=tally.added,
        tracks_changed=tally.changed,
        tracks_moved=tally.moved,
        tracks_missing=tally.missing,
        tracks_restored=tally.restored,
        tracks_unknown=0 if tally.compared is None else tally.compared.unknown,
        guarded=tally.guarded,
        max_error_rate=settings.max_error_rate,
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
