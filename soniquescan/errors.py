"""Every exception that ends a command or describes a file.

SoniqueScanError
├── UsageError              what was asked for cannot be done: a missing path, a file where a folder is wanted
├── DatabaseError           the database: unreachable, too old, not permitted, full, lost
│   └── ScanRunsError       another scan of the same database runs
├── StageError              a stage of the pipeline failed; carries the child's traceback
│   └── StageDied           a stage's process ended without a word (killed, out of memory)
├── OutputError             results cannot be written: the disk behind stdout is full, stdout is closed
│   └── OutputClosed        whoever read them has gone (`soniquescan sql … | head`)
└── FileReadError           one file could not be read; becomes a row of `file_errors`, never ends a scan

KeyboardInterrupt
└── Interrupted             SIGINT, SIGTERM or SIGHUP; carries the signal's number

The message is one line for the user: what, where, and what to do.
"""

from __future__ import annotations


class SoniqueScanError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class UsageError(SoniqueScanError):
    """What was asked for cannot be done."""


class DatabaseError(SoniqueScanError):
    """The database cannot be used."""


class ScanRunsError(DatabaseError):
    """Another scan of the same database runs."""


class StageError(SoniqueScanError):
    """A stage of the pipeline failed."""

    def __init__(self, message: str, *, stage: str, child_traceback: str | None = None) -> None:
        super().__init__(message)
        self.stage = stage
        self.child_traceback = child_traceback


class StageDied(StageError):  # noqa: N818  # reads as what happened
    """A stage's process ended without a word."""


class OutputError(SoniqueScanError):
    """The results cannot be written."""


class OutputClosed(OutputError):  # noqa: N818  # reads as what happened
    """Whoever read the results has gone."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the scan to end; no `except Exception` can swallow it."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number


class FileReadError(SoniqueScanError):
    """One file could not be read; `kind` is a `messages.ErrorKind`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
