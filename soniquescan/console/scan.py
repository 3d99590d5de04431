"""A scan as it is watched: live on a terminal, a line now and then elsewhere, and a summary at the end.

Everything here goes to stderr. Nothing starts a thread: processes may be forked while a view is open.
"""

from __future__ import annotations

import json
import logging
import sys
import textwrap
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from soniquescan.console import streams
from soniquescan.report import MOSTLY, ScanProgress, ScanReport, StageProgress
from soniquescan.settings import ScanSettings, default_workers
from soniquescan.text import path_to_text, printable

logger = logging.getLogger(__name__)

Observe: TypeAlias = Callable[[ScanProgress], None]

LINE_INTERVAL_S = 5.0  # between two plain lines
_SPEED_WINDOW_S = 5.0  # rates and waits are those of the last seconds: what a watcher wants to know
_QUEUE_BAR_CELLS = 10

# The columns that still fit; the names of `StageLine`'s fields.
_COLUMNS_BY_WIDTH: tuple[tuple[int, tuple[str, ...]], ...] = (
    (100, ("stage", "processes", "done", "rate", "queue_bar", "queue", "state")),
    (64, ("stage", "done", "rate", "queue", "state")),
    (0, ("stage", "done", "rate", "short_state")),
)
_HEADINGS = {
    "stage": "stage",
    "processes": "processes",
    "done": "done",
    "rate": "files/s",
    "queue_bar": "queue behind it",
    "queue": "queue",
    "state": "state",
    "short_state": "state",
}
_RIGHT_ALIGNED = {"processes", "done", "rate", "queue"}


class StageLine(NamedTuple):
    """One stage as the screen shows it; every field is text."""

    stage: str
    processes: str
    done: str
    rate: str
    queue_bar: str
    queue: str
    state: str
    short_state: str
    limits: bool  # the others wait for this one


# --- what to show -----------------------------------------------------------------------------------------------


def stage_lines(earlier: ScanProgress | None, now: ScanProgress) -> list[StageLine]:
    """Describe each stage by what happened between two samples; `earlier` None: since the start."""
    since = earlier if earlier is not None else _start_of(now)
    seconds = now.elapsed_s - since.elapsed_s
    limiting = now.limiting_stage(since)
    return [
        _stage_line(before, stage, seconds, limits=stage.name == limiting)
        for before, stage in zip(since.stages, now.stages, strict=True)
    ]


def _start_of(progress: ScanProgress) -> ScanProgress:
    nothing = tuple(
        replace(stage, items=0, waiting_for_input_s=0.0, waiting_for_output_s=0.0) for stage in progress.stages
    )
    return replace(progress, elapsed_s=0.0, stages=nothing)


def _stage_line(before: StageProgress, stage: StageProgress, seconds: float, *, limits: bool) -> StageLine:
    state, short_state = _state(before, stage, seconds)
    has_queue = stage.queue_capacity_chunks > 0
    return StageLine(
        stage=stage.name,
        processes=f"{stage.processes}",
        done=f"{stage.items:,}",
        rate=f"{(stage.items - before.items) / seconds:,.0f}" if seconds > 0 and not stage.finished else "",
        queue_bar=_bar(stage.queue_chunks, stage.queue_capacity_chunks) if has_queue else "",
        queue=f"{stage.queue_chunks}/{stage.queue_capacity_chunks}" if has_queue else "",
        state=f"{state}, limits the scan" if limits else state,
        short_state=f"{short_state} ◀" if limits else short_state,
        limits=limits,
    )


def _state(before: StageProgress, stage: StageProgress, seconds: float) -> tuple[str, str]:
    """Return what the stage does, in full and in a word."""
    if stage.finished:
        return "done", "done"
    if seconds <= 0:
        return "starting", "starting"
    time_s = seconds * stage.processes
    for_input = (stage.waiting_for_input_s - before.waiting_for_input_s) / time_s
    for_output = (stage.waiting_for_output_s - before.waiting_for_output_s) / time_s
    if max(for_input, for_output) <= MOSTLY:
        return f"busy {_percent(max(0.0, 1 - for_input - for_output))}", "busy"
    return ("waits for input", "waits") if for_input >= for_output else ("waits: queue full", "full")


def _bar(filled: int, capacity: int) -> str:
    cells = min(_QUEUE_BAR_CELLS, -(-filled * _QUEUE_BAR_CELLS // capacity))
    return "█" * cells + "░" * (_QUEUE_BAR_CELLS - cells)


def totals(progress: ScanProgress) -> list[str]:
    """Describe the scan as a whole, in short parts."""
    found = f"{progress.files_discovered:,}{'' if progress.discovery_finished else '+'}"
    parts = [
        f"{progress.files_loaded:,} of {found} files loaded",
        f"{progress.files_failed:,} failed",
        _memory(progress.memory_bytes),
        f"{_duration(progress.elapsed_s)} elapsed",
    ]
    if progress.settling:
        return [*parts, "settling artists and albums"]
    left_s = time_left_s(progress)
    return parts if left_s is None else [*parts, f"{_duration(left_s)} left"]


def time_left_s(progress: ScanProgress) -> float | None:
    """Estimate the seconds to go by the average so far; None until all files are known and the first are done."""
    done = progress.files_loaded + progress.files_failed
    if not progress.discovery_finished or done == 0:
        return None
    return max(0, progress.files_discovered - done) * progress.elapsed_s / done


def summary(report: ScanReport, *, cpu_count: int) -> list[tuple[str, str]]:
    """Describe a scan that has ended, as labels and values."""
    library = ((report.artists, "artist"), (report.albums, "album"), (report.genres, "genre"))
    failed = _counted(report.files_failed, "file")
    if report.errors_by_kind:
        by_kind = sorted(report.errors_by_kind.items(), key=lambda item: (-item[1], item[0]))
        failed += f" ({', '.join(f'{number:,} {kind}' for kind, number in by_kind)}); list: soniquescan errors"
    known = [_counted(number, word) for number, word in library if number is not None]
    return [
        ("scan", f"{report.status} in {report.elapsed_s:,.1f} s, {report.files_per_s:,.0f} files/s"),
        ("found", _counted(report.files_discovered, "file")),
        ("loaded", _counted(report.files_loaded, "track")),
        ("failed", failed),
        ("library", ", ".join(known) or "not known: the database does not answer"),
        ("CPU", f"{_percent(report.cpu_share(cpu_count))} of {cpu_count} {'core' if cpu_count == 1 else 'cores'}"),
        ("memory", f"{_memory(report.peak_memory_bytes)} at most"),
    ]


def _percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _memory(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.0f} MB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


# --- where to show it -------------------------------------------------------------------------------------------


def progress_view(*, quiet: bool) -> AbstractContextManager[Observe]:
    """Return the view that fits where stderr goes; entered, it gives what `pipeline.run` calls with each sample."""
    if quiet:
        return quiet_view()
    console = stderr_console()
    return live_view(console) if console.is_terminal and not console.is_dumb_terminal else line_view()


def stderr_console() -> Console:
    """Return rich's console on stderr; a terminal is what is one, whatever FORCE_COLOR says."""
    return Console(
        file=streams.messages(),  # type: ignore[arg-type]
        force_terminal=sys.stderr is not None and sys.stderr.isatty(),
        highlight=False,
    )


@contextmanager
def quiet_view() -> Iterator[Observe]:
    """Show nothing."""
    yield lambda _progress: None


@contextmanager
def line_view() -> Iterator[Observe]:
    """Write a line every few seconds."""
    samples: deque[ScanProgress] = deque(maxlen=2)
    shown_s = 0.0

    def observe(progress: ScanProgress) -> None:
        nonlocal shown_s
        if progress.elapsed_s - shown_s < LINE_INTERVAL_S:
            return
        shown_s = progress.elapsed_s
        streams.say(progress_line(samples[-1] if samples else None, progress))
        samples.append(progress)

    yield observe


def progress_line(earlier: ScanProgress | None, now: ScanProgress) -> str:
    """Return the one line that says how the scan stands."""
    parts = totals(now)
    limiting = next((line for line in stage_lines(earlier, now) if line.limits), None)
    if limiting is not None:
        parts.append(f"{limiting.stage} limits ({limiting.rate} files/s)")
    return ", ".join(parts)


@contextmanager
def live_view(console: Console) -> Iterator[Observe]:
    """Draw the stages again with each sample, and wipe them at the end."""
    samples: deque[ScanProgress] = deque()
    with Live(
        console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as live:
        console.show_cursor(show=True)  # a second Ctrl-C ends us at once, and nobody would bring the cursor back

        def observe(progress: ScanProgress) -> None:
            while samples and progress.elapsed_s - samples[0].elapsed_s > _SPEED_WINDOW_S:
                samples.popleft()
            earlier = samples[0] if samples else None
            live.update(screen(earlier, progress, console.width), refresh=True)
            samples.append(progress)

        yield observe


def screen(earlier: ScanProgress | None, now: ScanProgress, width: int) -> Group:
    """Return what the terminal shows, fit for `width` columns."""
    fields = next(fields for least, fields in _COLUMNS_BY_WIDTH if width >= least)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for field in fields:
        justify = "right" if field in _RIGHT_ALIGNED else "left"
        table.add_column(_HEADINGS[field], justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    for line in stage_lines(earlier, now):
        table.add_row(*(Text(getattr(line, field)) for field in fields), style="bold" if line.limits else "")
    return Group(table, Text(_fill(totals(now), width)))


def _fill(parts: list[str], width: int) -> str:
    """Join `parts` in lines of at most `width` columns, breaking only between two of them."""
    unbreakable = ", ".join(part.replace(" ", "\xa0") for part in parts)
    return textwrap.fill(unbreakable, max(1, width), break_on_hyphens=False).replace("\xa0", " ")


def show_summary(report: ScanReport, *, cpu_count: int) -> None:
    """Print the summary: a grid on a terminal, a line each elsewhere."""
    rows = summary(report, cpu_count=cpu_count)
    console = stderr_console()
    if not console.is_terminal:
        for label, value in rows:
            streams.say(f"{label:<8} {value}")
        return
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in rows:
        grid.add_row(label, Text(printable(value)))
    console.print(grid)


def log_start(settings: ScanSettings) -> None:
    """Log what is going to be scanned."""
    logger.info("scanning %s, %d workers", ", ".join(map(path_to_text, settings.roots)), settings.workers)


def log_end(report: ScanReport) -> None:
    """Log the summary, in one line."""
    rows = summary(report, cpu_count=default_workers())
    logger.info("%s", "; ".join(f"{label}: {value}" for label, value in rows))


def write_document(report: ScanReport, *, cpu_count: int) -> None:
    """Write the report to stdout as one JSON object."""
    streams.data().write(json.dumps(report.document(cpu_count), ensure_ascii=False, indent=2) + "\n")
    streams.finish()
