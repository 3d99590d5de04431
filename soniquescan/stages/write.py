"""Write: put batches into PostgreSQL, each in one transaction, by binary COPY and a merge.

One process writes: a batch merges into what the batches before it left, and two writers would wait for one another.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database import indexes, staging
from soniquescan.database.connection import wrap_errors
from soniquescan.database.firstload import FirstLoad, is_first_load
from soniquescan.database.session import Session
from soniquescan.extensions import EXTRACTOR_VERSION
from soniquescan.messages import Batch, Committed, ErrorKind, FileErrorRow, Names, Tracks
from soniquescan.rows import names_of, stat_of
from soniquescan.text import path_to_text

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
    first_load: FirstLoad | None = None
    for number, batch in enumerate(batches):
        with wrap_errors():
            if number == 0 and session.run(is_first_load):
                first_load = FirstLoad()
            elif number == 1 and first_load is not None:  # it is not a small one, then
                session.run(indexes.suspend)
            committed = None if first_load is None else _load(session, batch, first_load)
            if committed is None:
                first_load = None  # tracks that are merged take any ids
                committed = _write(session, batch)
        yield committed


def _load(session: Session, batch: Batch, first_load: FirstLoad) -> Committed | None:
    """Write a batch of a first load; return None, all set for merges, if the database refuses anything in it."""
    kinds = session.run(partial(_try, first_load.write, batch=batch))
    if isinstance(kinds, Counter):
        return _committed(batch, kinds)
    logger.info("a batch of %d tracks has to be merged: %s", len(batch.tracks.paths), kinds)
    session.run(indexes.resume)
    return None


def _write(session: Session, batch: Batch) -> Committed:
    """Write a batch, or what is sound of it: halved until each file that is refused stands alone."""
    kinds = session.run(partial(_try, staging.merge_batch, batch=batch))
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


def _try(
    write_batch: Callable[[psycopg.Connection[TupleRow], Batch], Counter[str]],
    connection: psycopg.Connection[TupleRow],
    batch: Batch,
) -> Counter[str] | Exception:
    """Write a batch, or return why the database refuses what is in it: nothing that another try would cure."""
    try:
        return write_batch(connection, batch)
    except _REFUSALS as exc:
        return exc


def _committed(batch: Batch, kinds: Counter[str]) -> Committed:
    return Committed(
        tracks=len(batch.tracks.paths),
        added=kinds["added"],
        changed=kinds["changed"],
        restored=kinds["restored"],
        failed_files=len({row.path for row in batch.file_errors}),
        errors_by_kind=Counter(row.kind for row in batch.file_errors),
    )


def _files(batch: Batch) -> list[str]:
    """Return the path of each file in a batch, once."""
    tracks = map(path_to_text, batch.tracks.paths)
    return list(
        dict.fromkeys([*tracks, *(row.path for rows in (batch.file_errors, batch.other_files) for row in rows)])
    )


def _only(batch: Batch, files: list[str]) -> Batch:
    """Return the part of a batch that is about some of its files."""
    paths = frozenset(files)
    tracks = batch.tracks.at(place for place, path in enumerate(batch.tracks.paths) if path_to_text(path) in paths)
    return batch._replace(
        tracks=tracks,
        names=names_of(tracks, batch.names),
        file_errors=[row for row in batch.file_errors if row.path in paths],
        other_files=[row for row in batch.other_files if row.path in paths],
    )


def _refused(batch: Batch, exc: Exception) -> Batch:
    """Return what is written in place of a file whose rows were refused."""
    (path,) = _files(batch)
    reason = str(exc).partition("\n")[0].encode(errors="replace").decode()
    error = FileErrorRow(
        path,
        batch.scan_id,
        STAGE,
        ErrorKind.INTERNAL,
        f"the database refused what was read of it: {reason}",
        *_stat(batch),
        EXTRACTOR_VERSION,
    )
    return Batch(batch.scan_id, Tracks.none(), Names.none(), [error], [], [])


def _stat(batch: Batch) -> tuple[int | None, int | None, int | None]:
    """Return size_bytes, mtime_ns and ctime_ns of the one file of a batch."""
    if batch.tracks.rows:
        return stat_of(batch.tracks.rows[0])
    row = (batch.file_errors or batch.other_files)[0]
    return row.size_bytes, row.mtime_ns, row.ctime_ns
