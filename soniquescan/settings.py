"""Every setting, its default, its environment name and its reason, in one place.

`cli.py` builds these once; nothing below it reads the environment or the command line.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from soniquescan.text import path_to_text

DSN_VARIABLE = "SONIQUESCAN_DSN"
DATA_FOLDER_VARIABLE = "SONIQUESCAN_DATA_DIR"

DEFAULT_FILE_TIMEOUT_S = 30.0  # seconds for one file; a sleeping NAS disk needs about 10 to spin up
DEFAULT_DB_RETRY_S = 60.0  # seconds without a database; PostgreSQL restarts in a few
DEFAULT_MAX_ERROR_RATE = 0.01  # share of the files found that may fail before a scan is not simply done


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
    full: bool = False  # read every file again, changed or not
    retry_errors: bool = False  # read files again that failed before, changed or not
    allow_missing: bool = False  # that many or all tracks of a root are gone is meant
    exclude: tuple[str, ...] = ()  # patterns of gitignore, relative to each root
    max_error_rate: float = DEFAULT_MAX_ERROR_RATE  # 0 to 1
    wait_s: float = 0.0  # how long to wait for another scan of the same database to end
    db_retry_s: float = DEFAULT_DB_RETRY_S  # how long to try for a database that is lost

    def document(self) -> dict[str, object]:
        """Return what `scans.settings` keeps of them."""
        return {
            "workers": self.workers,
            "file_timeout_s": self.file_timeout_s,
            "full": self.full,
            "retry_errors": self.retry_errors,
            "allow_missing": self.allow_missing,
            "exclude": [path_to_text(os.fsencode(pattern)) for pattern in self.exclude],
        }
