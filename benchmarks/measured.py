"""What is measured, and the medians of it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from benchmarks.disk import DiskReads

N = TypeVar("N", int, float)


class Kind(StrEnum):
    """What a measurement is of; the same in reports, ratios and charts."""

    SCAN = "scan"
    RESCAN = "rescan"  # a second scan, when nothing has changed
    NOTHING = "nothing"  # the scan's pipeline around a reader that does nothing
    FLOOR = "floor"  # what the storage allows: walk, open, read once, close
    NAIVE = "naive"  # the script that a user would write
    PEER = "peer"
    PEER_RESCAN = "peer rescan"


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command used, as far as it was seen while it ran."""

    cpu_share: float | None  # 0 to 1, of all cores; of a scan while it extracted, of others all the time
    peak_bytes: int | None  # of all processes together, pages that they share counted once
    processes: dict[str, int]  # the peak of each by its name, shared pages counted in proportion
    read_bytes: int | None  # by the processes that read files: what they asked for, cached or not, and their pipes
    read_calls: int | None


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one thing."""

    name: str
    kind: Kind
    elapsed_s: float  # from the shell's prompt back to it
    workers: int | None = None
    own_s: float | None = None  # by the program's own clock, without its start and end
    usage: Usage | None = None
    disk: DiskReads | None = None
    notes: tuple[str, ...] = ()


class CaseError(Exception):
    """What was to be measured has failed; the message is one line."""


@dataclass(frozen=True, slots=True)
class Case:
    """Something that is measured once a round, in interpreters of its own."""

    name: str
    run: Callable[[], Sequence[Measured]]
    missing: str | None = None  # why it cannot be run here


@dataclass(frozen=True, slots=True)
class Summary:
    """All runs of one thing."""

    files: int
    runs: tuple[Measured, ...]

    @property
    def name(self) -> str:
        """What was measured."""
        return self.runs[0].name

    @property
    def kind(self) -> Kind:
        """What it is a measurement of."""
        return self.runs[0].kind

    @property
    def workers(self) -> int | None:
        """How many processes read files, where that was to be chosen."""
        return self.runs[0].workers

    @property
    def elapsed_s(self) -> float:
        """The median of the seconds from prompt to prompt."""
        return statistics.median(run.elapsed_s for run in self.runs)

    @property
    def range_s(self) -> tuple[float, float]:
        """The shortest and the longest of them."""
        return min(run.elapsed_s for run in self.runs), max(run.elapsed_s for run in self.runs)

    @property
    def own_s(self) -> float | None:
        """The median of the seconds by the program's own clock."""
        return _median(run.own_s for run in self.runs)

    @property
    def rate(self) -> float:
        """Files per second, from prompt to prompt."""
        return self.files / self.elapsed_s

    @property
    def own_rate(self) -> float | None:
        """Files per second by the program's own clock."""
        return self.files / self.own_s if self.own_s else None

    def used(self, name: str) -> float | None:
        """Return the median of a field of `Usage` that is a number."""
        return _median(getattr(run.usage, name) for run in self.runs if run.usage)

    @property
    def largest_process(self) -> tuple[str, int] | None:
        """The process that took most memory in any run, and how much."""
        peaks = [peak for run in self.runs if run.usage for peak in run.usage.processes.items()]
        return max(peaks, key=lambda peak: peak[1], default=None)

    @property
    def disk_bytes(self) -> float | None:
        """The median of the bytes read from the disk."""
        return _median(run.disk.bytes for run in self.runs if run.disk)

    @property
    def disk_reads(self) -> float | None:
        """The median of the reads that the disk was asked for."""
        return _median(run.disk.reads for run in self.runs if run.disk)

    def document(self) -> dict[str, object]:
        """Return the medians as `--json` has them."""
        return {
            "name": self.name,
            "kind": str(self.kind),
            "workers": self.workers,
            "elapsed_s": self.elapsed_s,
            "own_s": self.own_s,
            "files_per_s": self.rate,
            "own_files_per_s": self.own_rate,
            "cpu_share": self.used("cpu_share"),
            "peak_bytes": self.used("peak_bytes"),
            "read_bytes_per_file": _divided(self.used("read_bytes"), self.files),
            "read_calls_per_file": _divided(self.used("read_calls"), self.files),
            "disk_bytes_per_file": _divided(self.disk_bytes, self.files),
            "disk_reads_per_file": _divided(self.disk_reads, self.files),
        }


@dataclass(slots=True)
class Results:
    """All that one run of the benchmarks has come to."""

    files: int
    measured: list[Measured] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # by case: why, in one line

    def summaries(self) -> list[Summary]:
        """Return a summary of each thing that was measured, in the order of their first runs."""
        runs: dict[str, list[Measured]] = {}
        for one in self.measured:
            runs.setdefault(one.name, []).append(one)
        return [Summary(self.files, tuple(of_one)) for of_one in runs.values()]

    def notes(self) -> list[str]:
        """Return what the runs had to remark, each remark once."""
        return list(dict.fromkeys(note for one in self.measured for note in one.notes))


def shown(number: int, one: str = "worker", many: str = "workers") -> str:
    """Return a number with the right noun, as names have it."""
    return f"{number:,} {one if number == 1 else many}"


def _median(values: Iterable[N | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _divided(total: float | None, files: int) -> float | None:
    return None if total is None else total / files
