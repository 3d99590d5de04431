"""The log file: one line a record, appended by every process of a scan to the same file.

A line is written by one `write` to a descriptor opened for appending, so lines of several processes never mix. A
forked process has its parent's handler already; a spawned one calls `configure` with the same path.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from soniquescan.errors import UsageError
from soniquescan.text import printable

_ROOT = "soniquescan"  # the parent of every logger of ours; other libraries' records stay out
_LINE = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(process)d %(name)s: %(message)s"


def configure(log_file: Path | None) -> None:
    """Append INFO and DEBUG records of this process to `log_file` from now on; None: to nothing."""
    # Without any handler Python writes warnings, other libraries' too, to stderr, between the lines of the screen.
    logging.getLogger().addHandler(_NOWHERE)
    logger = logging.getLogger(_ROOT)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    if log_file is None:
        return
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(_AppendingHandler(log_file))


def record_failure(line: str, exc: BaseException) -> None:
    """Log why the command ends, with the traceback at DEBUG, if anything is logged at all."""
    logger = logging.getLogger(_ROOT)
    if logger.handlers:
        logger.error("%s", line)
        logger.debug("the traceback of that:", exc_info=exc)


_NOWHERE = logging.NullHandler()  # one, as adding the same again does nothing


class _AppendingHandler(logging.Handler):
    """Writes each record as one append."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as exc:
            raise UsageError(f"cannot write to the log file {str(path)!r}: {exc.strerror}") from exc
        self.setFormatter(_LineFormatter(_LINE, datefmt="%Y-%m-%dT%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            os.write(self._descriptor, (self.format(record) + "\n").encode(errors="backslashreplace"))
        except OSError:
            return  # a full disk under the log is no reason to end a scan

    def close(self) -> None:
        os.close(self._descriptor)
        super().close()


class _LineFormatter(logging.Formatter):
    """Keeps each record on its line, whatever file names are in it; a traceback follows on lines of its own."""

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        return printable(super().formatMessage(record))
