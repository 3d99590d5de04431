"""The indexes that a first load does without are back at its end, or when the next scan begins."""

from __future__ import annotations

import logging
from contextlib import contextmanager

import pytest

from soniquescan.database import indexes
from soniquescan.database.connection import connect
from soniquescan.errors import DatabaseError
from soniquescan.stages import batch as batch_stage
from tests.tracks import load, make_track, scan

KEPT = {"tracks_pkey", "tracks_path_excl", "tracks_missing_path_idx", "tracks_missing_size_idx"}
TRACKS = [make_track(f"/music/{number}", artists=("ABBA", "Cher"), genres=("Pop", "Rock")) for number in range(4)]


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 1)


def made(connection):
    """Return name and definition of each index, and of each key that has one."""
    query = """
        select indexname, indexdef, pg_get_constraintdef(c.oid)
          from pg_indexes
     left join pg_constraint as c
            on c.conname = indexname
           and c.connamespace = 'soniquescan'::regnamespace
         where schemaname = 'soniquescan'
           and tablename in ('tracks', 'track_artists', 'track_genres')
    """
    return set(connection.execute(query).fetchall())


def names(connection):
    return {name for name, *_ in made(connection)}


@pytest.mark.usefixtures("small_batches")
def test_a_first_load_leaves_all_that_were_there(connection):
    connection.execute("CREATE INDEX of_the_user ON tracks (lower(title)) WHERE year > 1990")
    before = made(connection)

    load(connection, TRACKS)
    assert names(connection) == KEPT
    assert indexes.resume(connection)

    assert made(connection) == before
    assert connection.execute("SELECT * FROM suspended_indexes").fetchall() == []


def test_a_small_one_drops_none(connection):
    before = made(connection)
    load(connection, TRACKS)
    assert made(connection) == before


@pytest.mark.usefixtures("small_batches")
def test_the_scan_after_one_that_was_killed_makes_them(connection):
    before = made(connection)
    load(connection, TRACKS)

    load(connection, TRACKS[:1])

    assert made(connection) == before


@pytest.mark.usefixtures("small_batches")
def test_they_are_made_before_a_first_load_becomes_a_merge(connection):
    before = made(connection)
    load(connection, [*TRACKS, make_track(TRACKS[0].file.path, title="came again")])
    assert made(connection) == before


@pytest.mark.usefixtures("small_batches")
def test_later_scans_drop_none(connection):
    scan(connection, TRACKS)
    before = made(connection)
    load(connection, [make_track(f"/music/new/{number}") for number in range(3)])
    assert made(connection) == before


def test_to_suspend_or_resume_twice_is_as_good_as_once(connection):
    before = made(connection)
    for _ in range(2):
        indexes.suspend(connection)
        assert names(connection) == KEPT
    for _ in range(2):
        assert indexes.resume(connection)
        assert made(connection) == before


@contextmanager
def reading(database):
    """Have another session in a transaction that has read all tables."""
    with connect(database, application_name="tests: reader") as other, other.transaction():
        other.execute("SELECT FROM tracks, track_artists, track_genres")
        yield other


def test_they_stay_while_somebody_reads(connection, database, monkeypatch):
    monkeypatch.setattr(indexes, "_SUSPEND_TIMEOUT", "50ms")
    before = made(connection)
    with reading(database) as other:
        indexes.suspend(connection)
        assert not other.closed
    assert made(connection) == before
    assert connection.execute("SELECT * FROM suspended_indexes").fetchall() == []


def test_while_somebody_reads_what_has_to_wait_is_left_to_the_next_scan(connection, database, monkeypatch, caplog):
    monkeypatch.setattr(indexes, "_RESUME_TIMEOUT", "50ms")
    before = made(connection)
    indexes.suspend(connection)
    with reading(database):
        with caplog.at_level(logging.WARNING):
            assert not indexes.resume(connection)
        with pytest.raises(DatabaseError, match="another session"):
            indexes.require(connection)
    assert "could not be made yet" in caplog.text
    assert made(connection) < before

    indexes.require(connection)

    assert made(connection) == before


@pytest.mark.parametrize(
    "statement",
    [
        """
        CREATE TABLE noted (track_id bigint, role text, position integer,
                            FOREIGN KEY (track_id, role, position) REFERENCES track_artists)
        """,
        "CREATE PUBLICATION of_the_user FOR TABLE track_artists",
    ],
    ids=["foreign key", "publication"],
)
def test_they_stay_where_the_user_relies_on_a_key(connection, statement):
    connection.execute(statement)
    before = made(connection)
    indexes.suspend(connection)
    assert made(connection) == before
