"""The first load of a library: into tables that hold nothing yet, tracks are copied as they are, without a merge.

A merge asks of each track what the database has at its path, and works out what has changed: 70 µs a track, of which a
first scan needs nothing. What the tracks refer to is merged as ever, but each only once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import TupleRow

from soniquescan import rows
from soniquescan.database import staging
from soniquescan.database.connection import CopyTarget, copy_rows
from soniquescan.database.sql import read_sql
from soniquescan.messages import Batch, Names

# The number that a file has in the scan becomes the track's id.
_TRACKS = CopyTarget("tracks", ("id", *rows.TRACK_COLUMNS))
_TRACK_ARTISTS = CopyTarget("track_artists", ("track_id", *rows.TRACK_ARTIST_COLUMNS))
_TRACK_GENRES = CopyTarget("track_genres", ("track_id", *rows.TRACK_GENRE_COLUMNS))


def is_first_load(connection: psycopg.Connection[TupleRow]) -> bool:
    """Return whether there is nothing that a track could have to do with."""
    row = connection.execute(read_sql("is_first_load").encode()).fetchone()
    return bool(row and row[0])


@dataclass(slots=True)
class FirstLoad:
    """What the batches of a first load have left in the database: ids of albums, and of names of artists and genres.

    About 100 bytes each; a million tracks have some hundred thousand of them.
    """

    known: set[bytes] = field(default_factory=set)

    def write(self, connection: psycopg.Connection[TupleRow], batch: Batch) -> Counter[str]:
        """Write a batch in one transaction; return how many tracks it has added.

        Raises psycopg.IntegrityError where a path is there already: the batch is for `staging.merge_batch` then.
        """
        with connection.transaction():
            staging.begin(connection, batch)
            staging.copy_names(connection, self._without_known(batch.names))
            connection.execute(read_sql("load_names").encode())
            connection.execute(read_sql("add_named").encode())
            copy_rows(connection, _TRACKS, batch.tracks.rows)
            copy_rows(connection, _TRACK_ARTISTS, batch.tracks.artists)
            copy_rows(connection, _TRACK_GENRES, batch.tracks.genres)
            connection.execute(read_sql("take_track_ids").encode())
            staging.copy_files(connection, batch)
            if batch.file_errors or batch.other_files:
                connection.execute(read_sql("merge_files").encode())
        for kind in batch.names:
            self.known.update(kind)
        return Counter(added=len(batch.tracks.paths))

    def _without_known(self, names: Names) -> Names:
        # No id is that of two kinds: their UUIDs have different namespaces.
        return Names(*[{row_id: row for row_id, row in kind.items() if row_id not in self.known} for kind in names])
