"""Every setting, its default, its environment name and its reason, in one place.

`cli.py` builds these once; nothing below it reads the environment or the command line.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

DSN_VARIABLE = "SONIQUESCAN_DSN"
DATA_FOLDER_VARIABLE = "SONIQUESCAN_DATA_DIR"

DEFAULT_FILE_TIMEOUT_S = 30.0  # seconds for one file; a sleeping NAS disk needs about 10 to spin up


def default_workers() -> int:
    """Return the number of cores this process may use (not of those the machine has)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_data_folder() -> Path:
    """Return the folder of the embedded database: the user's data folder, as the platform has it."""
    return Path(platformdirs.user_data_dir("soniquescan"))


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """Where the database is."""

    dsn: str | None  # None: the embedded server
    data_folder: Path  # of the embedded server


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """What one scan was asked to do."""

    roots: tuple[bytes, ...]  # absolute folders, none inside another
    workers: int
    file_timeout_s: float = DEFAULT_FILE_TIMEOUT_S
    log_file: Path | None = None  # absolute; a spawned process passes it to `logs.configure`

    def document(self) -> dict[str, object]:
        """Return what `scans.settings` keeps of them."""
        return {"workers": self.workers, "file_timeout_s": self.file_timeout_s}
