"""How long a rescan takes from the shell's prompt back to it: nothing changed, one file changed, a thousand added.

    python -m benchmarks.rescan FOLDER [--rounds 5] [--added 1000]

FOLDER is a library as `python -m benchmarks.library` makes it. It is scanned into an embedded database of its own, then
again and again; beside each round stands what a script of one process needs that walks, takes each file's stat and
counts the tracks. Quoted are medians: compare them within one run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.commands import DataFolder, seconds
from benchmarks.library.generate import generate

# What a user would write who wants no more than to see whether anything has changed.
NAIVE = """
import os, sys
import psycopg
known = {}
with psycopg.connect(sys.argv[2]) as connection:
    for row in connection.execute("SELECT path, size_bytes, mtime_ns, ctime_ns FROM soniquescan.tracks"):
        known[row[0]] = row[1:]
changed = 0
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        status = os.stat(os.path.join(folder, name))
        stat = status.st_size, status.st_mtime_ns, status.st_ctime_ns
        changed += known.get(os.path.join(folder, name)) != stat
print(changed)
"""


class Bench:
    """One library, its database, and what can be timed with them."""

    def __init__(self, folder: Path, data_folder: Path) -> None:
        self.folder = folder
        self._data = DataFolder(data_folder)
        self._dsn = ""

    def scan(self) -> None:
        """Scan, as cron does."""
        self._data.call("scan", "--quiet", "--max-error-rate", "100%", str(self.folder))

    def naive(self) -> None:
        """Walk, take each file's stat, and read the tracks; the server is up already."""
        command = (sys.executable, "-c", NAIVE, str(self.folder), self._dsn)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def start_server(self) -> None:
        """Start the embedded server, for the naive script."""
        self._dsn = self._data.call("db", "start")

    def stop_server(self) -> None:
        """Stop it, so that a scan has to start it."""
        self._data.stop()


def first_file(folder: Path) -> Path:
    """Return any file of a library."""
    return next(path for path in sorted(folder.rglob("*.mp3")) if path.is_file())


def main() -> None:
    """Run the rounds and print the medians."""
    parser = argparse.ArgumentParser(prog="benchmarks.rescan", description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--added", type=int, default=1000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        run(arguments.folder.absolute(), Path(scratch), arguments.rounds, arguments.added)


def run(folder: Path, scratch: Path, rounds: int, added: int) -> None:
    """Time each kind of rescan `rounds` times, one after the other in each round."""
    bench = Bench(folder, scratch / "data")
    extra = folder / "benchmarks.rescan"
    times_s: dict[str, list[float]] = {}

    def note(name: str, work: Callable[[], object]) -> None:
        times_s.setdefault(name, []).append(seconds(work))

    note("first scan", bench.scan)
    for number in range(rounds):
        note("nothing changed", bench.scan)
        os.utime(first_file(bench.folder))
        note("one file changed", bench.scan)
        generate(extra, files=added, seed=number + 1_000)
        alone = Bench(extra, scratch / f"data {number}")
        alone.start_server()  # so that initdb is not counted
        alone.stop_server()
        note(f"first scan of {added:,}", alone.scan)
        note(f"{added:,} files added", bench.scan)
        shutil.rmtree(extra)
        bench.scan()
        bench.start_server()
        note("naive script, server up", bench.naive)
        bench.stop_server()
    for name, values in times_s.items():
        print(f"{name:<26} {statistics.median(values):8.3f} s  ({min(values):.3f} to {max(values):.3f})")


if __name__ == "__main__":
    main()
