"""What the database knows of the files under some folders: read at once for the comparison, asked for single files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from soniquescan.albums import album_from_row
from soniquescan.database import staging
from soniquescan.database.session import Session
from soniquescan.database.sql import read_sql
from soniquescan.extensions import EXTRACTOR_VERSION
from soniquescan.messages import AlbumTags, Batch, ErrorKind, FoundFile
from soniquescan.text import path_to_text, signed, text_to_path, unspell_name

# Kinds of errors that pass by themselves: such a file is read again by each scan.
PASSING_KINDS = (ErrorKind.IO_ERROR, ErrorKind.NOT_FOUND)


class Known(NamedTuple):
    """All that is known under one folder that is scanned."""

    folders: dict[bytes, bytes]  # path → lines as those of `FoundFolder`, in no order
    tracks: int  # lines that are tracks; the others are files that hold none


class KnownTrack(NamedTuple):
    """A track that a file may be."""

    id: int
    path: bytes
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    is_missing: bool
    is_current: bool  # read by the rules of today
    cover_name: bytes | None
    album_tags_id: str | None


class Candidates(NamedTuple):
    """The tracks that a file may be."""

    here: KnownTrack | None  # there, at its path
    missing_here: KnownTrack | None  # missing, last seen at its path
    elsewhere: list[KnownTrack]  # at another path, of the same inode, size and mtime


class KnownFiles:
    """Asks the database; every question may be asked again, should the connection be lost."""

    def __init__(self, session: Session, *, full: bool, retry_errors: bool) -> None:
        """With `full` no file counts as unchanged, with `retry_errors` none that has failed."""
        self._session = session
        self.full = full
        self._retry_errors = retry_errors
        self._has_staging: psycopg.Connection[TupleRow] | None = None  # the connection that has the staging tables

    def has_tracks(self) -> bool:
        """Tell whether there is any track at all."""
        return self._session.run(
            lambda connection: connection.execute("SELECT FROM tracks LIMIT 1").fetchone() is not None
        )

    def load(self, folder: bytes) -> Known:
        """Return what is known under a folder."""
        return self._session.run(lambda connection: self._load(connection, folder))

    def _load(self, connection: psycopg.Connection[TupleRow], folder: bytes) -> Known:
        within = path_to_text(folder.rstrip(b"/") + b"/")
        folders: dict[bytes, bytes] = {}
        tracks = _read_lines(connection, self._statement("list_known_tracks", within), folders)
        _read_lines(connection, self._statement("list_known_others", within), folders)
        return Known({unspell_name(path): lines for path, lines in folders.items()}, tracks)

    def _statement(self, name: str, within: str) -> sql.Composed:
        # COPY takes no parameters.
        statement = sql.SQL(read_sql(name)).format(
            within=sql.Literal(within),
            extractor_version=sql.Literal(EXTRACTOR_VERSION),
            full=sql.Literal(self.full),
            retry_errors=sql.Literal(self.full or self._retry_errors),
            passing_kinds=sql.Literal([str(kind) for kind in PASSING_KINDS]),
        )
        return sql.SQL("COPY ({}) TO STDOUT (NULL '')").format(statement)

    def look_up(self, files: Sequence[FoundFile]) -> list[Candidates]:
        """Return the tracks that each file may be."""
        parameters = {
            "extractor_version": EXTRACTOR_VERSION,
            "paths": [path_to_text(file.path) for file in files],
            "sizes_bytes": [file.size_bytes for file in files],
            "mtimes_ns": [signed(file.mtime_ns) for file in files],
            "inodes": [signed(file.inode) for file in files],
        }
        rows = self._session.run(
            lambda connection: connection.execute(read_sql("look_up_files").encode(), parameters).fetchall()
        )
        found = [Candidates(None, None, []) for _ in files]
        for number, is_here, track in ((row[0], row[1], _track(row[2:])) for row in rows):
            if not is_here:
                found[number].elsewhere.append(track)
            elif track.is_missing:
                found[number] = found[number]._replace(missing_here=track)
            else:
                found[number] = found[number]._replace(here=track)
        return found

    def albums(self, ids: Iterable[str]) -> dict[str, AlbumTags]:
        """Return what files say about their albums, by `album_tags.id`."""
        wanted = list(set(ids))
        return self._session.run(lambda connection: _albums(connection, wanted))

    def recognise(self, batch: Batch) -> None:
        """Write what is known of tracks without reading their files."""

        def merge(connection: psycopg.Connection[TupleRow]) -> None:
            if self._has_staging is not connection:
                staging.prepare(connection)
                self._has_staging = connection
            staging.merge_batch(connection, batch)

        self._session.run(merge)

    def save_absent(self, files: Iterable[tuple[bytes, bool]]) -> None:
        """Note which files were not found, and whether that is by a pattern."""
        absent = list(files)
        if absent:
            self._session.run(lambda connection: _save_absent(connection, absent))


def _read_lines(connection: psycopg.Connection[TupleRow], statement: sql.Composed, folders: dict[bytes, bytes]) -> int:
    """Add the lines to those of their folders, by path as COPY spells it; return how many there are.

    The files of a folder mostly come one after the other, so one text a folder is built at a time: a million lines
    take about 80 MB like that, and 300 MB as keys and values of their own.
    """
    number = 0
    lines: list[bytes] = []
    current = b""
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in copy:
            folder, _, line = bytes(row).rpartition(b"/")
            if folder != current:
                _add(folders, current, lines)
                current, lines = folder, []
            lines.append(line)
            number += 1
    _add(folders, current, lines)
    return number


def _add(folders: dict[bytes, bytes], folder: bytes, lines: list[bytes]) -> None:
    if lines:
        text = b"".join(lines)[:-1]  # without the end of the last line
        folders[folder] = folders[folder] + b"\n" + text if folder in folders else text


def _track(values: Sequence[object]) -> KnownTrack:
    track = KnownTrack(*values)  # type: ignore[arg-type]  # the columns of look_up_files.sql
    cover_name = None if track.cover_name is None else text_to_path(str(track.cover_name))
    return track._replace(path=text_to_path(str(track.path)), cover_name=cover_name)


def _albums(connection: psycopg.Connection[TupleRow], ids: Sequence[str]) -> dict[str, AlbumTags]:
    rows = connection.execute(read_sql("list_album_tags").encode(), [ids])
    return {album_id: album_from_row(row, map(tuple, artists)) for album_id, row, artists in rows}


def _save_absent(connection: psycopg.Connection[TupleRow], absent: Sequence[tuple[bytes, bool]]) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM absent_files")
        with cursor.copy("COPY absent_files (path, is_excluded) FROM STDIN") as copy:
            for path, is_excluded in absent:
                copy.write_row((path_to_text(path), is_excluded))
