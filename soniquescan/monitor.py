"""Watches a running pipeline from the parent: how far each stage is, who waits for whom, memory and CPU."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import psutil

from soniquescan.processes import Gauge, StageProcess
from soniquescan.report import StageProgress, StageReport

MEMORY_INTERVAL_S = 1.0  # reading every process's shared pages costs milliseconds


class Monitor:
    """The figures of one run of the stages, which stand in pipeline order."""

    def __init__(self, stages: Sequence[StageProcess]) -> None:
        self._stages = stages
        self._started_s = time.monotonic()
        self._memory_read_s = 0.0
        self._cpu_s: dict[int, float] = {}  # by pid, when last looked at
        self.memory_bytes = 0  # of all our processes together, shared pages counted once
        self.peak_memory_bytes = 0
        self.peak_queue_chunks = {stage.name: 0 for stage in stages[:-1]}

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started_s

    def sample(self) -> None:
        """Look at the queues, and now and then at memory and CPU."""
        for (before, after), name in zip(pairwise(self._stages), self.peak_queue_chunks, strict=True):
            self.peak_queue_chunks[name] = max(self.peak_queue_chunks[name], _queued(before, after))
        if time.monotonic() - self._memory_read_s >= MEMORY_INTERVAL_S:
            self._memory_read_s = time.monotonic()
            pids = self._pids()
            self._cpu_s |= {pid: _cpu_s(pid) for pid in pids}
            self.memory_bytes = sum(map(_memory_bytes, [os.getpid(), *pids]))
            self.peak_memory_bytes = max(self.peak_memory_bytes, self.memory_bytes)

    def items_passed_on(self, name: str) -> int:
        """Return how many items a stage has put into the channel behind it."""
        return next(stage.gauge.items_out for stage in self._stages if stage.name == name)

    def stages(self, items_written: int) -> tuple[StageProgress, ...]:
        """Return each stage as it stands; what the last one has written only its news tells."""
        followers = [*self._stages[1:], None]
        return tuple(
            self._progress(stage, after, _items(stage) if after else items_written)
            for stage, after in zip(self._stages, followers, strict=True)
        )

    def stage_reports(self, items_written: int) -> tuple[StageReport, ...]:
        """Return each stage's share of the run, once all have ended."""
        last = self._stages[-1]
        return tuple(self._report(stage, items_written if stage is last else _items(stage)) for stage in self._stages)

    def cpu_s(self) -> float:
        """Return the CPU seconds of all our processes; of stages that were killed, as they were last seen."""
        own = resource.getrusage(resource.RUSAGE_SELF)
        ended = sum(stage.done.cpu_s for stage in self._stages if stage.done)
        return own.ru_utime + own.ru_stime + ended + sum(self._cpu_s.get(pid, 0.0) for pid in self._pids())

    def _progress(self, stage: StageProcess, after: StageProcess | None, items: int) -> StageProgress:
        gauges = _working(stage)
        return StageProgress(
            name=stage.name,
            processes=sum(gauge.pid != 0 for gauge in gauges),
            items=items,
            waiting_for_input_s=sum(gauge.waited_for_input_s for gauge in gauges),
            waiting_for_output_s=sum(gauge.waited_for_output_s for gauge in gauges),
            queue_chunks=_queued(stage, after) if after else 0,
            queue_capacity_chunks=stage.sink.capacity_chunks if stage.sink else 0,
            finished=stage.done is not None or stage.gauge.has_ended,
        )

    def _report(self, stage: StageProcess, items: int) -> StageReport:
        gauges = _working(stage)
        elapsed_s = self.elapsed_s
        waited_s = sum(gauge.waited_for_input_s + gauge.waited_for_output_s for gauge in gauges)
        return StageReport(
            name=stage.name,
            processes=len(gauges),
            items=items,
            items_per_s=items / elapsed_s,
            busy_share=max(0.0, 1 - waited_s / (elapsed_s * len(gauges))),
            cpu_s=stage.done.cpu_s if stage.done else 0.0,
            peak_memory_bytes=stage.done.peak_memory_bytes if stage.done else 0,
        )

    def _pids(self) -> list[int]:
        running = [stage for stage in self._stages if stage.done is None]
        return [gauge.pid for stage in running for gauge in (stage.gauge, *stage.worker_gauges) if gauge.pid]


def _working(stage: StageProcess) -> Sequence[Gauge]:
    """Return the gauges of the processes that do the stage's work."""
    return stage.worker_gauges or [stage.gauge]


def _items(stage: StageProcess) -> int:
    """Return how many items a stage is done with: those taken, or of a stage that takes none those put."""
    return stage.gauge.items_in or stage.gauge.items_out


def _queued(before: StageProcess, after: StageProcess) -> int:
    return max(0, before.gauge.chunks_out - after.gauge.chunks_in)


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds of a process; 0 once it has ended."""
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def _memory_bytes(pid: int) -> int:
    """Return a process's memory, pages that it shares with others counted in proportion; 0 once it has ended."""
    try:
        info: Any = psutil.Process(pid).memory_full_info()
    except psutil.Error:
        return 0
    return int(getattr(info, "pss", info.rss))
