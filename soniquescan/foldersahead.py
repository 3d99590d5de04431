"""Folders looked at ahead of the walk, by threads, where the storage is slow.

A walk waits for one call after the other: over a network, and on a disk whose blocks are not in the page cache, that
is nearly all that it does. So the folders that come next are listed, and their files' `stat` is asked for, by many
threads at once; the kernel remembers, and the walk that comes after them does not wait. What they find they forget.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# A `stat` that takes longer comes from a disk or a server: 1 to 3 µs where the kernel remembers it.
SLOW_S = 100e-6
THREADS = 32
AHEAD = 64  # folders of those that wait
DEEPER = 256  # folders under way, with those inside of these


class FoldersAhead:
    """What is under way, of one walk."""

    def __init__(self, *, is_file: Callable[[bytes], bool], is_folder: Callable[[bytes], bool]) -> None:
        """Take what tells by names whether a file's `stat` will be asked for, and whether a folder will be walked."""
        self._is_file = is_file
        self._is_folder = is_folder
        self._is_slow = False
        self._threads = ThreadPoolExecutor(THREADS)  # which starts them when there is something to do
        self._under_way: dict[bytes, Future[None]] = {}

    def look(self, waiting: Iterable[bytes]) -> None:
        """Have the folders that come next looked at, if the storage is slow."""
        if self._is_slow:
            for folder in islice(waiting, AHEAD):
                self._start(folder)

    def wait(self, folder: bytes) -> bool:
        """Return when nobody looks at this folder any more; tell whether somebody has."""
        looking = self._under_way.pop(folder, None)
        if looking is None:
            return False
        looking.result()
        return True

    def note(self, seconds: float, files: int) -> None:
        """Take note of how long it took to ask for the `stat` of so many files, for the first time."""
        if files:
            self._is_slow = seconds > SLOW_S * files

    def _start(self, folder: bytes) -> None:
        if folder not in self._under_way:
            self._under_way[folder] = self._threads.submit(self._look_at, folder)

    def _look_at(self, folder: bytes) -> None:
        files, inside = [], []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        if self._is_folder(entry.name):
                            inside.append(entry.path)
                    elif self._is_file(entry.name):
                        files.append(entry.path)
            started_s = time.perf_counter()
            for file in files:
                os.stat(file)  # noqa: PTH116  # not `entry.stat()`, which keeps all other threads waiting
            self.note(time.perf_counter() - started_s, len(files))
        except OSError:
            return  # the walk will meet it, and say so
        if self._is_slow and len(self._under_way) + len(inside) <= DEEPER:
            for path in inside:
                self._start(path)
