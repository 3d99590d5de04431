"""Tracks that are gone for good, and what only they have referred to."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

from soniquescan.database.connection import connect
from soniquescan.database.purge import count_missing, purge
from tests.tracks import make_album, make_albumartist, make_credit, make_track, scan, snapshot

DAY = timedelta(days=1)


def gold(number, **fields):
    """A track of an album that several tracks have."""
    album = make_album("Gold", albumartists=(make_albumartist("ABBA"),))
    return make_track(f"/music/Gold/{number}.flac", artists=["ABBA"], album=album, genres=("Pop",), **fields)


def alone(**fields):
    """A track whose album, artists and genre no other has."""
    album = make_album("Fifth", albumartists=(make_albumartist("LvB"),))
    people = [make_credit("LvB"), make_credit("Karajan", role="conductor")]
    return make_track("/music/Fifth/1.flac", artists=people, album=album, genres=("Classical",), **fields)


def uncredited(number, artist):
    """A track of an album whose artist is worked out from its tracks."""
    return make_track(f"/music/Hits/{number}.flac", artists=[artist], album=make_album("Hits"))


def lose(connection, path, days):
    """Have a track be missing for so many days."""
    connection.execute("UPDATE tracks SET missing_since = now() - %s * interval '1 day' WHERE path = %s", [days, path])


def paths(connection):
    return [path for (path,) in connection.execute("SELECT path FROM tracks ORDER BY path")]


def test_counts_those_that_have_been_missing_for_so_long(connection):
    scan(connection, [gold(1), gold(2), gold(3)])
    lose(connection, "/music/Gold/1.flac", 31)
    lose(connection, "/music/Gold/2.flac", 29)

    counts = [count_missing(connection, days * DAY).tracks for days in (0, 29, 30, 31, 32)]

    assert counts == [2, 2, 1, 1, 0]
    assert abs(count_missing(connection, 30 * DAY).before - (datetime.now(UTC) - 30 * DAY)) < timedelta(minutes=1)


def test_the_library_is_as_if_the_tracks_had_never_been(connection, fresh_database):
    scan(connection, [gold(1), gold(2), alone(), uncredited(1, "Cher"), uncredited(2, "ABBA")])
    for path in ("/music/Gold/2.flac", "/music/Fifth/1.flac", "/music/Hits/2.flac"):
        lose(connection, path, 40)

    assert purge(connection, count_missing(connection, 30 * DAY).before) == 3

    with closing(connect(fresh_database(), application_name="tests")) as other:
        scan(other, [gold(1), uncredited(1, "Cher")])
        assert snapshot(connection) == snapshot(other)


def test_tracks_that_are_there_or_not_gone_for_long_stay(connection):
    scan(connection, [gold(1), gold(2), gold(3)])
    lose(connection, "/music/Gold/1.flac", 29)
    lose(connection, "/music/Gold/2.flac", 31)
    before = count_missing(connection, 30 * DAY).before

    assert purge(connection, before) == 1
    assert paths(connection) == ["/music/Gold/1.flac", "/music/Gold/3.flac"]
    assert purge(connection, before) == 0


def test_one_that_has_come_back_since_it_was_counted_stays(connection):
    scan(connection, [gold(1)])
    lose(connection, "/music/Gold/1.flac", 40)
    before = count_missing(connection, 30 * DAY).before
    connection.execute("UPDATE tracks SET missing_since = NULL")

    assert purge(connection, before) == 0
    assert paths(connection) == ["/music/Gold/1.flac"]


def test_what_scans_have_noted_stays(connection):
    scan_id = scan(connection, [gold(1)])
    connection.execute("INSERT INTO scan_changes VALUES (%s, '/music/Gold/1.flac', 'missing')", [scan_id])
    lose(connection, "/music/Gold/1.flac", 40)

    purge(connection, count_missing(connection, 0 * DAY).before)

    assert connection.execute("SELECT path FROM scan_changes").fetchall() == [("/music/Gold/1.flac",)]


def test_it_is_not_looked_for_any_more_among_what_was_added(connection):
    scan(connection, [gold(1), gold(2)])
    lose(connection, "/music/Gold/1.flac", 40)
    connection.execute("INSERT INTO added_tracks (track_id, scan_id) SELECT id, 1 FROM tracks")

    purge(connection, count_missing(connection, 30 * DAY).before)

    assert connection.execute("SELECT count(*) FROM added_tracks").fetchone() == (1,)
