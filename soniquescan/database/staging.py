"""Where the rows of a batch land and how they are merged: staging tables, and how rows are sent to them."""

from __future__ import annotations

from collections import Counter

import psycopg
from psycopg.rows import TupleRow

from soniquescan import copyformat, rows
from soniquescan.database.connection import CopyTarget, copy_rows
from soniquescan.database.sql import read_sql
from soniquescan.messages import Batch, FileErrorRow, Names, OtherFileRow, RecognisedRow

_FILE_ERRORS = CopyTarget("staged_file_errors", FileErrorRow._fields)
_OTHER_FILES = CopyTarget("staged_other_files", OtherFileRow._fields)
_RECOGNISED = CopyTarget("staged_recognised", RecognisedRow._fields)
_ARTIST_NAMES = CopyTarget("staged_artist_names", rows.ARTIST_NAME_COLUMNS)
_GENRE_NAMES = CopyTarget("staged_genre_names", rows.GENRE_NAME_COLUMNS)
_ALBUMS = CopyTarget("staged_album_tags", rows.ALBUM_COLUMNS)
_TRACKS = CopyTarget("staged_tracks", ("number", *rows.TRACK_COLUMNS))
_TRACK_ARTISTS = CopyTarget("staged_track_artists", ("number", *rows.TRACK_ARTIST_COLUMNS))
_TRACK_GENRES = CopyTarget("staged_track_genres", ("number", *rows.TRACK_GENRE_COLUMNS))


def prepare(connection: psycopg.Connection[TupleRow]) -> None:
    """Make the staging tables, which last as long as the session."""
    connection.execute(read_sql("staging").encode())


def merge_batch(connection: psycopg.Connection[TupleRow], batch: Batch) -> Counter[str]:
    """Write a batch in one transaction; return how many tracks it has added, changed, moved and restored.

    A batch that is written twice changes nothing the second time, and counts nothing.
    """
    with connection.transaction():
        begin(connection, batch)
        _copy(connection, batch)
        for name in _merges(batch):
            connection.execute(read_sql(name).encode())
        kinds = connection.execute("SELECT kind, count(*) FROM staged_changes WHERE kind <> 'refreshed' GROUP BY kind")
        return Counter(dict(kinds.fetchall()))


def begin(connection: psycopg.Connection[TupleRow], batch: Batch) -> None:
    """Begin to write a batch."""
    # Known to all statements of the transaction, as several at once take no parameters.
    connection.execute("SELECT set_config('soniquescan.scan_id', %s, true)", [str(batch.scan_id)])
    # One at a time: what is merged while settle.sql works would be forgotten.
    connection.execute("LOCK TABLE unsettled IN SHARE ROW EXCLUSIVE MODE")


def _copy(connection: psycopg.Connection[TupleRow], batch: Batch) -> None:
    copy_names(connection, batch.names)
    copy_rows(connection, _TRACKS, batch.tracks.rows)
    copy_rows(connection, _TRACK_ARTISTS, batch.tracks.artists)
    copy_rows(connection, _TRACK_GENRES, batch.tracks.genres)
    copy_files(connection, batch)


def copy_files(connection: psycopg.Connection[TupleRow], batch: Batch) -> None:
    """Copy what is known of files without having read a track of them into the staging tables."""
    for target, typed in (
        (_FILE_ERRORS, batch.file_errors),
        (_OTHER_FILES, batch.other_files),
        (_RECOGNISED, batch.recognised),
    ):
        spells = rows.spells_of(target.columns)
        copy_rows(connection, target, [copyformat.row(spells, row) for row in typed])


def copy_names(connection: psycopg.Connection[TupleRow], names: Names) -> None:
    """Copy what tracks refer to into the staging tables."""
    copy_rows(connection, _ARTIST_NAMES, names.artists.values())
    copy_rows(connection, _ALBUMS, names.albums.values())
    copy_rows(connection, _GENRE_NAMES, names.genres.values())


def _merges(batch: Batch) -> list[str]:
    """Return the merges that a batch needs, in their order."""
    needed = {
        "merge_names": any(batch.names),
        "add_named": any(batch.names),
        "merge_recognised": batch.recognised,
        "merge_tracks": batch.tracks.paths,
        "merge_files": batch.tracks.paths or batch.file_errors or batch.other_files,
    }
    return [name for name, rows_ in needed.items() if rows_]
