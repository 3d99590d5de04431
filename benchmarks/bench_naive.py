"""How much faster a scan is than the script that a user would write (`naive.py`).

That script gets a server that is up already, where a scan has to start and stop its own.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from benchmarks.commands import Databases, run
from benchmarks.measured import Case, Kind, Measured


def cases(folder: Path, databases: Databases) -> list[Case]:
    """Return the one case."""
    return [Case("naive", partial(_naive, folder, databases))]


def _naive(folder: Path, databases: Databases) -> list[Measured]:
    with databases.new() as data, data.server() as dsn:
        command = (sys.executable, "-m", "benchmarks.naive", str(folder), dsn)
        ran = run(command, data.environment, also=data.server_pids, library=folder)
    figures = ran.document()
    notes = (f"naive script: {figures['files']:,} files in its table",)
    return [Measured("naive script", Kind.NAIVE, ran.elapsed_s, 1, figures["seconds"], ran.usage, ran.disk, notes)]
