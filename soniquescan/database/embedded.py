"""The embedded server: a PostgreSQL in the user's data folder, up for as long as somebody uses it.

In `<data folder>/pg18` (18: the PostgreSQL version, whose data no other version reads) lie, beside the cluster,

    start.lock    held while the server is being started or stopped, and nothing else
    users.lock    held shared by everyone who uses the server; the last one out stops it
    keep          the server was started by `db start` and stays up; holds the folder to connect to

The locks are flock(2)'s: the kernel frees those of a killed process, and the next user finds its server running.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from soniquescan.database import Database
from soniquescan.database.cluster import NO_HOSTADDR, Cluster, lock, open_cluster, server_url
from soniquescan.errors import DatabaseError, StageError

logger = logging.getLogger(__name__)

STOP_TIMEOUT_S = 60.0  # a shutdown writes at most all shared buffers: a guess for a slow disk
HURRIED_STOP_TIMEOUT_S = 0.7  # after Ctrl-C, which is to end everything within 2 s

# sun_path holds 108 bytes on Linux and 104 on macOS, of which "/.s.PGSQL.5432" and the final NUL take 15.
LONGEST_SOCKET_FOLDER_BYTES = 85

# What the user can do about a breakdown, by its cause.
_CURES = {os.strerror(errno.ENOSPC): "make room on its disk, then run the same again; "}


@contextmanager
def running_server(data_folder: Path) -> Iterator[Database]:
    """Yield the embedded server in `data_folder`, started if need be; the last user out stops it.

    When the block is left by an exception, stopping takes at most about 1.2 s.
    """
    with _membership(data_folder) as (cluster, host):
        server = _Server(cluster, host)
        with server.breakdowns():
            yield Database(server_url(host) + NO_HOSTADDR, revive=server.revive)


def start_persistent(data_folder: Path) -> str:
    """Start the embedded server in `data_folder`, to stay up until `stop_persistent`; return its URL."""
    with _membership(data_folder) as (cluster, _), _storage_errors(data_folder):
        return server_url(_keep(cluster))


def stop_persistent(data_folder: Path) -> bool:
    """Stop the embedded server in `data_folder`; return whether one was running.

    Raises `DatabaseError` while one of our own commands uses it: it then stops when that has ended.
    """
    with _storage_errors(data_folder):
        cluster = open_cluster(data_folder)
        with cluster.open_lock("users") as users, cluster.open_lock("start") as start:
            lock(start)
            _forget_keep(cluster)
            if not lock(users, timeout_s=0):
                raise DatabaseError(
                    "the embedded database is in use by another soniquescan command; it will stop when that has ended"
                )
            was_running = cluster.is_alive()
            cluster.stop(STOP_TIMEOUT_S)
    return was_running


@contextmanager
def _membership(data_folder: Path) -> Iterator[tuple[Cluster, Path]]:
    """Be a user of the server for as long as the block runs; yield its cluster and the folder to connect to."""
    with _storage_errors(data_folder):
        cluster = open_cluster(data_folder)
        users = cluster.open_lock("users")
    patience_s = HURRIED_STOP_TIMEOUT_S
    with users, _socket_folder(cluster.data) as host:
        try:
            with _storage_errors(data_folder):
                _join(cluster, users, host)
            yield cluster, host
            patience_s = STOP_TIMEOUT_S
        finally:
            with _storage_errors(data_folder):
                _leave(cluster, users, patience_s)


def _join(cluster: Cluster, users: IO[bytes], host: Path) -> None:
    """Become a user of the server, starting it if need be."""
    with cluster.open_lock("start") as start:
        lock(start)
        lock(users, fcntl.LOCK_SH)
        if not cluster.exists():
            cluster.make()
        # A server that somebody started by hand holds no lock of ours, but answers. It is not ours to stop.
        if not cluster.is_alive() and not cluster.answers(host):
            _forget_keep(cluster)  # of a server that has died since
            cluster.start()
        cluster.wait_until_ready(host)


def _leave(cluster: Cluster, users: IO[bytes], patience_s: float) -> None:
    """Cease to be a user of the server, and stop it if nobody else is one.

    Whoever holds the start lock for longer than a moment is about to become a user, and will stop it.
    """
    with cluster.open_lock("start") as start:
        if lock(start, timeout_s=patience_s) and lock(users, timeout_s=0) and not _keep_file(cluster).exists():
            cluster.stop(patience_s)


def _keep_file(cluster: Cluster) -> Path:
    return cluster.folder / "keep"


def _keep(cluster: Cluster) -> Path:
    """Note that the server stays up, and return the folder to connect to for as long as it does."""
    if _keep_file(cluster).exists():
        host = Path(os.fsdecode(_keep_file(cluster).read_bytes()))
        if (host / "PG_VERSION").exists():  # A link in the temporary folder may have been tidied away.
            return host
    host = _make_socket_folder(cluster.data)
    _keep_file(cluster).write_bytes(os.fsencode(host))
    return host


def _forget_keep(cluster: Cluster) -> None:
    if _keep_file(cluster).exists():
        _remove_socket_folder(Path(os.fsdecode(_keep_file(cluster).read_bytes())), cluster.data)
        _keep_file(cluster).unlink()


@contextmanager
def _socket_folder(data: Path) -> Iterator[Path]:
    host = _make_socket_folder(data)
    try:
        yield host
    finally:
        _remove_socket_folder(host, data)


def _make_socket_folder(data: Path) -> Path:
    """Return a folder through which libpq can reach the socket in `data`: itself, or a link to it.

    libpq takes a comma for the end of a host, psycopg takes UTF-8 only, and the kernel no long socket name.
    """
    raw = os.fsencode(data)
    if len(raw) <= LONGEST_SOCKET_FOLDER_BYTES and b"," not in raw and _is_utf8(raw):
        return data
    try:
        # A folder that only its owner may enter, so nobody else can put another socket in its place.
        in_default = len(os.fsencode(tempfile.gettempdir())) <= LONGEST_SOCKET_FOLDER_BYTES // 2
        link = Path(tempfile.mkdtemp(prefix="soniquescan-", dir=None if in_default else "/tmp")) / "data"  # noqa: S108
        link.symlink_to(data)
    except OSError as exc:
        raise DatabaseError(
            f"the embedded database needs a temporary folder, as the path {str(data)!r} is too long or too odd for a "
            f"socket ({exc.strerror or exc}): set TMPDIR, or SONIQUESCAN_DATA_DIR to another folder"
        ) from exc
    return link


def _remove_socket_folder(host: Path, data: Path) -> None:
    if host != data:
        shutil.rmtree(host.parent, ignore_errors=True)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


class _Server:
    """The server while one user uses it: why it broke down, and how it comes up again."""

    def __init__(self, cluster: Cluster, host: Path) -> None:
        self._cluster = cluster
        self._host = host
        self._is_ours = cluster.is_alive()  # one that somebody started by hand is theirs to start again
        self._said_before = cluster.log_size_bytes()

    @contextmanager
    def breakdowns(self) -> Iterator[None]:
        """Say why the server broke down while the block ran, instead of that the connection to it was lost."""
        try:
            yield
        except (DatabaseError, StageError) as exc:
            cause = self._cluster.breakdown(self._said_before)
            if cause is None or cause in str(exc):
                raise
            raise self._breakdown(cause) from exc

    def _breakdown(self, cause: str) -> DatabaseError:
        cure = _CURES.get(cause, "")
        log = str(self._cluster.log)
        return DatabaseError(
            f"the embedded database broke down: {cause} ({cure}what was committed is kept; log: {log!r})"
        )

    def revive(self) -> None:
        """Start the server again if it is dead; raise `DatabaseError` if it broke down and would do so again.

        One that a signal has killed is dead when its last process has noticed; until then there is nothing to do.
        """
        cause = self._cluster.breakdown(self._said_before)
        if cause is not None:
            raise self._breakdown(cause)
        with _storage_errors(self._cluster.folder), self._cluster.open_lock("start") as start:
            lock(start)  # another user may be about to do the same
            if self._is_ours and not self._cluster.is_alive():
                logger.warning("the embedded database has died; starting it again")
                self._cluster.start()
                self._said_before = 0  # its log is a new one
                self._cluster.wait_until_ready(self._host)


@contextmanager
def _storage_errors(data_folder: Path) -> Iterator[None]:
    """Turn a failure of the file system into one line."""
    try:
        yield
    except OSError as exc:
        raise DatabaseError(
            f"the embedded database cannot use the folder {str(data_folder)!r} ({exc.strerror or exc}): "
            "make it usable, or set SONIQUESCAN_DATA_DIR to another folder"
        ) from exc
