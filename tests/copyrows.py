"""Rows of binary COPY taken apart again, to see what they say: https://www.postgresql.org/docs/current/sql-copy.html."""

from __future__ import annotations

import struct
import uuid

from soniquescan import copyformat, rows


def array_of(raw, item):
    dimensions = int.from_bytes(raw[:4])
    values, position = [], 20
    while dimensions and position < len(raw):
        size = int.from_bytes(raw[position : position + 4])
        values.append(item(raw[position + 4 : position + 4 + size]))
        position += 4 + size
    return tuple(values)


_MEANINGS = {
    copyformat.text: bytes.decode,
    copyformat.uuid: lambda raw: str(uuid.UUID(bytes=raw)),
    copyformat.int4: lambda raw: struct.unpack("!i", raw)[0],
    copyformat.int8: lambda raw: struct.unpack("!q", raw)[0],
    copyformat.float8: lambda raw: struct.unpack("!d", raw)[0],
    copyformat.boolean: lambda raw: raw == b"\x01",
    copyformat.texts: lambda raw: array_of(raw, bytes.decode),
    copyformat.uuids: lambda raw: array_of(raw, bytes.hex),
    copyformat.jsonb: lambda raw: raw[1:].decode(),
}


def values_of(columns, raw):
    """Return a dict for each row in `raw`, which has these columns."""
    spells = rows.spells_of(columns)
    return [
        {
            name: None if field is None else _MEANINGS[spell](field)
            for name, spell, field in zip(columns, spells, fields, strict=True)
        }
        for fields in copyformat.read_rows(raw)
    ]


def track_values(track):
    """Return the row of `tracks` of a track, with its id."""
    (values,) = values_of(("track_id", *rows.TRACK_COLUMNS), track.row)
    return values


def artist_links(track):
    return values_of(("track_id", *rows.TRACK_ARTIST_COLUMNS), track.artists)


def genre_links(track):
    return values_of(("track_id", *rows.TRACK_GENRE_COLUMNS), track.genres)


def artist_names(named):
    """Return the rows of `artist_names` of a track, or of an album."""
    return [values_of(rows.ARTIST_NAME_COLUMNS, row)[0] for row in named.artist_names.values()]


def genre_names(track):
    return [values_of(rows.GENRE_NAME_COLUMNS, row)[0] for row in track.genre_names.values()]


def album_values(track):
    """Return the row of `album_tags` of a track."""
    (values,) = values_of(rows.ALBUM_COLUMNS, track.album.row)
    return values
