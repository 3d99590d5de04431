"""The borders to stdout and stderr: encodings, closed pipes and full disks end here, whatever writes to them.

Results go to stdout, and a failure to write them ends the command. Everything else goes to stderr, where a failure
is ignored: a scan must not end because nobody can read its progress.
"""

from __future__ import annotations

import codecs
import errno
import os
import select
import sys
from collections.abc import Callable
from typing import TextIO

from soniquescan.errors import OutputClosed, OutputError
from soniquescan.text import printable

# What an encoding other than UTF-8 shows for the signs that the screen is drawn with, one column each.
_PLAIN_SIGNS = {"…": "~", "█": "#", "░": ".", "─": "-", "━": "-", "│": "|", "◀": "<", "·": "-", "→": ">"}
_PLAIN_SIGN_ERRORS = "soniquescan.plain_signs"


class GuardedStream:
    """A text stream that hands every failure to write to `on_failure`; enough of one for rich and `csv`."""

    def __init__(self, stream: TextIO | None, on_failure: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._on_failure = on_failure

    @property
    def encoding(self) -> str:
        """The encoding of the stream beneath."""
        return self._stream.encoding if self._stream is not None else "utf-8"

    def write(self, text: str) -> int:
        """Write `text`, or report why not."""
        if self._stream is None:
            self._on_failure(OSError(errno.EBADF, "it is closed"))
            return 0
        try:
            return self._stream.write(text)
        except OSError as exc:
            self._on_failure(exc)
            return 0

    def flush(self) -> None:
        """Flush the stream beneath, or report why not."""
        try:
            if self._stream is not None:
                self._stream.flush()
        except OSError as exc:
            self._on_failure(exc)

    def isatty(self) -> bool:
        """Say whether a terminal is at the other end."""
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        """Return the file descriptor beneath."""
        if self._stream is None:
            raise OSError(errno.EBADF, "it is closed")
        return self._stream.fileno()


def prepare() -> None:
    """Make stdout and stderr safe for any text and any environment; call it first of all.

    A standard descriptor that the caller closed is opened on /dev/null: the next file or socket that is opened would
    get its number otherwise, and stray output would go there.
    """
    codecs.register_error(_PLAIN_SIGN_ERRORS, _plain_signs)
    for stream in (sys.stdout, sys.stderr):
        # May be None, or anything that a caller (a test, say) has put there.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=_PLAIN_SIGN_ERRORS)
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one


def results() -> GuardedStream:
    """Return stdout for results that people read."""
    return GuardedStream(sys.stdout, _fail)


def data() -> GuardedStream:
    """Return stdout for results that programs read: UTF-8 and unchanged line ends, whatever the locale."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    return results()


def messages() -> GuardedStream:
    """Return stderr, for everything that is no result."""
    return GuardedStream(sys.stderr, lambda _: None)


def say(message: str) -> None:
    """Write one line to stderr; control characters in it (from file names, say) are shown, not obeyed."""
    stream = messages()
    stream.write(printable(message) + "\n")
    stream.flush()


def say_lines(text: str) -> None:
    """Write several lines to stderr, each as `say` does."""
    for line in text.splitlines():
        say(line)


def can_ask() -> bool:
    """Say whether somebody is there to answer a question."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def ask(question: str) -> bool:
    """Put a question on the terminal; whatever is not yes is no."""
    stream = messages()
    stream.write(f"{printable(question)} [y/N] ")
    stream.flush()
    answer = sys.stdin.readline()
    if not answer.endswith("\n"):  # Ctrl-D leaves the cursor where it was
        say("")
    return answer.strip().lower() in {"y", "yes"}


def finish() -> None:
    """Flush the results, so that a failure to write them is still ours to report."""
    if sys.stdout is not None:
        results().flush()


def reader_has_gone() -> bool:
    """Say whether stdout is a pipe that nobody reads any more."""
    if sys.stdout is None:
        return False
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # POLLERR is told unasked
    return any(events & select.POLLERR for _, events in poll.poll(0))


def leave() -> None:
    """Write what is left in the buffer of stdout, or drop it: the interpreter would try at its end, and complain."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _fail(exc: OSError) -> None:
    if exc.errno == errno.EPIPE:
        raise OutputClosed from exc
    raise OutputError(f"cannot write to standard output: {exc.strerror}") from exc


def _plain_signs(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    unknown = error.object[error.start : error.end]
    return "".join(_PLAIN_SIGNS.get(sign) or ascii(sign)[1:-1] for sign in unknown), error.end
