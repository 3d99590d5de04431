"""Reports and progress made by hand, each value open to change."""

from __future__ import annotations

from soniquescan.report import ScanProgress, ScanReport, ScanStatus, StageProgress, StageReport


def make_report(**changes):
    stages = tuple(
        StageReport(name, 1, items, items / 10, 0.5, 2.0, 30_000_000)
        for name, items in {"discover": 1000, "compare": 1000, "extract": 990, "batch": 990, "write": 980}.items()
    )
    values = {
        "scan_id": 7,
        "status": ScanStatus.COMPLETED,
        "roots": ("/music",),
        "elapsed_s": 10.0,
        "files_discovered": 1000,
        "files_unchanged": 0,
        "tracks_added": 980,
        "tracks_changed": 0,
        "tracks_moved": 0,
        "tracks_missing": 0,
        "tracks_restored": 0,
        "tracks_unknown": 0,
        "guarded": (),
        "max_error_rate": 0.05,
        "files_loaded": 980,
        "files_failed": 20,
        "errors_by_kind": {"corrupt": 15, "empty": 5},
        "artists": 30,
        "albums": 20,
        "genres": 1,
        "cpu_s": 15.0,
        "peak_memory_bytes": 200_000_000,
        "stages": stages,
        "queue_sizes": {"discover": 8},
    }
    return ScanReport(**(values | changes))


def make_progress(*stages, **changes):
    values = {
        "elapsed_s": 10.0,
        "stages": stages,
        "files_discovered": 1000,
        "files_to_read": 900,
        "files_loaded": 400,
        "files_failed": 100,
        "memory_bytes": 100_000_000,
        "discovery_finished": True,
    }
    return ScanProgress(**(values | changes))


def make_stage(name, **changes):
    values = {
        "processes": 1,
        "items": 500,
        "waiting_for_input_s": 0.0,
        "waiting_for_output_s": 0.0,
        "queue_chunks": 4,
        "queue_capacity_chunks": 8,
        "finished": False,
    }
    return StageProgress(name=name, **(values | changes))
