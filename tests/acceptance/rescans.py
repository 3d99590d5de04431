"""A library that changes between scans: its files, its rows, and what a scan opens."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import struct
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row, namedtuple_row

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import write
from soniquescan.database.connection import connect
from soniquescan.database.purge import purge
from soniquescan.text import path_to_text

COMMAND = [sys.executable, "-m", "soniquescan"]
ENDS_WITHIN_S = 40  # a hang is a failure; how quick it is belongs in the benchmarks

STAT_COLUMNS = ("size_bytes", "mtime_ns", "ctime_ns")
ALL_TABLES = (
    "artists", "artist_names", "albums", "album_artists", "album_tags", "tracks", "track_artists", "genres",
    "genre_names", "track_genres", "file_errors", "other_files", "unsettled", "added_tracks", "absent_files",
    "scan_changes", "roots", "scans",
)  # fmt: skip

_copies = count(1)


# --- running scans ------------------------------------------------------------------------------------------------


class Scanned(NamedTuple):
    """How a scan has ended."""

    code: int
    report: dict | None  # what --json wrote
    said: str  # on stderr


def scan_line(*arguments, dsn):
    """Return a scan as cron would run it, but for the report as JSON."""
    return [*COMMAND, "scan", "--quiet", "--json", "--workers", "1", "--dsn", dsn, *map(str, arguments)]


def scan(*arguments, dsn, prefix=()):
    """Scan to the end; `prefix` is a command that runs it."""
    line = [*prefix, *scan_line(*arguments, dsn=dsn)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=ENDS_WITHIN_S)
    return Scanned(done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr)


# --- files --------------------------------------------------------------------------------------------------------


def put(path, kind="flac", *, length_ms=50, md5=None, **tags):
    """Write an audio file whose title is its name, unless told otherwise; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    title = f"{path.parent.name} {path.name}".encode(errors="replace").decode()
    values = {"title": title} | tags
    listed = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    rendered = FORMATS[kind].render(listed, length_ms=length_ms, md5=md5)
    write(path, rendered)
    return path


def rewrite_with_the_same_mtime(file, **tags):
    """Write other tags of the same length into a file, as no tagger should."""
    status = file.stat()
    put(file, **tags)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def swap(one, two):
    """Exchange two files or folders."""
    aside = one.with_name("aside for a moment")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


def copy_and_delete(old, new):
    """Move a file as `mv` does to another disk."""
    new.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(old, new)
    old.unlink()


def as_text(path):
    """Return the path as the database has it."""
    return path_to_text(os.fsencode(path))


class Opened:
    """Tells which files in some folders and theirs are opened while the block runs; by the kernel's inotify."""

    _IN_OPEN, _IN_ISDIR, _IN_Q_OVERFLOW = 0x20, 0x40000000, 0x4000
    _EVENT = struct.Struct("iIII")

    def __init__(self, *folders):
        self._folders = folders
        self.files = set()

    def __enter__(self):
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK)
        self._watched = {}
        for folder in self._folders:
            for path, _, _ in os.walk(os.fsencode(folder)):
                watch = libc.inotify_add_watch(self._fd, path, self._IN_OPEN)
                assert watch >= 0, (path, os.strerror(ctypes.get_errno()))
                self._watched[watch] = path
        return self

    def __exit__(self, *_exc):
        while events := self._read():
            while events:
                watch, mask, _, length = self._EVENT.unpack_from(events)
                name = events[self._EVENT.size : self._EVENT.size + length].rstrip(b"\0")
                events = events[self._EVENT.size + length :]
                assert not mask & self._IN_Q_OVERFLOW
                if not mask & self._IN_ISDIR:
                    self.files.add(path_to_text(os.path.join(self._watched[watch], name)))
        os.close(self._fd)

    def _read(self):
        try:
            return os.read(self._fd, 1 << 20)
        except BlockingIOError:
            return b""


# --- rows ---------------------------------------------------------------------------------------------------------


class Library(NamedTuple):
    """The rows of `tracks`, each with its version."""

    live: dict  # by path
    missing: dict  # by id

    def __getitem__(self, path):
        """Return the row of a file that is there."""
        return self.live[as_text(path)]

    @property
    def by_id(self):
        """Return all rows."""
        return {row.id: row for row in self.live.values()} | self.missing


def library(dsn):
    """Return what the database holds about tracks."""
    with closing(connect(dsn, application_name="tests")) as connection:
        cursor = connection.cursor(row_factory=namedtuple_row)
        rows = cursor.execute("SELECT xmin::text AS version, * FROM tracks ORDER BY id").fetchall()
    live = [row for row in rows if row.missing_since is None]
    by_path = {row.path: row for row in live}
    assert len(by_path) == len(live), "a path is there twice"
    return Library(by_path, {row.id: row for row in rows if row.missing_since is not None})


def changes(dsn, scan_id):
    """Return the rows of `scan_changes` of one scan, in order."""
    with closing(connect(dsn, application_name="tests")) as connection:
        query = "SELECT kind, path, detail FROM scan_changes WHERE scan_id = %s"
        return sorted(connection.execute(query, (scan_id,)).fetchall(), key=repr)


def query(dsn, statement, *parameters):
    """Run one statement and return its rows, if it has any."""
    with closing(connect(dsn, application_name="tests")) as connection:
        cursor = connection.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def versions(dsn, tables=ALL_TABLES):
    """Return each row of some tables with the transaction that wrote it."""
    with closing(connect(dsn, application_name="tests")) as connection:
        return {
            table: connection.execute(f"SELECT xmin::text, to_jsonb(t) FROM {table} AS t ORDER BY t::text").fetchall()
            for table in tables
        }


_MARK_UNREADABLE = """
    UPDATE tracks AS t SET missing_since = now() FROM file_errors AS e
     WHERE t.missing_since IS NULL AND e.path = t.path AND e.stage <> 'discover'
       AND (t.size_bytes, t.mtime_ns, t.ctime_ns) IS DISTINCT FROM (e.size_bytes, e.mtime_ns, e.ctime_ns)"""

# What describes the library, with ids of ours and moments of time left out, or replaced by what they stand for.
_CONTENTS = {
    "roots": "SELECT path, device FROM roots",
    "tracks": """
        SELECT r.path AS root, to_jsonb(t) - '{id,root_id,added_at,updated_at}'::text[] AS row
          FROM tracks AS t JOIN roots AS r ON r.id = t.root_id""",
    "track_artists": "SELECT t.path, l.* FROM track_artists AS l JOIN tracks AS t ON t.id = l.track_id",
    "track_genres": "SELECT t.path, l.* FROM track_genres AS l JOIN tracks AS t ON t.id = l.track_id",
    "file_errors": """
        SELECT to_jsonb(e) - '{scan_id,attempts,first_seen_at,last_seen_at}'::text[] AS row FROM file_errors AS e""",
} | {
    table: f"SELECT * FROM {table}"
    for table in (
        "artists", "artist_names", "albums", "album_artists", "album_tags", "genres", "genre_names", "other_files",
        "unsettled", "added_tracks", "absent_files",
    )
}  # fmt: skip


def contents(dsn):
    """Return everything the database says about files that are there: what another way to the same files must give.

    Tracks that are missing are purged first, in a copy, and so are those whose file cannot be read as what it is now:
    they are kept as they were.
    """
    with closing(connect(copy_database(dsn), application_name="tests")) as connection:
        connection.execute(_MARK_UNREADABLE)
        purge(connection, datetime.now(UTC))
        cursor = connection.cursor(row_factory=dict_row)
        return {table: _rows(cursor.execute(query)) for table, query in _CONTENTS.items()}


def _rows(cursor):
    rows = ({name: value for name, value in row.items() if name != "track_id"} for row in cursor)
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)


def copy_database(dsn):
    """Return the conninfo of a copy; nobody may be connected to the original."""
    name = f"copy_{next(_copies)}"
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as administrator:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        original = conninfo_to_dict(dsn)["dbname"]
        administrator.execute(statement.format(sql.Identifier(name), sql.Identifier(original)))
    return make_conninfo(dsn, dbname=name)


def differences(found, expected):
    """Return what two `contents` do not share, by table."""
    return {
        table: (sorted(set(found[table]) - set(expected[table])), sorted(set(expected[table]) - set(found[table])))
        for table in expected
        if found[table] != expected[table]
    }
