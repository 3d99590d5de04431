"""How fast MPD updates its database with the same library, and how fast when nothing has changed.

A private mpd, told over its socket (https://mpd.readthedocs.io/en/stable/protocol.html). It starts on an empty folder,
so that its start is not counted; then a link to the library is put there. It runs without io_uring: with it, MPD reads
512 KiB ahead from wherever it seeks to, holes of sparse files included, and the first update takes 3 to 8 times as
long.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

from benchmarks.commands import seconds, started
from benchmarks.measured import Case, CaseError, Kind, Measured, Usage
from benchmarks.watch import Watch

START_TIMEOUT_S = 20.0
WHY_UNFAIR = (
    "MPD looks for sound in these files and finds zeros: over M4A its ffmpeg takes 1.3 to 3 times as long as over "
    "music, about a tenth of the whole update; Ogg Vorbis without codebooks it refuses, in half the time of real files"
)

_CONFIGURATION = """
music_directory "{folder}/music"
db_file "{folder}/database"
bind_to_address "{folder}/socket"
auto_update "no"
follow_outside_symlinks "yes"
filesystem_charset "UTF-8"
zeroconf_enabled "no"
audio_output {{
    type "null"
    name "none"
}}
"""


def cases(folder: Path, *, sparse: bool) -> list[Case]:
    """Return the one case."""
    program = shutil.which("mpd")
    missing = None if program else "mpd is not installed"
    return [Case("mpd", partial(_updates, program or "mpd", folder, sparse=sparse), missing)]


def _updates(program: str, folder: Path, *, sparse: bool) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="soniquescan-benchmarks-") as name, _mpd(program, Path(name)) as mpd:
        mpd.wait_for_database()
        Path(name, "music", "library").symlink_to(folder)
        first, second = (_update(mpd) for _ in range(2))
        songs = int(mpd.ask("stats")["songs"])
    notes = (f"MPD: {songs:,} songs in its database", *([WHY_UNFAIR] if sparse else []))
    return [
        Measured("MPD, update", Kind.PEER, first[0], usage=first[1], notes=notes),
        Measured("MPD, update, nothing changed", Kind.PEER_RESCAN, second[0], usage=second[1]),
    ]


def _update(mpd: _Mpd) -> tuple[float, Usage]:
    with Watch(mpd.pid) as watch:
        elapsed_s = seconds(mpd.update)
    return elapsed_s, watch.usage()


class _Mpd:
    """A connection to an mpd."""

    def __init__(self, process: subprocess.Popen[str], stream: IO[str]) -> None:
        self.pid = process.pid
        self._stream = stream

    def ask(self, command: str) -> dict[str, str]:
        """Send a command and return what it answers."""
        self._stream.write(f"{command}\n")
        self._stream.flush()
        answer: dict[str, str] = {}
        for line in self._stream:
            if line == "OK\n":
                return answer
            if line.startswith("ACK"):
                raise CaseError(f"mpd refuses to {command}: {line.strip()}")
            key, _, value = line.rstrip("\n").partition(": ")
            answer[key] = value
        raise CaseError(f"mpd has ended while it was to {command}")

    def update(self) -> None:
        """Have it bring its database up to date, and return when it has."""
        self.ask("update")
        self.wait_for_update()

    def wait_for_database(self) -> None:
        """Return when it has a database, which it makes of the empty folder after it has started."""
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while "db_update" not in self.ask("stats"):
            if time.monotonic() > deadline_s:
                raise CaseError("mpd makes no database")
            time.sleep(0.01)
        self.wait_for_update()

    def wait_for_update(self) -> None:
        """Return when no update is under way; `idle` tells of one that has ended since the last `idle` as well."""
        while "updating_db" in self.ask("status"):
            self.ask("idle update")


@contextmanager
def _mpd(program: str, folder: Path) -> Iterator[_Mpd]:
    (folder / "music").mkdir()
    (folder / "mpd.conf").write_text(_CONFIGURATION.format(folder=folder), encoding="utf-8")
    without_io_uring = (sys.executable, "-m", "benchmarks.plainreads") if sys.platform == "linux" else ()
    command = (*without_io_uring, program, "--no-daemon", "--stderr", str(folder / "mpd.conf"))
    with (
        (folder / "log").open("w", encoding="utf-8") as log,
        started(command, stderr=log) as process,
        _connect(process, folder) as connection,
        connection.makefile("rw", encoding="utf-8") as stream,
    ):
        if not stream.readline().startswith("OK MPD"):
            raise CaseError("mpd does not answer")
        yield _Mpd(process, stream)


def _connect(process: subprocess.Popen[str], folder: Path) -> socket.socket:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    connection = socket.socket(socket.AF_UNIX)
    while True:
        try:
            connection.connect(str(folder / "socket"))
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline_s:
                connection.close()
                words = " ".join((folder / "log").read_text(errors="replace").split())
                raise CaseError(f"mpd does not start: {words[-200:]}") from None
            time.sleep(0.01)
        else:
            return connection
