"""Where the rows of a batch land and how they are merged: staging tables, their columns' types, how ids are sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from struct import Struct
from typing import ClassVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.rows import TupleRow

from soniquescan.database.connection import CopyTarget, copy_rows
from soniquescan.database.sql import read_sql
from soniquescan.messages import (
    ALBUM_TAGS_COLUMNS,
    TRACK_COLUMNS,
    ArtistNameRow,
    Batch,
    FileErrorRow,
    GenreNameRow,
    OtherFileRow,
    RecognisedRow,
    TrackArtistRow,
    TrackGenreRow,
)

# The type of each staged column that is not text.
_TYPES = {
    **dict.fromkeys(
        (
            "id", "own_id", "genre_id", "artist_name_id", "genre_name_id", "album_tags_id",
            "name_key", "title_key", "folder_key", "links_key", "albumartist_key",
            "musicbrainz_artistid", "musicbrainz_albumid", "musicbrainz_releasegroupid",
            "musicbrainz_recordingid", "musicbrainz_trackid", "audio_md5",
        ),
        "uuid",
    ),
    # Wider than some of their columns: psycopg cuts what does not fit into int4, without a word.
    **dict.fromkeys(
        (
            "number", "position", "year", "original_year", "track_number", "track_total", "disc_number", "disc_total",
            "movement_number", "movement_total", "bits_per_sample", "channels", "sample_rate_hz", "bitrate_bps",
            "length_ms", "scan_id", "root_id", "track_id", "size_bytes", "mtime_ns", "ctime_ns", "inode", "device",
            "extractor_version",
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
    _target("staged_other_files", OtherFileRow._fields),
    _target("staged_recognised", RecognisedRow._fields),
)


_TEXT_OID, _TEXT_ARRAY_OID, _UUID_OID, _UUID_ARRAY_OID = 25, 1009, 2950, 2951  # pg_type.oid, the same in all versions

_UUID_BYTES = 16

# An array as COPY has it: dimensions, whether there are nulls, type of the items; length and first index; each item.
_ARRAY_HEAD = Struct("!iiI")
_ARRAY_DIMENSION = Struct("!ii")
_ARRAY_ITEM = Struct("!i")


class _Staged:
    """Stands for the values below in psycopg's table of types."""


class _IdDumper(Dumper):
    """Sends a UUID that is its 16 bytes or its text; psycopg's own wants an object, slow to make and to pickle."""

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


def prepare(connection: psycopg.Connection[TupleRow]) -> None:
    """Make the staging tables, which last as long as the session."""
    for dumper in (_IdDumper, _TextArrayDumper, _IdArrayDumper):
        connection.adapters.register_dumper(_Staged, dumper)
    connection.execute(read_sql("staging").encode())


def merge_batch(connection: psycopg.Connection[TupleRow], batch: Batch) -> Counter[str]:
    """Write a batch in one transaction; return how many tracks it has added, changed, moved and restored.

    A batch that is written twice changes nothing the second time, and counts nothing.
    """
    with connection.transaction():
        # Known to all statements of the transaction, as several at once take no parameters.
        connection.execute("SELECT set_config('soniquescan.scan_id', %s, true)", [str(batch.scan_id)])
        # One at a time: what is merged while settle.sql works would be forgotten.
        connection.execute("LOCK TABLE unsettled IN SHARE ROW EXCLUSIVE MODE")
        _copy(connection, batch)
        for name in _merges(batch):
            connection.execute(read_sql(name).encode())
        kinds = connection.execute("SELECT kind, count(*) FROM staged_changes WHERE kind <> 'refreshed' GROUP BY kind")
        return Counter(dict(kinds.fetchall()))


def _copy(connection: psycopg.Connection[TupleRow], batch: Batch) -> None:
    tables: tuple[Sequence[Sequence[object]], ...] = (
        batch.artist_names,
        [(*row[:-1], *row.said) for row in batch.album_tags],
        batch.genre_names,
        [(*row[:-1], *row.read) for row in batch.tracks],
        batch.track_artists,
        batch.track_genres,
        batch.file_errors,
        batch.other_files,
        batch.recognised,
    )
    for target, rows in zip(_TARGETS, tables, strict=True):
        if rows:
            copy_rows(connection, target, rows)


def _merges(batch: Batch) -> list[str]:
    """Return the merges that a batch needs, in their order."""
    needed = {
        "merge_names": batch.artist_names or batch.album_tags or batch.genre_names,
        "merge_recognised": batch.recognised,
        "merge_tracks": batch.tracks,
        "merge_files": batch.tracks or batch.file_errors or batch.other_files,
    }
    return [name for name, rows in needed.items() if rows]
