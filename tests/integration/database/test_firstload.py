"""The first load of a library leaves what a merge leaves."""

from __future__ import annotations

import pytest

from soniquescan import copyformat, rows
from soniquescan.database import staging
from soniquescan.database.connection import connect
from soniquescan.database.firstload import is_first_load
from soniquescan.database.session import Session
from soniquescan.messages import (
    ErrorKind,
    FileErrorRow,
    OtherFileRow,
    RecognisedRow,
)
from soniquescan.stages import batch as batch_stage
from soniquescan.stages import write as write_stage
from soniquescan.stages.batch import batch
from soniquescan.stages.write import write
from tests.tracks import (
    MBID,
    OTHER_MBID,
    changes,
    load,
    make_album,
    make_albumartist,
    make_credit,
    make_error,
    make_other,
    make_track,
    read_files,
    scan,
    snapshot,
)

ABBA = make_credit("ABBA", MBID, sort_name="Abba")


def library():
    """Return tracks in which names and albums come again, in other spellings and in other batches."""
    gold = make_album("Gold", albumartists=(make_albumartist("ABBA", MBID),), musicbrainz_albumid=OTHER_MBID)
    half_tagged = make_album("Gold", albumartists=(make_albumartist("ABBA"),))
    return [
        make_track("/music/gold/1", credits=(ABBA,), album=gold, genres=("Pop", "Disco")),
        make_track("/music/gold/2", artists=("ABBA",), album=half_tagged, genres=("pop",)),
        make_track(
            "/music/mix/1", artists=("Cher", "abba"), album=make_album("Mix"), cover_path=b"/music/mix/cover.jpg"
        ),
        make_error("/music/mix/1", ErrorKind.TRUNCATED),
        make_track("/music/mix/2", artists=("Queen",), album=make_album("Mix"), tags={"a": ["b"]}),
        make_track("/music/gold/3", credits=(ABBA, make_credit("Cher", role="composer")), album=gold),
        make_track("/music/alone", title="no album"),
        make_error("/music/broken"),
        make_other("/music/notes"),
    ]


@pytest.mark.parametrize("batch_tracks", [1, 2, 100])
def test_it_leaves_what_a_merge_leaves(fresh_database, monkeypatch, batch_tracks):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", batch_tracks)
    items, left = library(), []
    for is_first in (True, False):
        if not is_first:
            monkeypatch.setattr(write_stage, "is_first_load", lambda _: False)
        with connect(fresh_database(), application_name="tests") as connection:
            scan(connection, items)
            errors = connection.execute("SELECT path, kind, attempts FROM file_errors ORDER BY path").fetchall()
            others = connection.execute("SELECT path FROM other_files").fetchall()
            left.append((snapshot(connection), errors, others))
    assert left[0] == left[1]


def test_the_number_of_a_file_is_the_id_of_its_track(connection):
    first, second = make_track("/music/1", number=7), make_track("/music/2", number=3)
    scan(connection, [first, second])
    assert connection.execute("SELECT id, path FROM tracks ORDER BY id").fetchall() == [
        (3, "/music/2"),
        (7, "/music/1"),
    ]
    scan(connection, [make_track("/music/3", number=3)])
    assert connection.execute("SELECT id FROM tracks WHERE path = '/music/3'").fetchone() == (8,)


def test_a_batch_is_written_once_though_it_comes_twice(connection):
    load(connection, library(), twice=True)
    assert connection.execute("SELECT count(*) FROM tracks").fetchone() == (6,)
    assert connection.execute("SELECT sum(attempts) FROM file_errors").fetchone() == (2,)


def test_what_a_killed_scan_has_left_is_merged_with(fresh_database):
    items, left = library(), []
    for done in (0, 3):
        with connect(fresh_database(), application_name="tests") as connection:
            if done:
                load(connection, items[:done])
            scan(connection, items)
            left.append(snapshot(connection))
    assert left[0] == left[1]


@pytest.mark.parametrize(
    "there",
    [
        make_track("/music/1"),
        make_error("/music/1"),
        make_other("/music/1"),
    ],
)
def test_it_is_none_where_something_is_known(connection, there):
    assert is_first_load(connection)
    load(connection, [there])
    assert not is_first_load(connection)


def test_it_is_none_where_a_folder_was_scanned_before(connection):
    """What is new there since then is told."""
    scan(connection, [])
    assert not is_first_load(connection)
    scan_id = scan(connection, [make_track("/music/1")])
    assert [(path, kind) for path, kind, _ in changes(connection, scan_id)] == [("/music/1", "added")]


def test_a_path_that_comes_again_in_another_batch_is_one_track(connection, monkeypatch):
    """It can be walked twice if folders are renamed at that moment."""
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 1)
    staging.prepare(connection)
    items = [make_track("/music/1", title="before"), make_track("/music/1", title="after"), make_track("/music/2")]
    committed = list(write(batch(read_files(items), scan_id=1), session=Session.over(connection)))
    assert [(each.added, each.changed) for each in committed] == [(1, 0), (0, 1), (1, 0)]
    assert connection.execute("SELECT path, title FROM tracks ORDER BY path").fetchall() == [
        ("/music/1", "after"),
        ("/music/2", None),
    ]


SPELLED = {
    "tracks": rows.TRACK_COLUMNS,
    "track_artists": rows.TRACK_ARTIST_COLUMNS,
    "track_genres": rows.TRACK_GENRE_COLUMNS,
    "artist_names": rows.ARTIST_NAME_COLUMNS,
    "genre_names": rows.GENRE_NAME_COLUMNS,
    "album_tags": rows.ALBUM_COLUMNS,
    "staged_tracks": rows.TRACK_COLUMNS,
    "staged_track_artists": rows.TRACK_ARTIST_COLUMNS,
    "staged_track_genres": rows.TRACK_GENRE_COLUMNS,
    "staged_artist_names": rows.ARTIST_NAME_COLUMNS,
    "staged_genre_names": rows.GENRE_NAME_COLUMNS,
    "staged_album_tags": rows.ALBUM_COLUMNS,
    "staged_file_errors": FileErrorRow._fields,
    "staged_other_files": OtherFileRow._fields,
    "staged_recognised": RecognisedRow._fields,
}
TYPES = {
    copyformat.text: "text",
    copyformat.uuid: "uuid",
    copyformat.int4: "integer",
    copyformat.int8: "bigint",
    copyformat.float8: "double precision",
    copyformat.boolean: "boolean",
    copyformat.texts: "text[]",
    copyformat.uuids: "uuid[]",
    copyformat.jsonb: "jsonb",
}


@pytest.mark.parametrize(("table", "columns"), SPELLED.items(), ids=SPELLED.keys())
def test_columns_are_spelled_as_their_type_wants_it(connection, table, columns):
    """Binary COPY casts nothing: a bigint sent as an integer is an error at best."""
    staging.prepare(connection)
    query = "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass"
    types = dict(connection.execute(query, [table]).fetchall())
    spelled = {name: TYPES[spell_] for name, spell_ in zip(columns, rows.spells_of(columns), strict=True)}
    assert {name: types[name] for name in columns} == spelled
