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


@dataclass(frozen=True, slots=True)
class StageProgress:
    """One stage at one moment."""

    name: str  # discover, extract, batch, write
    processes: int
    items: int  # files (discover, extract), tracks and errors (batch), rows of tracks committed (write)
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
    files_loaded: int
    files_failed: int
    memory_bytes: int  # of all our processes together, shared pages counted once
    discovery_finished: bool

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
            if not stage.finished and not starved and elapsed_s > 0:
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
            return ExitCode.DONE
        if self.signal_number is not None:
            return ExitCode.of_signal(self.signal_number)
        return ExitCode.FAILED

    @property
    def files_per_s(self) -> float:
        """How many files extraction was done with in a second, over the whole scan."""
        return self.files_processed / self.elapsed_s if self.elapsed_s > 0 else 0.0

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
            "files_processed": self.files_processed,
            "files_loaded": self.files_loaded,
            "files_failed": self.files_failed,
            "errors_by_kind": dict(self.errors_by_kind),
            "artists": self.artists,
            "albums": self.albums,
            "genres": self.genres,
            "extraction_rate": round(self.files_per_s, 1),
            "insertion_rate": round(insertion_rate, 1),
            "error_rate": round(min(1.0, self.files_failed / max(1, self.files_discovered)), 6),
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
