"""Write: put batches into PostgreSQL, each in one transaction, by binary COPY and a merge.

One process writes: a batch merges into what the batches before it left, and two writers would wait for one another.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database import staging
from soniquescan.database.connection import wrap_errors
from soniquescan.database.session import Session
from soniquescan.extensions import EXTRACTOR_VERSION
from soniquescan.messages import Batch, Committed, ErrorKind, FileErrorRow

logger = logging.getLogger(__name__)

STAGE = "write"

# What is wrong with the rows themselves, not with the database: values that PostgreSQL or psycopg cannot take.
_REFUSALS = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.ProgramLimitExceeded,
    ValueError,  # a character that is no character (UnicodeEncodeError), an id that is none
    OverflowError,
    TypeError,
)


def write(batches: Iterable[Batch], *, session: Session) -> Iterator[Committed]:
    """Write each batch in a transaction of its own and yield what was committed.

    A file whose rows PostgreSQL refuses becomes a row of `file_errors`; the rest of its batch is written. The session
    prepares each of its connections by `staging.prepare`.
    """
    for batch in batches:
        with wrap_errors():
            committed = _write(session, batch)
        yield committed


def _write(session: Session, batch: Batch) -> Committed:
    """Write a batch, or what is sound of it: halved until each file that is refused stands alone."""
    kinds = session.run(partial(_try_to_merge, batch=batch))
    if isinstance(kinds, Counter):
        return _committed(batch, kinds)
    files = _files(batch)
    logger.warning("the database refused a batch of %d files: %s", len(files), kinds)
    if len(files) == 1:
        refused = _refused(batch, kinds)
        return _committed(refused, session.run(partial(staging.merge_batch, batch=refused)))
    middle = len(files) // 2
    first, second = (_write(session, _only(batch, part)) for part in (files[:middle], files[middle:]))
    return Committed(
        first.tracks + second.tracks,
        first.added + second.added,
        first.changed + second.changed,
        first.restored + second.restored,
        first.failed_files + second.failed_files,
        Counter(first.errors_by_kind) + Counter(second.errors_by_kind),
    )


def _try_to_merge(connection: psycopg.Connection[TupleRow], batch: Batch) -> Counter[str] | Exception:
    """Write a batch, or return why the database refuses what is in it: nothing that another try would cure."""
    try:
        return staging.merge_batch(connection, batch)
    except _REFUSALS as exc:
        return exc


def _committed(batch: Batch, kinds: Counter[str]) -> Committed:
    return Committed(
        tracks=len(batch.tracks),
        added=kinds["added"],
        changed=kinds["changed"],
        restored=kinds["restored"],
        failed_files=len({row.path for row in batch.file_errors}),
        errors_by_kind=Counter(row.kind for row in batch.file_errors),
    )


def _files(batch: Batch) -> list[str]:
    """Return the path of each file in a batch, once."""
    return list(
        dict.fromkeys(row.path for rows in (batch.tracks, batch.file_errors, batch.other_files) for row in rows)
    )


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
        other_files=[row for row in batch.other_files if row.path in paths],
    )


def _refused(batch: Batch, exc: Exception) -> Batch:
    """Return what is written in place of a file whose rows were refused."""
    file = (batch.tracks or batch.file_errors or batch.other_files)[0]
    reason = str(exc).partition("\n")[0].encode(errors="replace").decode()
    error = FileErrorRow(
        file.path,
        batch.scan_id,
        STAGE,
        ErrorKind.INTERNAL,
        f"the database refused what was read of it: {reason}",
        file.size_bytes,
        file.mtime_ns,
        file.ctime_ns,
        EXTRACTOR_VERSION,
    )
    return Batch(batch.scan_id, [], [], [], [], [], [], [error], [], [])
