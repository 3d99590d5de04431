"""The bookkeeping of scans: their rows in `scans`, the folders they were given, and what is done at their end."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database.connection import wrap_errors
from soniquescan.database.sql import read_sql
from soniquescan.errors import UsageError
from soniquescan.guard import Losses, refusal
from soniquescan.messages import Compared
from soniquescan.text import path_to_text, printable, signed, text_to_path

logger = logging.getLogger(__name__)


class RootState(NamedTuple):
    """What is known of the root that a folder belongs to."""

    id: int
    path: bytes
    device: int | None  # st_dev when it was last scanned, as the database has it (`text.signed`)


class Scan(NamedTuple):
    """A scan that has begun."""

    id: int
    roots: dict[bytes, RootState]  # of each folder that was given


class Conclusion(NamedTuple):
    """What was worked out at the end of a scan."""

    moved: int  # tracks that were taken for new ones until then, by this scan or one that was interrupted
    moved_added: int  # of those, the ones that this scan has added
    missing: int  # tracks that this scan has marked
    guarded: tuple[str, ...]  # a line for each folder whose tracks were not marked: why, and what to do


class Library(NamedTuple):
    """How much there is of what files refer to."""

    artists: int
    albums: int
    genres: int


def begin(connection: psycopg.Connection[TupleRow], roots: Sequence[bytes], settings: Mapping[str, object]) -> Scan:
    """Note that a scan of some folders begins, for whoever holds the lock (`scanlock`).

    A folder inside a known root belongs to that.
    """
    with wrap_errors(), connection.transaction():
        connection.execute(read_sql("end_dead_scans").encode())
        connection.execute("SELECT empty_table('absent_files')")
        states = {root: _root_state(connection, root) for root in roots}
        (scan_id,) = _one_row(
            connection.execute(
                "INSERT INTO scans (roots, settings) VALUES (%s, %s::jsonb) RETURNING id",
                [[path_to_text(root) for root in roots], json.dumps(settings)],
            )
        )
    return Scan(scan_id, states)


def _root_state(connection: psycopg.Connection[TupleRow], root: bytes) -> RootState:
    parameters = {"path": path_to_text(root), "device": device_of(root)}
    root_id, path, device, is_new = _one_row(connection.execute(read_sql("begin_root").encode(), parameters))
    if is_new:
        connection.execute(read_sql("absorb_roots").encode(), {"id": root_id, "path": path})
    return RootState(root_id, text_to_path(path), device)


def device_of(root: bytes) -> int | None:
    """Return the st_dev of a folder as the database has it, None if it cannot be read."""
    try:
        return signed(os.stat(root).st_dev)  # noqa: PTH116  # the path is bytes
    except OSError:
        return None  # discovery meets the same error, and reports it


def require_roots(connection: psycopg.Connection[TupleRow], roots: Sequence[bytes]) -> None:
    """Refuse a folder that cannot be read, unless tracks are known there: then it may be a mount that is away."""
    for root in roots:
        try:
            os.scandir(root + b"/.").close()  # a folder may be listed without the right to enter it
        except OSError as exc:
            if not _has_tracks_within(connection, root):
                raise UsageError(f"cannot scan '{printable(path_to_text(root))}': {exc.strerror}") from exc


def _has_tracks_within(connection: psycopg.Connection[TupleRow], folder: bytes) -> bool:
    query = "SELECT FROM tracks WHERE missing_since IS NULL AND starts_with(path, %s) LIMIT 1"
    with wrap_errors():
        return connection.execute(query, [path_to_text(folder.rstrip(b"/") + b"/")]).fetchone() is not None


def conclude(
    connection: psycopg.Connection[TupleRow], scan_id: int, compared: Compared, *, allow_missing: bool
) -> Conclusion:
    """Work out what depends on all files together, after a scan that has read all it was given; in one transaction.

    Tracks that were not found (`absent_files`) are recognised among those that were added, or marked as missing;
    errors that are over are forgotten; artists, albums and genres are settled. What an interrupted scan leaves to be
    worked out, the next one's end works out. To conclude a scan twice is as good as once.
    """
    with wrap_errors(), connection.transaction():
        query = "SELECT conclusion FROM scans WHERE id = %s"
        (concluded,) = _one_row(connection.execute(query, [scan_id]))
        if concluded is not None:
            return Conclusion(**{**concluded, "guarded": tuple(concluded["guarded"])})
        conclusion = _conclude(connection, scan_id, compared, allow_missing=allow_missing)
        query = "UPDATE scans SET conclusion = %s::jsonb WHERE id = %s"
        connection.execute(query, [json.dumps(conclusion._asdict()), scan_id])
    return conclusion


def _conclude(
    connection: psycopg.Connection[TupleRow], scan_id: int, compared: Compared, *, allow_missing: bool
) -> Conclusion:
    absent, added = _one_row(
        connection.execute("SELECT EXISTS (SELECT FROM absent_files), EXISTS (SELECT FROM added_tracks)")
    )
    if absent or added:
        connection.execute("ANALYZE absent_files, added_tracks")  # the planner may have met them when they were empty
    moves = _find_moves(connection) if added else []
    refused = refusals(connection, compared, moved=moves, allow_missing=allow_missing)
    moved, moved_added = _apply_moves(connection, scan_id, refused) if moves else (0, 0)
    done = [path_to_text(root.path) for root in compared.roots if root.path not in refused and root.error is None]
    if absent:
        parameters = {"scan_id": scan_id, "refused": [path_to_text(folder) for folder in refused]}
        connection.execute(read_sql("mark_missing").encode(), parameters)
        connection.execute(read_sql("forget_others").encode(), {"folders": done})
    connection.execute(read_sql("forget_errors").encode(), {"scan_id": scan_id, "folders": done})
    settle(connection)
    connection.execute(read_sql("end_scan_of_roots").encode(), {"folders": done, "devices": _devices(done, compared)})
    query = "SELECT count(*) FROM scan_changes WHERE scan_id = %s AND kind = 'missing'"
    (missing,) = _one_row(connection.execute(query, [scan_id]))
    if absent:
        connection.execute("SELECT empty_table('absent_files')")
    if added and not refused:  # else a later scan, to which the loss is meant, may find some of them under other paths
        connection.execute("SELECT empty_table('added_tracks')")
    return Conclusion(moved, moved_added, missing, tuple(refused.values()))


def _devices(folders: Sequence[str], compared: Compared) -> list[int | None]:
    """Return the devices on which folders were walked: one that is on another by now may have been unmounted since."""
    walked = {signed(device) for device in compared.devices}
    devices = [device_of(text_to_path(folder)) for folder in folders]
    return [device if device in walked else None for device in devices]


def _find_moves(connection: psycopg.Connection[TupleRow]) -> list[int]:
    """Note which tracks that are new are certainly missing ones under another path; return the ids of those."""
    connection.execute(read_sql("find_moves").encode())
    return [track_id for (track_id,) in connection.execute("SELECT old_id FROM moves")]


def _apply_moves(connection: psycopg.Connection[TupleRow], scan_id: int, refused: Iterable[bytes]) -> tuple[int, int]:
    """Have the tracks move, but for those that are not believed gone; return how many, and how many this scan added."""
    connection.execute(read_sql("drop_moves").encode(), {"refused": [path_to_text(folder) for folder in refused]})
    query = "SELECT count(*), count(*) FILTER (WHERE added_by = %s) FROM moves"
    moved, moved_added = _one_row(connection.execute(query, [scan_id]))
    connection.execute("SELECT set_config('soniquescan.scan_id', %s, true)", [str(scan_id)])
    connection.execute(read_sql("apply_moves").encode())
    return moved, moved_added


def refusals(
    connection: psycopg.Connection[TupleRow],
    compared: Compared,
    *,
    moved: Sequence[int] = (),
    allow_missing: bool,
) -> dict[bytes, str]:
    """Return the folders whose tracks in `absent_files` are not to be marked as missing, each with a line: why not.

    `moved` are ids of tracks that are known to be elsewhere. Nothing is written, so this serves a scan that only looks
    as well.
    """
    parameters = {
        "folders": [path_to_text(root.path) for root in compared.roots],
        "devices": [signed(device) for device in compared.devices],
        "moved": list(moved),
    }
    rows = connection.execute(read_sql("list_losses").encode(), parameters).fetchall()
    losses = {
        text_to_path(folder): Losses(tracks, _is_on_other_device(text_to_path(folder), device, compared), away)
        for folder, tracks, device, away in rows
    }
    lines = {root.path: refusal(root, losses[root.path], allow_missing=allow_missing) for root in compared.roots}
    return {folder: line for folder, line in lines.items() if line is not None}


def list_lost(connection: psycopg.Connection[TupleRow], refused: Iterable[bytes]) -> Iterator[str]:
    """Yield the path of each track in `absent_files` that would be marked as missing, those of some folders aside."""
    parameters = {"refused": [path_to_text(folder) for folder in refused]}
    with wrap_errors():
        for (path,) in connection.execute(read_sql("list_lost").encode(), parameters):
            yield path


def last_device(connection: psycopg.Connection[TupleRow], folder: bytes) -> int | None:
    """Return the st_dev that a folder had when it was last scanned, None if it never was."""
    with wrap_errors():
        row = connection.execute("SELECT device FROM roots WHERE path = %s", [path_to_text(folder)]).fetchone()
    return None if row is None else row[0]


def known_problems(connection: psycopg.Connection[TupleRow]) -> set[tuple[bytes, str]]:
    """Return path and kind of the errors that the walk of an earlier scan has met."""
    with wrap_errors():
        rows = connection.execute("SELECT path, kind FROM file_errors WHERE stage = 'discover'").fetchall()
    return {(text_to_path(path), kind) for path, kind in rows}


def _is_on_other_device(folder: bytes, device: int | None, compared: Compared) -> bool:
    """Tell whether a root is not where it was when last scanned, or was not while it was walked."""
    if device is None:
        return False
    return device != device_of(folder) or device not in {signed(walked) for walked in compared.devices}


def settle(connection: psycopg.Connection[TupleRow]) -> None:
    """Work out artists, albums and genres from all files together, wherever something has changed."""
    with wrap_errors(), connection.transaction():
        if connection.execute("SELECT FROM unsettled LIMIT 1").fetchone() is not None:
            connection.execute(read_sql("settle").encode())


def finish(connection: psycopg.Connection[TupleRow], scan_id: int, status: str, counters: Mapping[str, object]) -> None:
    """Note how a scan ended."""
    with wrap_errors():
        connection.execute(
            "UPDATE scans SET finished_at = now(), status = %s, counters = %s::jsonb WHERE id = %s",
            [status, json.dumps(counters), scan_id],
        )


def count_library(connection: psycopg.Connection[TupleRow]) -> Library:
    """Return how many artists, albums and genres there are."""
    with wrap_errors():
        query = "SELECT (SELECT count(*) FROM artists), (SELECT count(*) FROM albums), (SELECT count(*) FROM genres)"
        return Library(*_one_row(connection.execute(query)))


def _one_row(cursor: psycopg.Cursor[TupleRow]) -> TupleRow:
    """Return the only row of a statement that always has one."""
    (row,) = cursor.fetchall()
    return row
