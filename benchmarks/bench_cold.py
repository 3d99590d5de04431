"""How a scan fares when nothing is in the page cache, and how much it reads from the disk.

Beside it the same walk with one 8 KiB read a file by as many processes, with and without the advice (POSIX_FADV_RANDOM)
that keeps the kernel from reading ahead. Compare their own clocks; the programs are warm, only the library is cold.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.bench_floor import read_once
from benchmarks.bench_scan import scan_once
from benchmarks.commands import Databases
from benchmarks.measured import Case, Measured, shown
from benchmarks.place import DROP_CACHES

READ = ("--bytes", "8192")
ADVISED = (*READ, "--random")


def missing() -> str | None:
    """Return why the page cache cannot be dropped here."""
    return None if os.access(DROP_CACHES, os.W_OK) else f"only root may write to {DROP_CACHES}, and on Linux only"


def cases(folder: Path, workers: Sequence[int], databases: Databases) -> list[Case]:
    """Return three cases for each number of workers."""
    found = []
    for number in workers:
        found += [
            Case(f"read, {number}", partial(_read_once, folder, number, "one 8 KiB read", READ)),
            Case(f"read, {number}, advice", partial(_read_once, folder, number, "one 8 KiB read, advice", ADVISED)),
            Case(f"scan, {number}", partial(scan_once, folder, number, databases)),
        ]
    return found


def _read_once(folder: Path, workers: int, name: str, arguments: Sequence[str]) -> list[Measured]:
    return [read_once(folder, workers, f"{name}, {shown(workers, 'process', 'processes')}", arguments)]
