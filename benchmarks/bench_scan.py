"""How fast a scan into an empty embedded database is, and how fast a second one when nothing has changed.

Beside it the same pipeline around a reader that does nothing, which tells what the rest of it costs. From prompt to
prompt, the start and the stop of the embedded server are included; initdb is not.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.commands import SONIQUESCAN, Databases, DataFolder, Ran, run
from benchmarks.measured import Case, Kind, Measured, shown

NOTHING = (sys.executable, "-m", "benchmarks.nothing")

_CODES = (0, 3)  # done, and done but for many files that failed


def cases(folder: Path, workers: Sequence[int], databases: Databases) -> list[Case]:
    """Return a case for each number of workers, the last of them with its rescan."""
    scans = [Case(f"scan, {shown(number)}", partial(scan_once, folder, number, databases)) for number in workers[:-1]]
    most = workers[-1]
    return [
        *scans,
        Case(f"scan, {shown(most)}", partial(_scan_twice, folder, most, databases)),
        Case("nothing", partial(_nothing, folder, most, databases)),
    ]


def scan_once(folder: Path, workers: int, databases: Databases) -> list[Measured]:
    """Measure a scan into a database of its own."""
    with databases.new() as data:
        return [_measured(Kind.SCAN, f"scan, {shown(workers)}", workers, _scan(data, folder, workers))]


def _scan_twice(folder: Path, workers: int, databases: Databases) -> list[Measured]:
    with databases.new() as data:
        first, second = (_scan(data, folder, workers) for _ in range(2))
    return [
        _measured(Kind.SCAN, f"scan, {shown(workers)}", workers, first),
        _measured(Kind.RESCAN, "rescan, nothing changed", workers, second),
    ]


def _nothing(folder: Path, workers: int, databases: Databases) -> list[Measured]:
    name = f"reader does nothing, {shown(workers)}"
    with databases.new() as data:
        return [_measured(Kind.NOTHING, name, workers, _scan(data, folder, workers, command=NOTHING))]


def _scan(data: DataFolder, folder: Path, workers: int, command: Sequence[str] = SONIQUESCAN) -> Ran:
    arguments = ("scan", "--quiet", "--json", "--workers", str(workers), str(folder))
    return run((*command, *arguments), data.environment, codes=_CODES, library=folder)


def _measured(kind: Kind, name: str, workers: int, ran: Ran) -> Measured:
    report = ran.document()
    failed = report["files_failed"]
    notes = (f"{name}: {failed:,} files failed",) if failed else ()
    return Measured(name, kind, ran.elapsed_s, workers, report["elapsed_s"], ran.usage, ran.disk, notes)
