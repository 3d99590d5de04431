"""What scans have changed, and what they came to, as rows that people read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from soniquescan.console.rows import Row, cell_text
from soniquescan.report import ChangeKind

CHANGE_COLUMNS = ("kind", "path", "detail")
SCAN_COLUMNS = ("scan", "started", "took", "status", "files", "changes", "roots")

_LONGEST_VALUE = 60  # characters of a lyric, a comment or a path's end that are shown; --json has all
_FILE_COLUMNS = {"size_bytes", "mtime_ns", "ctime_ns"}  # of tracks; they change with nearly everything
_COUNTERS = {f"tracks_{kind}": str(kind) for kind in ChangeKind if kind is not ChangeKind.FAILED} | {
    "files_failed": str(ChangeKind.FAILED)
}


def change_rows(changes: Iterable[Row]) -> Iterator[Row]:
    """Yield kind, path and detail of each change, the detail in a few words."""
    for kind, path, detail in changes:
        yield kind, path, describe_detail(kind, detail)


def describe_detail(kind: str, detail: Mapping[str, Any]) -> str:
    """Return `scan_changes.detail` in a few words."""
    match kind:
        case ChangeKind.MOVED:
            return f"from {detail.get('old_path', '')}"
        case ChangeKind.FAILED:
            return f"{detail.get('kind', '')}: {detail.get('message', '')}"
        case _:
            return _describe_values(detail)


def _describe_values(detail: Mapping[str, Any]) -> str:
    """Return what became of each column; of the file's own size and times only where nothing else is to be told."""
    told = [name for name in detail if name not in _FILE_COLUMNS]
    if told:
        return "; ".join(f"{name}: {_value(detail[name]['old'])} → {_value(detail[name]['new'])}" for name in told)
    return "only the file's size or times" if detail else ""


def _value(value: object) -> str:
    text = ", ".join(map(cell_text, value)) if isinstance(value, list) else cell_text(value)
    if not text:
        return "(none)"
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def changes_line(number: int, scan_id: int, started_at: datetime, status: str) -> str:
    """Return what is said below the changes of a scan."""
    return f"{_counted(number)} by scan {scan_id} ({status}, {local_time(started_at)})"


def preview_line(number: int, found: int, unchanged: int) -> str:
    """Return what is said below the changes that a scan would make."""
    return (
        f"{_counted(number)} to come, {unchanged:,} of {found:,} files unchanged; nothing was written and no file read "
        "(so one that was moved to another disk stands here as added and as missing)"
    )


def _counted(number: int) -> str:
    return f"{number:,} {'change' if number == 1 else 'changes'}"


def scan_rows(columns: tuple[str, ...], scans: Iterable[Row]) -> Iterator[Row]:
    """Yield a row a scan, with its counters in a few words and its times as the clock on the wall has them."""
    for values in scans:
        scan = dict(zip(columns, values, strict=True))
        yield (
            scan["scan_id"],
            local_time(scan["started_at"]),
            _took(scan["elapsed_s"]),
            scan["status"],
            scan["files_discovered"],
            ", ".join(f"{scan[name]:,} {word}" for name, word in _COUNTERS.items() if scan[name]),
            ", ".join(scan["roots"]),
        )


def local_time(moment: datetime) -> str:
    """Return a moment to the minute, in the time zone of this machine."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _took(elapsed_s: float | None) -> str | None:
    if elapsed_s is None:
        return None
    minutes, seconds = divmod(round(elapsed_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours or minutes else f"{elapsed_s:.1f} s"
