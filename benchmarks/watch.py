"""Looks at a command and at all the processes that it starts, from a thread, while it runs.

What it sees is sampled: of a process that ends between two looks the last moments are missing. No kind of look takes
more than a fiftieth of one core, so the more processes there are to look at, the less often that is.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple, Self

import psutil

from benchmarks.measured import Usage
from soniquescan.settings import default_workers

SHARE = 50  # looking may take that part of one core
READS_INTERVAL_S = 0.02  # what a worker reads in its last moments is not seen
PROCESSES_INTERVAL_S = 0.05
MEMORY_INTERVAL_S = 0.2

_OWN_TITLE = "soniquescan: "  # what a scan's processes call themselves, with their stage behind it
_WORKER = re.compile(r"extract \d+")  # those that read files


class _Seen:
    """A process, and what was last seen of it."""

    def __init__(self, process: psutil.Process) -> None:
        self.process = process
        self.name = ""
        self.cpu_s = 0.0
        self.memory_bytes = 0
        self.peak_bytes = 0
        self.reads = _Reads(0, 0)


class _Reads(NamedTuple):
    calls: int
    bytes: int


class _Moment(NamedTuple):
    at_s: float
    cpu_s: float  # of all processes since the start
    extracting: bool


class Watch:
    """What a process and its descendants use for as long as the block runs, and others that work for it."""

    def __init__(self, pid: int, also: Callable[[], Iterable[int]] = tuple) -> None:
        self._pid = pid
        self._also = also
        self._seen: dict[int, _Seen] = {}
        self._moments: list[_Moment] = []
        self._peak_bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_around, daemon=True)

    def __enter__(self) -> Self:
        self._look_at_processes()
        self._look_at_reads()
        self._reads_before = self._read_so_far()
        self._thread.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._over.set()
        self._thread.join()
        self._look_at_reads()

    def usage(self) -> Usage:
        """Return what was seen, once the block has ended."""
        before, after = self._reads_before, self._read_so_far()
        peaks: dict[str, int] = {}
        for seen in self._seen.values():
            peaks[seen.name] = max(peaks.get(seen.name, 0), seen.peak_bytes)
        return Usage(
            cpu_share=self._cpu_share(),
            peak_bytes=self._peak_bytes or None,
            processes={name: peak for name, peak in peaks.items() if peak},
            read_bytes=after.bytes - before.bytes or None,
            read_calls=after.calls - before.calls or None,
        )

    def _cpu_share(self) -> float | None:
        """Return the share of all cores that was busy, of a scan while it extracted."""
        moments = [moment for moment in self._moments if moment.extracting] or self._moments
        if len(moments) < 2:  # noqa: PLR2004  # a span has two ends
            return None
        first, last = moments[0], moments[-1]
        return (last.cpu_s - first.cpu_s) / ((last.at_s - first.at_s) * default_workers())

    def _readers(self) -> list[_Seen]:
        """Return the processes that read files: a scan's workers, of other programs the one that was started."""
        workers = [seen for seen in self._seen.values() if _WORKER.fullmatch(seen.name)]
        return workers or [seen for seen in self._seen.values() if seen.process.pid == self._pid]

    def _read_so_far(self) -> _Reads:
        counts = [seen.reads for seen in self._readers()]
        return _Reads(sum(count.calls for count in counts), sum(count.bytes for count in counts))

    def _look_around(self) -> None:
        looks = {
            self._look_at_processes: PROCESSES_INTERVAL_S,
            self._look_at_reads: READS_INTERVAL_S,
            self._look_at_memory: MEMORY_INTERVAL_S,
        }
        due_s = dict.fromkeys(looks, 0.0)
        while not self._over.wait(max(0.001, min(due_s.values()) - time.perf_counter())):
            for look, interval_s in looks.items():
                started_s = time.perf_counter()
                if started_s >= due_s[look]:
                    look()
                    ended_s = time.perf_counter()
                    due_s[look] = ended_s + max(interval_s, SHARE * (ended_s - started_s))

    def _look_at_processes(self) -> None:
        running = [self._seen.setdefault(process.pid, _Seen(process)) for process in self._running()]
        for seen in running:
            _try(seen, _look_at_one)
        extracting = any(_WORKER.fullmatch(seen.name) for seen in running)
        cpu_s = sum(seen.cpu_s for seen in self._seen.values())
        self._moments.append(_Moment(time.perf_counter(), cpu_s, extracting))

    def _running(self) -> list[psutil.Process]:
        found: list[psutil.Process] = []
        for pid in (self._pid, *self._also()):
            with suppress(psutil.Error):
                process = psutil.Process(pid)
                found += [process, *process.children(recursive=True)]
        return found

    def _look_at_reads(self) -> None:
        if hasattr(psutil.Process, "io_counters"):  # not on macOS
            for seen in self._readers():
                _try(seen, _look_at_reads)

    def _look_at_memory(self) -> None:
        for seen in self._seen.values():
            seen.memory_bytes = 0
            _try(seen, _look_at_memory)
        self._peak_bytes = max(self._peak_bytes, sum(seen.memory_bytes for seen in self._seen.values()))


def _try(seen: _Seen, look: Callable[[_Seen], None]) -> None:
    """Look at a process, which may have ended; then what was last seen of it stands."""
    with suppress(psutil.Error, OSError):
        look(seen)


def _look_at_one(seen: _Seen) -> None:
    times = seen.process.cpu_times()
    seen.cpu_s = times.user + times.system
    title = " ".join(seen.process.cmdline()).strip()
    if title.startswith(_OWN_TITLE):
        seen.name = title.removeprefix(_OWN_TITLE)
    elif title:  # empty once it has ended and nobody has waited for it yet
        seen.name = seen.process.name()


def _look_at_reads(seen: _Seen) -> None:
    counters = seen.process.io_counters()
    seen.reads = _Reads(counters.read_count, counters.read_chars)


def _look_at_memory(seen: _Seen) -> None:
    info: Any = seen.process.memory_full_info()
    seen.memory_bytes = getattr(info, "pss", info.rss)
    seen.peak_bytes = max(seen.peak_bytes, seen.memory_bytes)
