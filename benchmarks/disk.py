"""What is read from the disk that a folder is on, as the kernel counts it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_SECTOR_BYTES = 512  # of /sys/dev/block, whatever the disk's own are


class DiskReads(NamedTuple):
    """What has been read from a disk, by whomever."""

    reads: int
    bytes: int


def disk_reads(folder: Path) -> DiskReads | None:
    """Return what has been read since the machine started, None if the kernel does not count the folder's disk."""
    device = folder.stat().st_dev
    figures = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}/stat")
    if not figures.exists():
        return None
    reads, _, sectors, *_ = map(int, figures.read_text(encoding="ascii").split())
    return DiskReads(reads, sectors * _SECTOR_BYTES)


def read_since(earlier: DiskReads | None, folder: Path) -> DiskReads | None:
    """Return what has been read since an earlier moment."""
    now = disk_reads(folder)
    if now is None or earlier is None:
        return None
    return DiskReads(now.reads - earlier.reads, now.bytes - earlier.bytes)
