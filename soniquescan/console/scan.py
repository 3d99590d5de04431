"""A scan as it is watched: live on a terminal (`live`), a line now and then elsewhere, and a summary at the end.

Everything here goes to stderr. Nothing starts a thread: processes may be forked while a view is open. rich, which
takes longer to import than a small scan to make, is imported where it draws.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from soniquescan.console import streams
from soniquescan.report import MOSTLY, ExitCode, ScanProgress, ScanReport, ScanStatus, StageProgress
from soniquescan.settings import ScanSettings, default_workers
from soniquescan.text import path_to_text

if TYPE_CHECKING:
    from soniquescan.console.live import LiveView

logger = logging.getLogger(__name__)

LINE_INTERVAL_S = 5.0  # between two plain lines
_QUEUE_BAR_CELLS = 10
_DUMB_TERMINALS = {"dumb", "unknown"}  # they cannot move the cursor


class View(NamedTuple):
    """What a scan is watched through."""

    observe: Callable[[ScanProgress], None]  # called with each sample
    tell: Callable[[str], None]  # called with a line that is worth to be known meanwhile


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
    works = stage.processes > 0 and not stage.finished
    return StageLine(
        stage=stage.name,
        processes=f"{stage.processes}",
        done=f"{stage.items:,}",
        rate=f"{(stage.items - before.items) / seconds:,.0f}" if seconds > 0 and works else "",
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
    if not stage.processes:
        return "nothing to do yet", "idle"
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
    more = "" if progress.discovery_finished else "+"
    parts = [
        f"{progress.files_discovered:,}{more} files found",
        f"{progress.files_loaded:,} of {progress.files_to_read:,}{more} loaded",
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
    return max(0, progress.files_to_read - done) * progress.elapsed_s / done


def summary(report: ScanReport, *, cpu_count: int) -> list[tuple[str, str]]:
    """Describe a scan that has ended, as labels and values."""
    ended = f"{report.status} in {report.elapsed_s:,.1f} s"
    if report.status is ScanStatus.COMPLETED and report.elapsed_s > 0:  # else what was found was not done
        ended += f", {report.files_discovered / report.elapsed_s:,.0f} files/s"
    found = _counted(report.files_discovered, "file")
    if report.files_unchanged:
        found += f", {report.files_unchanged:,} unchanged"
    rows = [
        ("scan", ended),
        ("found", found),
        ("loaded", _counted(report.files_loaded, "track")),
        ("failed", _failed(report)),
        ("changes", _changes(report)),
    ]
    if report.tracks_unknown:
        unknown = _counted(report.tracks_unknown, "track")
        rows.append(("unknown", f"{unknown} in places that could not be read: left as they were"))
    library = ((report.artists, "artist"), (report.albums, "album"), (report.genres, "genre"))
    known = [_counted(number, word) for number, word in library if number is not None]
    return [
        *rows,
        ("library", ", ".join(known) or "not known: the database does not answer"),
        ("CPU", f"{_percent(report.cpu_share(cpu_count))} of {cpu_count} {'core' if cpu_count == 1 else 'cores'}"),
        ("memory", f"{_memory(report.peak_memory_bytes)} at most"),
    ]


def _failed(report: ScanReport) -> str:
    failed = _counted(report.files_failed, "file")
    if not report.errors_by_kind:
        return failed
    by_kind = sorted(report.errors_by_kind.items(), key=lambda item: (-item[1], item[0]))
    return f"{failed} ({', '.join(f'{number:,} {kind}' for kind, number in by_kind)}); list: soniquescan errors"


def _changes(report: ScanReport) -> str:
    numbers = {
        "added": report.tracks_added,
        "changed": report.tracks_changed,
        "moved": report.tracks_moved,
        "missing": report.tracks_missing,
        "restored": report.tracks_restored,
    }
    parts = [f"{number:,} {word}" for word, number in numbers.items() if number]
    # What a first scan adds is not kept one by one.
    can_be_listed = parts and (report.files_unchanged or report.tracks_added < sum(numbers.values()))
    return (", ".join(parts) or "none") + ("; list: soniquescan changes" if can_be_listed else "")


def warnings(report: ScanReport) -> list[str]:
    """Return what has to be said of a completed scan even where nobody wants a summary: why it is not simply done."""
    match report.exit_code:
        case ExitCode.GUARDED:  # a folder that cannot be read is an error, too, but this line says more
            return list(report.guarded)
        case ExitCode.TOO_MANY_ERRORS:
            failed = f"{report.files_failed:,} of {_counted(report.files_discovered, 'file')} failed"
            return [f"{failed}, which is more than {report.max_error_rate * 100:g} %; list: soniquescan errors"]
        case _:
            return []


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


def progress_view(*, quiet: bool) -> AbstractContextManager[View]:
    """Return the view that fits where stderr goes, open while the block runs."""
    if quiet:
        return quiet_view()
    can_be_drawn_on = _is_terminal() and os.environ.get("TERM", "").lower() not in _DUMB_TERMINALS
    return live_view() if can_be_drawn_on else line_view()


def _is_terminal() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


@contextmanager
def quiet_view() -> Iterator[View]:
    """Show nothing."""
    yield View(observe=lambda _progress: None, tell=lambda _line: None)


@contextmanager
def line_view() -> Iterator[View]:
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

    yield View(observe, tell=_tell)


def _tell(line: str) -> None:
    streams.say(f"soniquescan: {line}")


def progress_line(earlier: ScanProgress | None, now: ScanProgress) -> str:
    """Return the one line that says how the scan stands."""
    parts = totals(now)
    limiting = next((line for line in stage_lines(earlier, now) if line.limits), None)
    if limiting is not None:
        parts.append(f"{limiting.stage} limits ({limiting.rate} files/s)")
    return ", ".join(parts)


@contextmanager
def live_view() -> Iterator[View]:
    """Draw the stages again with each sample, and wipe them at the end."""
    with ExitStack() as stack:
        screen: LiveView | None = None

        def observe(progress: ScanProgress) -> None:
            nonlocal screen
            if screen is None:  # the first sample comes once the stages run: they do not wait for the import
                from soniquescan.console.live import LiveView  # noqa: PLC0415  # as the module says

                screen = stack.enter_context(LiveView())
            screen.draw(progress)

        def tell(line: str) -> None:
            if screen is None:
                _tell(line)
            else:
                screen.say(f"soniquescan: {line}")

        yield View(observe, tell)


def show_summary(report: ScanReport, *, cpu_count: int) -> None:
    """Print the summary: a grid on a terminal, a line each elsewhere."""
    rows = summary(report, cpu_count=cpu_count)
    if _is_terminal():
        from soniquescan.console.live import print_summary  # noqa: PLC0415  # as the module says

        print_summary(rows)
        return
    for label, value in rows:
        streams.say(f"{label:<8} {value}")


def say_warnings(report: ScanReport) -> None:
    """Say, each in a line of its own, why a completed scan is not simply done; the log gets them as well."""
    for line in warnings(report):
        _tell(line)
        logger.warning("%s", line)


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
