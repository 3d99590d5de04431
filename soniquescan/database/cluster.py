"""One PostgreSQL cluster of our own: how it is made, started and stopped, and how one knows that it runs.

In the cluster's folder lie

    data/         what PostgreSQL keeps, with the server's socket; mode 0700, so that no password is needed
    init.tmp/     a cluster being made; renamed when complete, so that a killed initdb is never taken for one
    server.log    what the server says; server.log.1 what the one before said
    server.lock   held by the processes of the server and of initdb: free means that not one of them is left

Whoever starts or stops it must see to it that nobody else does at the same time (see `embedded`).
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO
from urllib.parse import quote

from soniquescan.database.binaries import SERVER_ENVIRONMENT, Installation, find_installation
from soniquescan.errors import DatabaseError

logger = logging.getLogger(__name__)

DATABASE = "soniquescan"
SUPERUSER = "postgres"
SOCKET = ".s.PGSQL.5432"

START_TIMEOUT_S = 300.0  # recovery replays at most 2 GB of WAL: a guess for a slow disk
QUIT_TIMEOUT_S = 0.5  # an immediate shutdown takes 10 ms
POLL_INTERVAL_S = 0.005  # a start takes 30 ms, a stop 10 ms
SMALLEST_WRITE_BYTES = 65_536  # with less room than this a disk counts as full

INITDB_OPTIONS = (
    f"--username={SUPERUSER}",
    "--encoding=UTF8",
    "--locale=C",  # text sorts by code point: the same on every machine, and quick
    "--auth-local=trust",
    "--auth-host=reject",
)
BUILTIN_LOCALE_MAJOR = 17  # from here on lower() and upper() know Unicode without the system's locales
BUILTIN_LOCALE_OPTIONS = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")

SERVER_OPTIONS = (
    "--listen_addresses=",
    "--port=5432",  # no TCP port: part of the socket's name
    "--unix_socket_directories=.",  # the data folder; a relative name needs no quoting and is never too long
    "--unix_socket_permissions=0700",
    "--max_connections=20",
    "--shared_buffers=64MB",  # counts towards the memory of a scan; 128MB loaded 100,000 tracks no faster
    "--max_wal_size=2GB",  # fewer checkpoints during a load
    "--wal_level=minimal",
    "--max_wal_senders=0",
    "--max_logical_replication_workers=0",
    "--jit=off",  # compiling costs more than it saves on queries of this size
    "--TimeZone=UTC",
)

_PANIC = re.compile(r"PANIC: +(.*)")

# Added to a URL, keeps the environment's PGHOSTADDR out. Programs that do not use libpq may not know it.
NO_HOSTADDR = "&hostaddr="


def server_url(host: Path, database: str = DATABASE) -> str:
    """Return the connection URL of the server whose socket is in the folder `host`."""
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(bytes(host), safe='/')}&port=5432"


def lock(file: IO[bytes], operation: int = fcntl.LOCK_EX, *, timeout_s: float | None = None) -> bool:
    """Lock a file by flock(2), waiting for at most `timeout_s`; return whether it is locked."""
    if timeout_s is None:
        fcntl.flock(file, operation)
        return True
    deadline = time.monotonic() + timeout_s
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, operation | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL_INTERVAL_S)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster's folder and the programs that serve it."""

    folder: Path
    installation: Installation

    @property
    def data(self) -> Path:
        """Where PostgreSQL keeps everything, and where the server's socket is."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the running or the last server said."""
        return self.folder / "server.log"

    def open_lock(self, name: str) -> IO[bytes]:
        """Open the lock file of this name, unlocked."""
        return (self.folder / f"{name}.lock").open("ab")

    def exists(self) -> bool:
        """Return whether the cluster has been made."""
        return (self.data / "PG_VERSION").exists()

    def is_alive(self) -> bool:
        """Return whether a process of a server that we started is left."""
        with self.open_lock("server") as server:
            return not lock(server, fcntl.LOCK_SH, timeout_s=0)

    def make(self) -> None:
        """Make the cluster, empty."""
        logger.info("making the embedded database in %s", self.data)
        unfinished = self.folder / "init.tmp"
        with self.open_lock("server") as server:
            lock(server)  # waits for an initdb whose parent was killed: it still writes there
            shutil.rmtree(unfinished, ignore_errors=True)
            result = self._run_initdb(unfinished.name, server)
        if result.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise DatabaseError(
                f"the embedded database could not be made in {str(self.folder)!r}: {_reason(result.stderr)}"
            )
        unfinished.rename(self.data)

    def _run_initdb(self, name: str, server: IO[bytes]) -> subprocess.CompletedProcess[str]:
        options = BUILTIN_LOCALE_OPTIONS if self.installation.major >= BUILTIN_LOCALE_MAJOR else ()
        return subprocess.run(
            self.installation.command("initdb", *INITDB_OPTIONS, *options, f"--pgdata={name}"),
            cwd=self.folder,
            env=SERVER_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,  # Ctrl-C is ours to handle.
            pass_fds=[server.fileno()],
        )

    def start(self) -> None:
        """Start the server; it outlives this process if others use it."""
        self._clear_stale_pid()
        if self.log.exists():
            self.log.replace(self.log.with_name("server.log.1"))  # why the last server died may be of use
        with self.open_lock("server") as server, self.log.open("wb") as log:
            # The server's processes inherit the lock; ours goes when this block ends.
            lock(server)
            process = subprocess.Popen(
                self.installation.command("postgres", "-D", "data", *SERVER_OPTIONS),
                cwd=self.folder,
                env=SERVER_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Neither Ctrl-C nor the end of the terminal's session reaches it.
                pass_fds=[server.fileno()],
            )
        process.returncode = 0  # From here on it goes by its pid file; Popen would warn that it still runs.

    def _clear_stale_pid(self) -> None:
        """Make PostgreSQL ignore the pid file of a dead server whose pid another process has by now.

        It takes a pid that is alive for that server's, unless it is that of its own parent, which is us. It still
        checks that server's shared memory then, so the file is better kept than deleted.
        """
        pid = self._pid()
        if pid is None or self._is_served_by(pid):
            return
        pid_file = self.data / "postmaster.pid"
        _, _, rest = pid_file.read_bytes().partition(b"\n")
        pid_file.write_bytes(b"%d\n%s" % (os.getpid(), rest))
        (self.data / f"{SOCKET}.lock").unlink(missing_ok=True)

    def _pid(self) -> int | None:
        # Only the first line can be relied on: a line further down is the folder's name, which may hold newlines.
        try:
            return int((self.data / "postmaster.pid").read_bytes().split(b"\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _is_served_by(self, pid: int) -> bool:
        """Return whether a server that we did not start works here; that one must find its pid file intact."""
        try:
            return Path(f"/proc/{pid}/cwd").samefile(self.data)
        except OSError:
            return False

    def answers(self, host: Path) -> bool:
        """Return whether the server takes connections through the folder `host`; make our database if there is none."""
        if not (self.data / SOCKET).exists():
            return False
        # Takes 0.1 s to import; so it is imported while the server starts.
        import psycopg  # noqa: PLC0415

        from soniquescan.database.connection import wrap_errors  # noqa: PLC0415

        try:
            connection = psycopg.connect(server_url(host, "postgres") + NO_HOSTADDR, autocommit=True, connect_timeout=5)
        except psycopg.OperationalError as exc:
            logger.debug("waiting for the embedded database: %s", exc)
            return False
        with connection, wrap_errors():
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if found is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")
        return True

    def wait_until_ready(self, host: Path) -> None:
        """Return when the server takes connections; say why if it does not."""
        deadline = time.monotonic() + START_TIMEOUT_S
        import_module("soniquescan.database.connection")  # which `answers` needs, and the server is not ready yet
        while not self.answers(host):
            if not self.is_alive():
                raise DatabaseError(
                    f"the embedded database did not start: {self._last_words()} (log: {str(self.log)!r})"
                )
            if time.monotonic() >= deadline:
                raise DatabaseError(
                    f"the embedded database does not answer after {START_TIMEOUT_S:.0f} s (log: {str(self.log)!r})"
                )
            time.sleep(POLL_INTERVAL_S)

    def _last_words(self) -> str:
        output = self.log.read_text(errors="replace")
        if not output and shutil.disk_usage(self.folder).free < SMALLEST_WRITE_BYTES:
            return os.strerror(errno.ENOSPC)  # The log is on the full disk, too.
        return _reason(output)

    def log_size_bytes(self) -> int:
        """Return how much the running server has said so far."""
        return self.log.stat().st_size if self.log.exists() else 0

    def breakdown(self, since_bytes: int) -> str | None:
        """Return why the server broke down, if it did after it had said that much: a full disk, or else a PANIC.

        A server that cannot write its WAL panics: it cuts off everyone, whom it has no time to tell why, and restarts.
        """
        if not self.log.exists():
            return None
        with self.log.open("rb") as log:
            log.seek(since_bytes)
            said = log.read().decode(errors="replace")
        full = os.strerror(errno.ENOSPC)
        if full in said:
            return full
        panic = _PANIC.search(said)
        return panic and panic[1].strip()

    def stop(self, patience_s: float) -> None:
        """Stop the server, if there is one: in order, and if that takes longer than `patience_s`, at once.

        What is committed is in the WAL, so a server that is cut off loses nothing; its next start takes longer.
        """
        pid = self._pid()
        if pid is None or not self.is_alive():
            return
        try:
            if not self._signal(pid, signal.SIGINT, timeout_s=patience_s):
                self._signal(pid, signal.SIGQUIT, timeout_s=QUIT_TIMEOUT_S)
        except BaseException:  # Another Ctrl-C: wait no longer, but leave no server behind that takes its time.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)
            raise

    def _signal(self, pid: int, signal_number: signal.Signals, *, timeout_s: float) -> bool:
        """Send a signal to the server and return whether all its processes have ended by the time-out."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal_number)
        with self.open_lock("server") as server:
            gone = lock(server, timeout_s=timeout_s)
        if gone:
            with suppress(ChildProcessError):  # It may be the child of another user of the server.
                os.waitpid(pid, 0)
        return gone


def open_cluster(data_folder: Path) -> Cluster:
    """Return the cluster in `data_folder` for the PostgreSQL found here; its folder exists and is ours."""
    installation = find_installation()
    folder = data_folder.absolute() / f"pg{installation.major}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = folder.stat().st_uid
    if owner != os.geteuid():
        raise DatabaseError(
            f"the embedded database in {str(folder)!r} belongs to the user with id {owner}: "
            "run as that user, or set SONIQUESCAN_DATA_DIR to another folder"
        )
    return Cluster(folder, installation)


def _reason(output: str) -> str:
    """Return the line in which a server program says why it failed."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # "the database system is starting up": said to whoever connects too early, us.
    pattern = re.compile(r"(?:FATAL|PANIC|error): +(?!the database system is)(.*)")
    causes = [match[1] for line in lines if (match := pattern.search(line))]
    return (causes or lines or ["it said nothing"])[-1]
