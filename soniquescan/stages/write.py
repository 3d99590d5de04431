"""Write: put batches into PostgreSQL, each in one transaction, by binary COPY and a merge.

One process writes: a batch merges into what the batches before it left, and two writers would wait for one another.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import ClassVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.rows import TupleRow

from soniquescan.database.connection import CopyTarget, copy_rows, wrap_errors
from soniquescan.database.sql import read_sql
from soniquescan.messages import (
    ALBUM_TAGS_COLUMNS,
    TRACK_COLUMNS,
    ArtistNameRow,
    Batch,
    Committed,
    ErrorKind,
    FileErrorRow,
    GenreNameRow,
    TrackArtistRow,
    TrackGenreRow,
)

logger = logging.getLogger(__name__)

STAGE = "write"

_TEXT_OID, _TEXT_ARRAY_OID, _UUID_OID, _UUID_ARRAY_OID = 25, 1009, 2950, 2951  # pg_type.oid, the same in all versions

_UUID_BYTES = 16

# An array as COPY has it: dimensions, whether there are nulls, type of the items; length and first index; each item.
_ARRAY_HEAD = Struct("!iiI")
_ARRAY_DIMENSION = Struct("!ii")
_ARRAY_ITEM = Struct("!i")

# What is wrong with the rows themselves, not with the database: values that PostgreSQL or psycopg cannot take.
_REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    ValueError,  # a character that is no character (UnicodeEncodeError), an id that is none
    OverflowError,
    TypeError,
)

# The type of each staged column that is not text.
_TYPES = {
    **dict.fromkeys(
        (
            "id", "own_id", "genre_id", "artist_name_id", "genre_name_id", "album_tags_id",
            "name_key", "title_key", "folder_key", "links_key", "albumartist_key",
            "musicbrainz_artistid", "musicbrainz_albumid", "musicbrainz_releasegroupid",
            "musicbrainz_recordingid", "musicbrainz_trackid",
        ),
        "uuid",
    ),
    # Wider than some of their columns: psycopg cuts what does not fit into int4, without a word.
    **dict.fromkeys(
        (
            "number", "position", "year", "original_year", "track_number", "track_total", "disc_number", "disc_total",
            "movement_number", "movement_total", "bits_per_sample", "channels", "sample_rate_hz", "bitrate_bps",
            "length_ms", "scan_id", "root_id", "size_bytes", "mtime_ns", "ctime_ns", "inode", "device",
        ),
        "int8",
    ),
    **dict.fromkeys(
        (
            "bpm", "replaygain_track_gain_db", "replaygain_track_peak",
            "replaygain_album_gain_db", "replaygain_album_peak",
        ),
        "float8",
    ),
    **dict.fromkeys(("isrcs", "moods", "release_types"), "text[]"),
    **dict.fromkeys(("compilation", "has_cover", "albumartists_paired"), "bool"),
    "albumartist_names": "uuid[]",
    "tags": "jsonb",
}  # fmt: skip


def _target(table: str, columns: tuple[str, ...]) -> CopyTarget:
    return CopyTarget(table, columns, tuple(_TYPES.get(column, "text") for column in columns))


# In the order of the fields of `Batch`.
_TARGETS = (
    _target("staged_artist_names", ArtistNameRow._fields),
    _target("staged_album_tags", ALBUM_TAGS_COLUMNS),
    _target("staged_genre_names", GenreNameRow._fields),
    _target("staged_tracks", TRACK_COLUMNS),
    _target("staged_track_artists", TrackArtistRow._fields),
    _target("staged_track_genres", TrackGenreRow._fields),
    _target("staged_file_errors", FileErrorRow._fields),
)


class _Staged:
    """Stands for the values below in psycopg's table of types."""


class _IdDumper(Dumper):
    """Sends a UUID that is its 16 bytes or its text; psycopg's own wants an object, which costs three times more."""

    format = Format.BINARY
    oid = _UUID_OID

    def dump(self, obj: bytes | str) -> bytes:
        if isinstance(obj, bytes):
            return obj
        id_bytes = bytes.fromhex(obj.replace("-", ""))
        if len(id_bytes) != _UUID_BYTES:
            raise ValueError(f"no UUID: {obj}")
        return id_bytes


class _ArrayDumper(Dumper):
    """Sends a tuple as an array: psycopg's own wants a list, and to see a first one to know the type of its items."""

    format = Format.BINARY
    item_oid: ClassVar[int]

    def dump(self, obj: tuple[str, ...] | tuple[bytes, ...]) -> bytes:
        if not obj:
            return _ARRAY_HEAD.pack(0, 0, self.item_oid)
        items = [item.encode() if isinstance(item, str) else item for item in obj]
        head = _ARRAY_HEAD.pack(1, 0, self.item_oid) + _ARRAY_DIMENSION.pack(len(items), 1)
        return head + b"".join([_ARRAY_ITEM.pack(len(item)) + item for item in items])


class _TextArrayDumper(_ArrayDumper):
    oid = _TEXT_ARRAY_OID
    item_oid = _TEXT_OID


class _IdArrayDumper(_ArrayDumper):
    oid = _UUID_ARRAY_OID
    item_oid = _UUID_OID


def write(batches: Iterable[Batch], *, connection: psycopg.Connection[TupleRow]) -> Iterator[Committed]:
    """Write each batch in a transaction of its own and yield what was committed.

    A file whose rows PostgreSQL refuses becomes a row of `file_errors`; the rest of its batch is written.
    """
    for dumper in (_IdDumper, _TextArrayDumper, _IdArrayDumper):
        connection.adapters.register_dumper(_Staged, dumper)
    with wrap_errors():
        connection.execute(read_sql("staging").encode())
    for batch in batches:
        with wrap_errors():
            committed = _write(connection, batch)
        yield committed


def _write(connection: psycopg.Connection[TupleRow], batch: Batch) -> Committed:
    """Write a batch, or what is sound of it: halved until each file that is refused stands alone."""
    try:
        return _write_all(connection, batch)
    except _REFUSALS as exc:
        files = _files(batch)
        logger.warning("the database refused a batch of %d files: %s", len(files), exc)
        if len(files) == 1:
            return _write_all(connection, _refused(batch, exc))
    middle = len(files) // 2
    first, second = (_write(connection, _only(batch, part)) for part in (files[:middle], files[middle:]))
    return Committed(
        first.tracks + second.tracks,
        first.failed_files + second.failed_files,
        Counter(first.errors_by_kind) + Counter(second.errors_by_kind),
    )


def _write_all(connection: psycopg.Connection[TupleRow], batch: Batch) -> Committed:
    tables: tuple[Iterable[Sequence[object]], ...] = (
        batch.artist_names,
        ((*row[:-1], *row.said) for row in batch.album_tags),
        batch.genre_names,
        ((*row[:-1], *row.read) for row in batch.tracks),
        batch.track_artists,
        batch.track_genres,
        batch.file_errors,
    )
    with connection.transaction():
        for target, rows in zip(_TARGETS, tables, strict=True):
            copy_rows(connection, target, rows)
        connection.execute(read_sql("merge").encode())
    failed = {row.path for row in batch.file_errors}
    return Committed(len(batch.tracks), len(failed), Counter(row.kind for row in batch.file_errors))


def _files(batch: Batch) -> list[str]:
    """Return the path of each file in a batch, once."""
    tracks = dict.fromkeys(row.path for row in batch.tracks)
    return list(tracks | dict.fromkeys(row.path for row in batch.file_errors))


def _only(batch: Batch, files: list[str]) -> Batch:
    """Return the part of a batch that is about some of its files."""
    paths = frozenset(files)
    tracks = [row for row in batch.tracks if row.path in paths]
    numbers = {row.number for row in tracks}
    track_artists = [row for row in batch.track_artists if row.number in numbers]
    track_genres = [row for row in batch.track_genres if row.number in numbers]
    needed: set[bytes | None] = {row.album_tags_id for row in tracks}
    album_tags = [row for row in batch.album_tags if row.id in needed]
    needed.update(name_id for row in album_tags for name_id in row.albumartist_names)
    needed.update(row.artist_name_id for row in track_artists)
    needed.update(row.genre_name_id for row in track_genres)
    return batch._replace(
        artist_names=[row for row in batch.artist_names if row.id in needed],
        album_tags=album_tags,
        genre_names=[row for row in batch.genre_names if row.id in needed],
        tracks=tracks,
        track_artists=track_artists,
        track_genres=track_genres,
        file_errors=[row for row in batch.file_errors if row.path in paths],
    )


def _refused(batch: Batch, exc: Exception) -> Batch:
    """Return what is written in place of a file whose rows were refused."""
    file = batch.tracks[0] if batch.tracks else batch.file_errors[0]
    reason = str(exc).partition("\n")[0].encode(errors="replace").decode()
    error = FileErrorRow(
        file.path,
        batch.scan_id,
        STAGE,
        ErrorKind.INTERNAL,
        f"the database refused what was read of it: {reason}",
        file.size_bytes,
        file.mtime_ns,
    )
    return Batch(batch.scan_id, [], [], [], [], [], [], [error])
