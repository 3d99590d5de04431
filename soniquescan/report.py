"""What a scan tells while it runs (`ScanProgress`) and when it has ended (`ScanReport`), and the exit codes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import IntEnum, StrEnum

MOSTLY = 0.5  # of its time


class ExitCode(IntEnum):
    """What `soniquescan` returns to the shell."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    TOO_MANY_ERRORS = 3  # done, but more than --max-error-rate of the files failed
    GUARDED = 4  # done, but tracks that were not found were not marked as missing: see `ScanReport.guarded`
    LOCKED = 75  # EX_TEMPFAIL: another scan of the same database runs
    HUNG_UP = 129  # 128 + SIGHUP: the terminal was closed
    INTERRUPTED = 130  # 128 + SIGINT
    OUTPUT_CLOSED = 141  # 128 + SIGPIPE: what `… | head` makes of any command
    TERMINATED = 143  # 128 + SIGTERM

    @classmethod
    def of_signal(cls, signal_number: int) -> ExitCode:
        """Return the code of a command that a signal has ended."""
        return cls(_SIGNAL_BASE + signal_number)


_SIGNAL_BASE = 128  # the shell's own convention


class ScanStatus(StrEnum):
    """How a scan stands; `scans.status`."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class ChangeKind(StrEnum):
    """What a scan can find to have happened to a file; `scan_changes.kind`, in the order in which they are listed."""

    ADDED = "added"
    CHANGED = "changed"
    MOVED = "moved"
    MISSING = "missing"
    RESTORED = "restored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage at one moment."""

    name: str  # discover, compare, extract, batch, write
    processes: int  # 0 until it is started, which it is when there is something to do for it
    items: int  # files (discover, compare, extract), tracks and errors (batch), rows of tracks committed (write)
    waiting_for_input_s: float  # summed over its processes, since the start
    waiting_for_output_s: float
    queue_chunks: int  # how many messages wait in the queue behind it (0 for write, which has none)
    queue_capacity_chunks: int
    finished: bool


@dataclass(frozen=True, slots=True)
class ScanProgress:
    """The whole pipeline at one moment; sampled by `pipeline.run` several times a second."""

    elapsed_s: float
    stages: tuple[StageProgress, ...]  # in pipeline order
    files_discovered: int
    files_to_read: int  # of those, as far as they are compared: the others are unchanged
    files_loaded: int
    files_failed: int
    memory_bytes: int  # of all our processes together, shared pages counted once
    discovery_finished: bool  # and the comparison: all that is to be read is known

    settling: bool = False  # all is written; what depends on all files together is being worked out

    def limiting_stage(self, earlier: ScanProgress) -> str | None:
        """Return the stage that the others have waited for since an earlier sample, None if none stands out.

        That is the last one that did not mostly wait for input; one whose queue is full has no reason to wait.
        """
        elapsed_s = self.elapsed_s - earlier.elapsed_s
        input_is_full = False
        limiting = None
        for before, stage in zip(earlier.stages, self.stages, strict=True):
            waited_s = stage.waiting_for_input_s - before.waiting_for_input_s
            starved = waited_s > MOSTLY * elapsed_s * stage.processes and not input_is_full
            if stage.processes and not stage.finished and not starved and elapsed_s > 0:
                limiting = stage.name
            input_is_full = stage.queue_chunks >= stage.queue_capacity_chunks > 0
        return limiting


@dataclass(frozen=True, slots=True)
class StageReport:
    """One stage's share of a finished scan."""

    name: str
    processes: int
    items: int
    items_per_s: float
    busy_share: float  # 0 to 1: time spent neither waiting for input nor for room in the next queue
    cpu_s: float
    peak_memory_bytes: int  # the largest resident set of one of its processes


@dataclass(frozen=True, slots=True)
class ScanReport:
    """A scan that has ended, whether completed or not."""

    scan_id: int
    status: ScanStatus
    roots: tuple[str, ...]
    elapsed_s: float
    files_discovered: int
    files_unchanged: int  # not read, since they are as they were when they were read
    tracks_added: int
    tracks_changed: int
    tracks_moved: int
    tracks_missing: int  # marked so by this scan
    tracks_restored: int  # were missing and are there again
    tracks_unknown: int  # not found where it cannot be told whether they are there
    guarded: tuple[str, ...]  # a line for each root whose missing tracks were not marked: why, and what to do
    max_error_rate: float
    files_loaded: int  # rows in `tracks` written by this scan
    files_failed: int  # files with at least one row in `file_errors` from this scan
    errors_by_kind: Mapping[str, int]
    artists: int | None  # in the database after the scan, as are albums and genres; None if it cannot say any more
    albums: int | None
    genres: int | None
    cpu_s: float  # of all our processes, user and system
    peak_memory_bytes: int  # of all our processes together, shared pages counted once
    stages: tuple[StageReport, ...]
    queue_sizes: Mapping[str, int] = field(default_factory=dict)  # the most messages each queue held
    cause: str | None = None  # one line, when it failed
    signal_number: int | None = None  # when it was interrupted
    child_traceback: str | None = None  # of the stage that failed; shown with --debug only

    @property
    def exit_code(self) -> ExitCode:
        """What the command returns for this scan."""
        if self.status is ScanStatus.COMPLETED:
            if self.guarded:
                return ExitCode.GUARDED
            return ExitCode.TOO_MANY_ERRORS if self.error_rate > self.max_error_rate else ExitCode.DONE
        if self.signal_number is not None:
            return ExitCode.of_signal(self.signal_number)
        return ExitCode.FAILED

    @property
    def files_per_s(self) -> float:
        """How many files extraction was done with in a second, over the whole scan."""
        return self.files_processed / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def error_rate(self) -> float:
        """The share (0 to 1) of the files found that failed in this scan."""
        return min(1.0, self.files_failed / max(1, self.files_discovered))

    def cpu_share(self, cpu_count: int) -> float:
        """Return the share (0 to 1) of `cpu_count` cores that the scan has kept busy."""
        capacity_s = self.elapsed_s * cpu_count
        # Importing and connecting come before the clock starts: a tiny scan would count over 1.
        return min(1.0, self.cpu_s / capacity_s) if capacity_s > 0 else 0.0

    def document(self, cpu_count: int) -> dict[str, object]:
        """Return the report as `scan --json` prints it: a stable shape, to which members may be added.

        Units: seconds, bytes, files/s and rows/s; rates of errors and of the CPU are shares from 0 to 1 (of all
        `cpu_count` cores over the whole scan).
        """
        insertion_rate = next((stage.items_per_s for stage in self.stages if stage.name == "write"), 0.0)
        return {
            "status": str(self.status),
            "exit_code": int(self.exit_code),
            "cause": self.cause,
            "scan_id": self.scan_id,
            "roots": list(self.roots),
            "elapsed_s": round(self.elapsed_s, 3),
            "files_discovered": self.files_discovered,
            "files_unchanged": self.files_unchanged,
            "tracks_added": self.tracks_added,
            "tracks_changed": self.tracks_changed,
            "tracks_moved": self.tracks_moved,
            "tracks_missing": self.tracks_missing,
            "tracks_restored": self.tracks_restored,
            "tracks_unknown": self.tracks_unknown,
            "guarded": list(self.guarded),
            "files_processed": self.files_processed,
            "files_loaded": self.files_loaded,
            "files_failed": self.files_failed,
            "errors_by_kind": dict(self.errors_by_kind),
            "artists": self.artists,
            "albums": self.albums,
            "genres": self.genres,
            "extraction_rate": round(self.files_per_s, 1),
            "insertion_rate": round(insertion_rate, 1),
            "error_rate": round(self.error_rate, 6),
            "memory_usage": self.peak_memory_bytes,
            "cpu_utilization": round(self.cpu_share(cpu_count), 3),
            "queue_sizes": dict(self.queue_sizes),
            "stages": [
                {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(stage).items()}
                for stage in self.stages
            ],
        }

    @property
    def files_processed(self) -> int:
        """Files that extraction is done with, whether they became a track, an error, both, or were no audio."""
        return next((stage.items for stage in self.stages if stage.name == "extract"), 0)
