"""The floor under every scan: walk, and of each file open, one read and close, in as many processes as workers.

    python -m benchmarks.floor FOLDER [--workers 2] [--bytes 65536] [--random]

`--random` advises the kernel not to read ahead. With `--warm` each file's start and end are read as far as any scan
reads them, so that they are in the page cache.
"""

from __future__ import annotations

import argparse
import json
import os
from functools import partial

from benchmarks.sharing import read_all
from soniquescan.settings import default_workers

READ_BYTES = 65_536
WARM_END_BYTES = 65_536
WARM_START_BYTES = 65_536, 262_144  # at least and, where a picture is that long, at most


def read_once(path: bytes, size: int, *, random: bool) -> tuple[int, int]:
    """Read a file's first bytes, as any reader has to."""
    fd = os.open(path, os.O_RDONLY)
    try:
        if random:
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
        return 1, len(os.pread(fd, size, 0))
    finally:
        os.close(fd)


def warm(path: bytes) -> tuple[int, int]:
    """Read what a reader may want of a file: its start, up to the first hole of a sparse one, and its end."""
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        first_hole = os.lseek(fd, 0, os.SEEK_HOLE) if size else 0
        at_least, at_most = WARM_START_BYTES
        start = os.pread(fd, min(max(first_hole, at_least), at_most), 0)
        end = os.pread(fd, WARM_END_BYTES, max(0, size - WARM_END_BYTES))
        return 2, len(start) + len(end)
    finally:
        os.close(fd)


def main() -> None:
    """Read the folder that the command line names, and print the figures as JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.floor", description=__doc__.partition("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--workers", type=int, default=default_workers())
    parser.add_argument("--bytes", type=int, default=READ_BYTES)
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--warm", action="store_true")
    arguments = parser.parse_args()
    read = warm if arguments.warm else partial(read_once, size=arguments.bytes, random=arguments.random)
    print(json.dumps(read_all(os.fsencode(arguments.folder), arguments.workers, read)._asdict()))


if __name__ == "__main__":
    main()
