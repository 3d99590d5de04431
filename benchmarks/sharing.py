"""Does something with every audio file of a folder in several processes, of which none has to wait for another.

The folder's subfolders are taken one at a time by whichever process is free, and walked there. So the walk is shared
out as well, each folder is listed once, and all processes end at about the same time.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, NamedTuple

from soniquescan.extensions import AUDIO_EXTENSIONS

Shared = Any  # what multiprocessing makes has no useful type

PARTS_PER_PROCESS = 32  # so many at least, so that the last part of one is no long wait for the others


class Done(NamedTuple):
    """What all processes together have done."""

    files: int
    reads: int
    bytes: int
    seconds: float


def read_all(folder: bytes, processes: int, read: Callable[[bytes], tuple[int, int]]) -> Done:
    """Call `read` with the path of every audio file, in so many processes; it tells how many reads and bytes it took.

    Dot files are left out, and symbolic links are not followed.
    """
    context: Any = multiprocessing.get_context("fork")  # typeshed's contexts lack what each of them has
    started_s = time.perf_counter()
    parts = _parts(folder, processes)
    next_part, results = context.Value("q", 0), context.SimpleQueue()
    children = [context.Process(target=_read_parts, args=(parts, next_part, read, results)) for _ in range(processes)]
    for child in children:
        child.start()
    counts = [results.get() for _ in children]
    for child in children:
        child.join()
    files, reads, size = map(sum, zip(*counts, strict=True))
    return Done(files, reads, size, time.perf_counter() - started_s)


class _Entry(NamedTuple):
    path: bytes
    is_folder: bool


def _parts(folder: bytes, processes: int) -> list[_Entry]:
    """Return files and folders that make up a folder, each once: enough to share out evenly."""
    folders, files = [_Entry(folder, is_folder=True)], []
    with ThreadPoolExecutor(processes) as threads:  # on slow storage all there is to do is wait
        while folders and len(folders) < processes * PARTS_PER_PROCESS:
            inner = list(chain.from_iterable(threads.map(_listing, (outer.path for outer in folders))))
            folders = [entry for entry in inner if entry.is_folder]
            files += [entry for entry in inner if not entry.is_folder]
    return folders + files


def _read_parts(
    parts: Sequence[_Entry], next_part: Shared, read: Callable[[bytes], tuple[int, int]], results: Shared
) -> None:
    files = reads = size = 0
    while (number := _take(next_part)) < len(parts):
        for path in _audio_files(parts[number]):
            more_reads, more_bytes = read(path)
            files, reads, size = files + 1, reads + more_reads, size + more_bytes
    results.put((files, reads, size))


def _take(next_part: Shared) -> int:
    with next_part.get_lock():
        number: int = next_part.value
        next_part.value += 1
    return number


def _audio_files(part: _Entry) -> Iterator[bytes]:
    entries = [part]
    while entries:
        entry = entries.pop()
        if entry.is_folder:
            entries += _listing(entry.path)
        elif os.path.splitext(entry.path)[1].lower() in AUDIO_EXTENSIONS:  # noqa: PTH122  # the path is bytes
            yield entry.path


def _listing(folder: bytes) -> list[_Entry]:
    with os.scandir(folder) as entries:
        return [
            _Entry(entry.path, entry.is_dir(follow_symlinks=False))
            for entry in entries
            if not entry.name.startswith(b".")
        ]
