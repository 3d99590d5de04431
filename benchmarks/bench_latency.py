"""How a scan scales with its workers where each call takes milliseconds, as on a NAS.

A scan and, beside it, the walk with one 8 KiB read a file by as many processes, both through `slowfs.py`, which is
mounted anew for each run, so that nothing is cached.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

from benchmarks.bench_cold import READ
from benchmarks.bench_floor import read_once
from benchmarks.bench_scan import scan_once
from benchmarks.commands import Databases, seconds, started
from benchmarks.measured import Case, CaseError, Measured, shown

MOUNT_TIMEOUT_S = 10.0
PROBES = 32  # files read at a time


def missing() -> str | None:
    """Return why there can be no slow file system here."""
    if importlib.util.find_spec("mfusepy") is None:
        return "the package mfusepy is not installed (pip install -e '.[latency]')"
    if not Path("/dev/fuse").exists() or shutil.which("fusermount3") is None:
        return "FUSE is not there (/dev/fuse and fusermount3)"
    return None


def cases(folder: Path, workers: Sequence[int], delay_ms: float, databases: Databases) -> list[Case]:
    """Return two cases for each number of workers."""
    found = []
    for number in workers:
        read = partial(_read_once, workers=number)
        scan = partial(scan_once, workers=number, databases=databases)
        found += [
            Case(f"read, {number}", partial(_through_slow_mount, folder, delay_ms, read)),
            Case(f"scan, {number}", partial(_through_slow_mount, folder, delay_ms, scan)),
        ]
    return found


def verify(folder: Path, delay_ms: float) -> str:
    """Return in words how long many calls at a time take; raises CaseError if they wait for one another."""
    with slow_mount(folder, delay_ms) as mounted:
        names = (name for name in mounted.rglob("*") if name.is_file())
        files = list(islice(names, PROBES))
        with ThreadPoolExecutor(len(files)) as executor:
            list(executor.map(_look_inside, files))  # so that all threads are there
            alone_s = seconds(partial(_look_inside, files[0]))
            together_s = seconds(lambda: list(executor.map(_look_inside, files)))
    words = (
        f"slow file system: open and read of one file take {alone_s * 1000:.0f} ms, "
        f"of {len(files)} at a time {together_s * 1000:.0f} ms"
    )
    if together_s > alone_s * max(2, len(files) / 4):
        raise CaseError(f"{words}: its calls wait for one another")
    return words


def _look_inside(file: Path) -> None:
    with file.open("rb", buffering=0) as opened:
        opened.read(1)


def _read_once(folder: Path, workers: int) -> list[Measured]:
    return [read_once(folder, workers, f"one 8 KiB read, {shown(workers, 'process', 'processes')}", READ)]


def _through_slow_mount(
    folder: Path, delay_ms: float, measure: Callable[[Path], Sequence[Measured]]
) -> Sequence[Measured]:
    with slow_mount(folder, delay_ms) as mounted:
        return measure(mounted)


@contextmanager
def slow_mount(folder: Path, delay_ms: float) -> Iterator[Path]:
    """Mount a folder so that each call takes that much longer, for as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="soniquescan-benchmarks-") as name:
        mountpoint = Path(name, "mounted")
        mountpoint.mkdir()
        command = (sys.executable, "-m", "benchmarks.slowfs", str(folder), str(mountpoint), "--delay-ms", str(delay_ms))
        with (Path(name) / "log").open("w+", encoding="utf-8") as log, started(command, stderr=log) as process:
            try:
                _wait_for_mount(process, mountpoint)
                yield mountpoint
            finally:
                _unmount(mountpoint)


def _wait_for_mount(process: subprocess.Popen[str], mountpoint: Path) -> None:
    deadline_s = time.monotonic() + MOUNT_TIMEOUT_S
    while not mountpoint.is_mount():
        if process.poll() is not None or time.monotonic() > deadline_s:
            words = " ".join((mountpoint.parent / "log").read_text(errors="replace").split())
            raise CaseError(f"the slow file system does not mount: {words[-200:]}")
        time.sleep(0.01)


def _unmount(mountpoint: Path) -> None:
    """Unmount, even while somebody still uses it."""
    program = shutil.which("fusermount3") or "fusermount3"
    subprocess.run([program, "-u", "-z", str(mountpoint)], check=False, stderr=subprocess.DEVNULL)
