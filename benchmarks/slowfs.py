"""A file system that shows a folder as it is, but takes a while over every call, as a NAS does.

    python -m benchmarks.slowfs SOURCE MOUNTPOINT --delay-ms 5

It needs FUSE (/dev/fuse and fusermount3) and the package mfusepy. Each listing, lookup, open and read takes that much
longer; calls are served by as many threads as there are, so their delays overlap. What a lookup has told is kept for
three seconds, as by an NFS client. Python serves about 4,000 calls a second on one core: more workers than that is
enough for no longer show the storage's limit but this file system's.
"""

from __future__ import annotations

import argparse
import os
import stat
import time
from collections.abc import Iterator

import mfusepy

MAX_CALLS = 256  # at a time; libfuse's own limit is 10 threads, the kernel's 12 reads
ATTRIBUTES_KEPT_S = 3  # acregmin of nfs(5)

_ATTRIBUTES = ("st_mode", "st_ino", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks")
_TIMES = ("st_atime", "st_mtime", "st_ctime")
_LIMITS_THREADS = (3, 12)  # the first libfuse that has `max_threads`, and needs it


class SlowFolder:
    """The operations; mfusepy calls them by their names, from many threads."""

    use_ns = True

    def __init__(self, source: bytes, delay_s: float) -> None:
        self._source = source
        self._delay_s = delay_s

    def init_with_config(self, connection: mfusepy.fuse_conn_info, _config: object) -> None:
        """Have the kernel send that many reads at a time."""
        connection.max_background = connection.congestion_threshold = MAX_CALLS

    def getattr(self, path: str, _fh: int | None = None) -> dict[str, int]:
        """Return a file's attributes; this is what a lookup asks for."""
        time.sleep(self._delay_s)
        status = os.lstat(self._at(path))
        attributes: dict[str, int] = {name: getattr(status, name) for name in _ATTRIBUTES}
        return attributes | {name: getattr(status, f"{name}_ns") for name in _TIMES}

    def readdir(self, path: str, _fh: int) -> Iterator[str | tuple[str, dict[str, int], int]]:
        """Yield the names in a folder."""
        time.sleep(self._delay_s)
        yield from (".", "..")
        with os.scandir(self._at(path)) as entries:
            for entry in entries:
                mode = stat.S_IFDIR if entry.is_dir(follow_symlinks=False) else stat.S_IFREG
                yield os.fsdecode(entry.name), {"st_mode": mode, "st_ino": entry.inode()}, 0

    def readlink(self, path: str) -> str:
        """Return where a symbolic link leads."""
        time.sleep(self._delay_s)
        return os.fsdecode(os.readlink(self._at(path)))  # noqa: PTH115  # the path is bytes

    def open(self, path: str, _flags: int) -> int:
        """Open a file, to be read only."""
        time.sleep(self._delay_s)
        return os.open(self._at(path), os.O_RDONLY)

    def read(self, _path: str, size: int, offset: int, fh: int) -> bytes:
        """Read from an open file."""
        time.sleep(self._delay_s)
        return os.pread(fh, size, offset)

    def release(self, _path: str, fh: int) -> int:
        """Close a file; nobody waits for that."""
        os.close(fh)
        return 0

    def _at(self, path: str) -> bytes:
        return self._source + os.fsencode(path)


def main() -> None:
    """Serve the mount that the command line asks for, until it is unmounted."""
    parser = argparse.ArgumentParser(prog="benchmarks.slowfs", description=__doc__.partition("\n")[0])
    parser.add_argument("source")
    parser.add_argument("mountpoint")
    parser.add_argument("--delay-ms", type=float, required=True)
    arguments = parser.parse_args()
    options: dict[str, object] = {}
    if (mfusepy.fuse_version_major, mfusepy.fuse_version_minor) >= _LIMITS_THREADS:
        options["max_threads"] = MAX_CALLS
    mfusepy.FUSE(
        SlowFolder(os.fsencode(arguments.source).rstrip(b"/"), arguments.delay_ms / 1000),
        arguments.mountpoint,
        foreground=True,
        ro=True,
        use_ino=True,  # a scan knows moved files by their inodes
        entry_timeout=ATTRIBUTES_KEPT_S,
        attr_timeout=ATTRIBUTES_KEPT_S,
        **options,
    )


if __name__ == "__main__":
    main()
