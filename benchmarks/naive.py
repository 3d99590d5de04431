"""The script that a user would write: one process, os.walk, mutagen.File, executemany.

    python -m benchmarks.naive FOLDER DSN

It is what a scan is compared with, so it is written as well as such scripts are: thousand rows a statement, which
psycopg sends in one go, and all text tags as jsonb, as a scan keeps them. Pictures are left out.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import mutagen
import psycopg
from psycopg.types.json import Jsonb

BATCH_ROWS = 1_000
EXTENSIONS = (".mp3", ".flac", ".m4a", ".m4b", ".ogg", ".opus", ".wav", ".aiff", ".wma", ".wv", ".ape", ".mpc")

# A column, and what ID3, MP4 and Vorbis comments call it.
KEYS = {
    "title": ("TIT2", "\xa9nam", "title"),
    "artist": ("TPE1", "\xa9ART", "artist"),
    "album": ("TALB", "\xa9alb", "album"),
    "albumartist": ("TPE2", "aART", "albumartist"),
    "composer": ("TCOM", "\xa9wrt", "composer"),
    "genre": ("TCON", "\xa9gen", "genre"),
    "date": ("TDRC", "\xa9day", "date"),
    "tracknumber": ("TRCK", "trkn", "tracknumber"),
    "discnumber": ("TPOS", "disk", "discnumber"),
}
PROPERTIES = ("length", "bitrate", "sample_rate", "channels")
PICTURES = ("APIC", "covr", "metadata_block_picture")

TABLE = f"""
CREATE TABLE IF NOT EXISTS naive_tracks (
    path text PRIMARY KEY, size_bytes bigint, mtime double precision,
    length double precision, bitrate integer, sample_rate integer, channels integer,
    {", ".join(f"{name} text" for name in KEYS)}, tags jsonb
)
"""
INSERT = f"INSERT INTO naive_tracks VALUES ({', '.join(['%s'] * (3 + len(PROPERTIES) + len(KEYS) + 1))})"  # noqa: S608  # of constants


def find(folder: str) -> Iterator[str]:
    """Yield the path of each file that has the name of an audio file."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if name.lower().endswith(EXTENSIONS):
                yield os.path.join(parent, name)  # noqa: PTH118  # as such scripts do


def texts(value: Any) -> list[str]:  # noqa: ANN401  # each format has values of its own
    """Return a tag's values as text: an ID3 frame, or the list that the other formats have."""
    values = getattr(value, "text", value if isinstance(value, list) else [value])
    return [str(one).replace("\0", "") for one in values]  # PostgreSQL takes no NUL


def read(path: str) -> tuple[object, ...] | None:
    """Return a file's row, None if mutagen cannot read it."""
    try:
        file = mutagen.File(path)
    except mutagen.MutagenError as exc:
        print(path, exc, file=sys.stderr)
        return None
    if file is None:
        return None
    status = os.stat(path)  # noqa: PTH116  # as above
    tags = {key: texts(value) for key, value in (file.tags or {}).items() if not key.startswith(PICTURES)}
    columns = ["; ".join(next((tags[key] for key in keys if key in tags), [])) or None for keys in KEYS.values()]
    properties = [getattr(file.info, name, None) for name in PROPERTIES]
    name = os.fsencode(path).decode(errors="replace")
    return name, status.st_size, status.st_mtime, *properties, *columns, Jsonb(tags)


def main() -> None:
    """Load a folder into a database, and print the figures as JSON."""
    folder, dsn = sys.argv[1:]
    started_s = time.perf_counter()
    files = 0
    with psycopg.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(TABLE)
        rows = (row for row in map(read, find(folder)) if row is not None)
        while batch := list(islice(rows, BATCH_ROWS)):
            cursor.executemany(INSERT, batch)
            connection.commit()
            files += len(batch)
    print(json.dumps({"files": files, "seconds": time.perf_counter() - started_s}))


if __name__ == "__main__":
    main()
