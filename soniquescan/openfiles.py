"""Files opened for reading: regular ones only, never a wait, and no more of the disk than is wanted.

Many files of a list are opened before the first of them is read, and the kernel asked for the blocks that will be
wanted: a disk or a server fetches many at a time, in the order that suits it, while one file after the other is read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from soniquescan.messages import FoundFile

# Regular files only, and never a wait: a FIFO that has taken a file's place since it was found opens at once.
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_RANDOM: Final[int] = getattr(os, "POSIX_FADV_RANDOM", 0)
_WILL_NEED: Final[int] = getattr(os, "POSIX_FADV_WILLNEED", 0)

_fadvise: Final[Callable[[int, int, int, int], None] | None] = getattr(os, "posix_fadvise", None)

HEAD_BYTES: Final = 8 * 1024
# What is read of a file's end, by its extension; of others nothing, as a rule.
_TAIL_BYTES: Final = {b"mp3": 4_096, b"flac": 16_384, b"ogg": 8_192, b"oga": 8_192, b"opus": 8_192}


class OpenFiles:
    """The files of a list, opened ahead."""

    def __init__(self) -> None:
        self._fds: dict[bytes, int] = {}

    def open_ahead(self, file: FoundFile) -> None:
        """Open a file and ask for the blocks that will be read of it; what is wrong with it shows when it is taken."""
        try:
            fd = _open(file.path)
        except OSError:
            return
        self._fds[file.path] = fd
        _advise(fd, 0, HEAD_BYTES, _WILL_NEED)
        tail_bytes = _TAIL_BYTES.get(file.path.rpartition(b".")[2].lower(), 0)
        if tail_bytes and file.size_bytes > HEAD_BYTES + tail_bytes:
            _advise(fd, file.size_bytes - tail_bytes, tail_bytes, _WILL_NEED)

    def take(self, path: bytes) -> int:
        """Return the descriptor of a file, which is the caller's to close; raises OSError where it cannot be opened."""
        fd = self._fds.pop(path, None)
        return _open(path) if fd is None else fd


def _open(path: bytes) -> int:
    fd = os.open(path, _OPEN_FLAGS)
    # Keep the kernel from reading ahead: a few KB are wanted of a file's start and end, and it may fetch 8 MB.
    _advise(fd, 0, 0, _RANDOM)
    return fd


def _advise(fd: int, offset: int, size: int, advice: int) -> None:
    """Tell the kernel what will be read, where it listens; a FIFO has no advice to take."""
    if _fadvise is not None:
        try:  # noqa: SIM105  `suppress` takes as long as the call
            _fadvise(fd, offset, size, advice)
        except OSError:
            pass
