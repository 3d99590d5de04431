"""Commands under measurement: each in a session of its own, watched, and gone when its block ends, however that is.

A session of its own, since Ctrl-C is for the benchmarks alone: they end what they have started, in order.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.disk import DiskReads, disk_reads, read_since
from benchmarks.measured import CaseError, Usage
from benchmarks.watch import Watch

SONIQUESCAN = (sys.executable, "-m", "soniquescan")
END_TIMEOUT_S = 10.0  # from asking a command to end until killing it; a scan takes 2 s at most

_WORDS_MAX = 200  # of what a command that failed has said


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    started_s = time.perf_counter()
    work()
    return time.perf_counter() - started_s


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has done what it was to do."""

    elapsed_s: float
    usage: Usage
    disk: DiskReads | None  # what was read meanwhile from the library's disk
    output: str  # what it wrote to stdout

    def document(self) -> dict[str, Any]:
        """Return the JSON that it wrote."""
        document: dict[str, Any] = json.loads(self.output)
        return document


@contextmanager
def started(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    **options: Any,  # noqa: ANN401  # Popen's
) -> Iterator[subprocess.Popen[str]]:
    """Start a command for as long as the block runs."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
        **options,
    )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """See to it that a process and those of its session have ended: ask, wait, then kill."""
    try:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_TIMEOUT_S)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    codes: Collection[int] = (0,),
    also: Callable[[], Iterable[int]] = tuple,
    library: Path | None = None,
) -> Ran:
    """Run a command to its end and measure it; `also` names processes that work for it, but that it did not start.

    With `library` the reads from its disk are counted. Raises CaseError if it ends with a code that is none of `codes`.
    """
    disk = disk_reads(library) if library else None
    started_s = time.perf_counter()
    with (
        started(command, environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process,
        Watch(process.pid, also) as watch,
    ):
        output, said = process.communicate()
        elapsed_s = time.perf_counter() - started_s
    if process.returncode not in codes:
        words = " ".join(said.split())[-_WORDS_MAX:]
        raise CaseError(f"{shlex.join(command[1:4])} ended with code {process.returncode}: {words}")
    return Ran(elapsed_s, watch.usage(), read_since(disk, library) if library else None, output)


class DataFolder:
    """A folder with an embedded database of its own, made and not in use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "SONIQUESCAN_DATA_DIR": str(folder)}
        self.environment.pop("SONIQUESCAN_DSN", None)

    def call(self, *arguments: str) -> str:
        """Run a command of soniquescan that is not to be measured; return what it wrote."""
        return run((*SONIQUESCAN, *arguments), self.environment).output.strip()

    @contextmanager
    def server(self) -> Iterator[str]:
        """Keep the server up for as long as the block runs; yield its DSN."""
        dsn = self.call("db", "start")
        try:
            yield dsn
        finally:
            self.call("db", "stop")

    def stop(self) -> None:
        """Stop a server that still runs, as where a scan was killed."""
        if self.server_pids():
            self.call("db", "stop")

    def server_pids(self) -> list[int]:
        """Return the server's first process, from which the others descend."""
        pids = []
        for file in self.folder.glob("pg*/data/postmaster.pid"):
            with suppress(OSError, ValueError):
                pids.append(int(file.read_text(errors="replace").split("\n", 1)[0]))
        return pids


class Databases:
    """Makes embedded databases, each for one measurement.

    initdb has nothing to do with the library and takes 1 to 5 s, so that it is run only once, and the rest are copies.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._pattern = scratch / "database"

    @contextmanager
    def new(self) -> Iterator[DataFolder]:
        """Yield a database that nobody uses; when the block ends no server runs in it, and it is gone."""
        if not self._pattern.exists():
            with DataFolder(self._pattern).server():
                pass
        with tempfile.TemporaryDirectory(dir=self._scratch, ignore_cleanup_errors=True) as name:
            shutil.copytree(self._pattern, name, dirs_exist_ok=True)
            os.sync()  # not while something is measured
            data = DataFolder(Path(name))
            try:
                yield data
            finally:
                data.stop()
