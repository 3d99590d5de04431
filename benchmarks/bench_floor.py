"""How fast files can be opened and read at all, by as many processes as a scan has workers (`floor.py`)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.commands import run
from benchmarks.measured import Case, Kind, Measured, shown


def cases(folder: Path, workers: int) -> list[Case]:
    """Return the one case."""
    return [Case("floor", partial(_floor, folder, workers))]


def _floor(folder: Path, workers: int) -> list[Measured]:
    return [read_once(folder, workers, f"I/O floor, {shown(workers, 'process', 'processes')}")]


def read_once(folder: Path, workers: int, name: str, arguments: Sequence[str] = ()) -> Measured:
    """Measure a walk with one read a file; `arguments` are the script's."""
    command = (sys.executable, "-m", "benchmarks.floor", str(folder), "--workers", str(workers), *arguments)
    ran = run(command, library=folder)
    figures = ran.document()
    # It counts itself, so nothing is missing.
    usage = replace(ran.usage, read_bytes=figures["bytes"], read_calls=figures["reads"])
    return Measured(name, Kind.FLOOR, ran.elapsed_s, workers, figures["seconds"], usage, ran.disk)
