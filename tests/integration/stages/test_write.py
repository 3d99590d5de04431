from __future__ import annotations

import random
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from soniquescan.database import staging
from soniquescan.database.session import Session
from soniquescan.errors import DatabaseError
from soniquescan.messages import ALBUM_TAGS_COLUMNS, AudioStream, ErrorKind
from soniquescan.rows import TRACK_COLUMNS
from soniquescan.stages.batch import batch
from soniquescan.stages.write import write
from tests.tracks import (
    MBID,
    OTHER_MBID,
    TABLES,
    load,
    make_album,
    make_albumartist,
    make_credit,
    make_error,
    make_tags,
    make_track,
    read_files,
    scan,
)

STREAM = AudioStream("flac", "flac", 2**33, 2**34, 2**32, 24, 8, "5eb63bbbe01eeed093cb22bb8f5acdc3")
TAGS = make_tags(
    title="title", title_sort="title_sort", artist="artist", artist_sort="artist_sort",
    track_number=1, track_total=2, disc_number=3, disc_total=4, disc_subtitle="disc_subtitle",
    date="2001-02-03", year=2001, original_date="1999", original_year=1999, bpm=120.5, initial_key="Am",
    isrcs=("GBAYE0601498", "GBAYE0601499"), moods=("calm", ""), language="eng", script="Latn", grouping="grouping",
    work="work", movement="movement", movement_number=5, movement_total=6, copyright="copyright", comment="comment",
    lyrics="lyrics", encoded_by="encoded_by", encoder_settings="-V0",
    replaygain_track_gain_db=-7.03, replaygain_track_peak=0.1, replaygain_album_gain_db=1e300,
    replaygain_album_peak=0.988553, musicbrainz_recordingid=MBID, musicbrainz_trackid=OTHER_MBID,
    musicbrainz_workid="work id", musicbrainz_discid="disc id", acoustid_id="acoustid", acoustid_fingerprint="AQAD",
    has_cover=True, genres=("Pop", "Rock"), credits=(make_credit("ABBA", MBID, sort_name="Abba"),),
    tags={"ripper": ["EAC", "XLD"]},
    album=make_album(
        title="album", sort_title="sort_title", albumartist_sort="albumartist_sort",
        albumartists=(make_albumartist("ABBA", MBID), make_albumartist("Cher")), date="2001", year=2001,
        original_date="1999-01", original_year=1999, compilation=True, disc_total=2, label="label",
        catalog_number="catalog_number", barcode="barcode", asin="asin", media="CD", release_country="SE",
        release_status="official", release_types=("album", "live"), musicbrainz_albumid=MBID,
        musicbrainz_releasegroupid=OTHER_MBID,
    ),
)  # fmt: skip


def prepared(connection):
    """Return a session as the write stage has it."""
    staging.prepare(connection)
    return Session.over(connection)


def rows(connection, query):
    return connection.execute(query).fetchall()


def dump(connection):
    """Return every row of the library with the transaction that wrote it."""
    return {table: sorted(map(repr, rows(connection, f"SELECT xmin, ctid, * FROM {table}"))) for table in TABLES}


def as_read(value):
    """Return a column's value as the type that the row had which was written."""
    return str(value) if isinstance(value, UUID) else tuple(value) if isinstance(value, list) else value


def test_every_field_arrives_as_it_was(connection):
    track = make_track("/music/a/1.flac", stream=STREAM, cover_path=b"/music/a/cover.jpg", **TAGS._asdict())
    scan(connection, [track])
    fields = {**track.file._asdict(), **STREAM._asdict(), **TAGS._asdict(), "path": "/music/a/1.flac"}
    fields |= {"audio_md5": str(UUID(STREAM.audio_md5)), "cover_name": "cover.jpg"}
    for column in set(TRACK_COLUMNS) & set(fields):
        ((value,),) = rows(connection, f'SELECT "{column}" FROM tracks')
        assert (column, fields[column]) == (column, as_read(value))
    fields = {**TAGS.album._asdict(), "cover_path": "/music/a/cover.jpg"}
    for column in set(ALBUM_TAGS_COLUMNS) & set(fields):
        for table in ("albums", "album_tags"):
            ((value,),) = rows(connection, f"SELECT {column} FROM {table}")
            assert (column, fields[column]) == (column, as_read(value))


def test_people_and_genres_are_linked_in_their_order(connection):
    people = (make_credit("B"), make_credit("A", MBID), make_credit("C", role="composer"))
    album = make_album(albumartists=(make_albumartist("Z"), make_albumartist("B")))
    load(connection, [make_track(credits=people, genres=("Rock", "Pop"), album=album)])
    assert [("artist", 1, "B", None), ("artist", 2, "A", UUID(MBID)), ("composer", 1, "C", None)] == rows(
        connection,
        "SELECT role, position, name, musicbrainz_artistid FROM track_artists JOIN artists ON id = artist_id"
        " ORDER BY role, position",
    )
    assert rows(connection, "SELECT position, name FROM track_genres JOIN genres ON id = genre_id ORDER BY 1") == [
        (1, "Rock"),
        (2, "Pop"),
    ]
    assert rows(connection, "SELECT position, name FROM album_artists JOIN artists ON id = artist_id ORDER BY 1") == [
        (1, "Z"),
        (2, "B"),
    ]


def test_what_is_committed_is_counted(connection):
    items = [make_track("/1"), make_track("/2"), make_error("/2", ErrorKind.TRUNCATED), make_error("/3")]
    (committed,) = write(batch(read_files(items), scan_id=1), session=prepared(connection))
    assert (committed.tracks, committed.failed_files) == (2, 2)
    assert committed.errors_by_kind == {"truncated": 1, "corrupt": 1}


def test_a_second_scan_writes_nothing(connection):
    """Not even a new version of a row, though both folds of the scan's end are in play."""
    albumartists = (make_albumartist("ABBA"),)
    items = [
        make_track("/music/a/1", stream=STREAM, **TAGS._asdict()),
        make_track("/music/b/1", artists=("Cher", make_credit("ABBA")), album=make_album(albumartists=albumartists)),
        make_track("/music/b/2", album=make_album(albumartists=albumartists, musicbrainz_albumid=OTHER_MBID)),
        make_track("/music/c/1", artists=("Cher",), album=make_album("Mix")),
        make_track("/music/c/2", artists=("Queen",), album=make_album("Mix"), genres=("pop", "POP")),
    ]
    scan(connection, items)
    expected = dump(connection)
    scan(connection, items)
    assert expected == dump(connection)


def test_a_changed_file_keeps_its_id_and_gets_new_links(connection):
    before = make_track("/1", artists=("A", "B"), genres=("Pop",), title="before")
    scan(connection, [before, make_track("/2", artists=("A",))])
    ((track_id, added_at, updated_at),) = rows(
        connection, "SELECT id, added_at, updated_at FROM tracks WHERE path = '/1'"
    )
    scan(connection, [make_track("/1", artists=("C",), genres=("Rock", "Jazz"), title="after")])
    ((new_id, new_added_at, title, new_updated_at),) = rows(
        connection, "SELECT id, added_at, title, updated_at FROM tracks WHERE path = '/1'"
    )
    assert (track_id, added_at, "after") == (new_id, new_added_at, title)
    assert updated_at < new_updated_at
    assert rows(connection, "SELECT name FROM artists ORDER BY name") == [("A",), ("C",)]
    assert rows(connection, "SELECT name FROM genres ORDER BY name") == [("Jazz",), ("Rock",)]
    assert rows(
        connection,
        "SELECT name FROM track_artists JOIN artists ON id = artist_id JOIN tracks AS t ON t.id = track_id"
        " WHERE path = '/1'",
    ) == [("C",)]


@pytest.mark.parametrize(
    "fields",
    [
        {"size_bytes": 5}, {"mtime_ns": 5}, {"ctime_ns": 5}, {"inode": 5}, {"title": "x"}, {"bpm": 120.0},
        {"isrcs": ("x",)}, {"has_cover": True}, {"tags": {"a": ["b"]}}, {"genres": ("x",)}, {"lyrics": "x"},
        {"artists": (make_credit("A", MBID),)}, {"album": make_album(label="x")}, {"album": None},
    ],
    ids=lambda fields: next(iter(fields)),
)  # fmt: skip
def test_any_change_is_noticed(connection, fields):
    before = {"artists": ("A",), "album": make_album()}
    scan(connection, [make_track(**before)])
    ((version,),) = rows(connection, "SELECT xmin FROM tracks")
    scan(connection, [make_track(**{**before, **fields})])
    ((new_version,),) = rows(connection, "SELECT xmin FROM tracks")
    assert version != new_version


def test_a_missing_track_that_is_there_again_is_not_missing(connection):
    scan(connection, [make_track()])
    connection.execute("UPDATE tracks SET missing_since = now()")
    scan(connection, [make_track()])
    assert rows(connection, "SELECT missing_since FROM tracks") == [(None,)]


HOSTILE_TEXTS = (
    "\\N", "\\.", "\t\n\r\v\f\b", "\\", '"', "'", "$$", "{}", "{NULL}", "NULL", ",", " ", "\u2028", "\ufffe\uffff",
    "\ufeff", "e\u0301", "\U0001f469\u200d\U0001f467", "\u202eright to left", "\x01\x7f\x80", "\ufffd", "%s %(x)s",
    "\U0010ffff",
)  # fmt: skip


def test_hostile_text_arrives_as_it_was(connection):
    tracks = [
        make_track(
            f"/music/{number}{text}", title=text, comment=text, artists=(f"{number}{text}",),
            genres=(f"{number}{text}",), isrcs=(text, text), tags={text: [text]},
            album=make_album(text, label=text, release_types=(text,)),
        )
        for number, text in enumerate(HOSTILE_TEXTS)
    ]  # fmt: skip
    scan(connection, tracks)
    query = (
        "SELECT path, t.title, comment, isrcs, tags, a.title, label, release_types FROM tracks AS t, album_tags AS a"
    )
    expected = [
        (f"/music/{number}{text}", text, text, [text, text], {text: [text]}, text, text, [text])
        for number, text in enumerate(HOSTILE_TEXTS)
    ]
    assert expected == rows(connection, f"{query} WHERE a.id = album_tags_id ORDER BY t.id")
    names = {f"{n}{text}" for n, text in enumerate(HOSTILE_TEXTS)}
    for table in ("artist_names", "genre_names"):
        assert names == {name for (name,) in rows(connection, f"SELECT name FROM {table}")} - {"Various Artists"}


def random_text(length):
    """Return text that does not compress: an index entry of it is as long as it is."""
    source = random.Random(length)
    return "".join(chr(source.randrange(0x4E00, 0x9FFF)) for _ in range(length))


def test_texts_of_megabytes_are_kept_whole(connection):
    text = random_text(1_000_000)
    track = make_track(
        title=text, artists=(text,), genres=(text,), comment=text, isrcs=(text,), tags={text: [text]},
        album=make_album(text, label=text, albumartists=(make_albumartist(text),), release_types=(text,)),
    )  # fmt: skip
    scan(connection, [track])
    query = "SELECT t.title, a.title, albumartist, ar.name, g.name FROM tracks t, albums a, artists ar, genres g"
    assert [(text,) * 5] == rows(connection, query)


def test_the_longest_path_is_found_again(connection):
    path = "/" + "/".join(random_text(250 // 3) for _ in range(16))
    assert len(path.encode()) == 4000
    for _ in range(2):
        scan(connection, [make_track(path), make_error(path, ErrorKind.TRUNCATED)])
    assert [(path,)] == rows(connection, "SELECT path FROM tracks")
    assert [(path, 2)] == rows(connection, "SELECT path, attempts FROM file_errors")


REFUSED = {
    "surrogate": {"title": "\ud800"},
    "nul": {"comment": "\0"},
    "surrogate in json": {"tags": {"a": ["\udfff"]}},
    "nul in json": {"tags": {"a": ["\0"]}},
    "no uuid": {"musicbrainz_recordingid": "hello"},
    "short uuid": {"musicbrainz_trackid": "abcd"},
    "track number": {"track_number": 2**31},
    "album's number": {"album": make_album(year=-(2**40))},
    "greater number": {"movement_total": 2**63},
    "text for a number": {"track_number": "7"},
    "artist": {"artists": ("\ud800",)},
    "artist's id": {"artists": (make_credit("A", "x"),)},
    "genre": {"genres": ("\0",)},
    "album": {"album": make_album("\0")},
    "album artist": {"album": make_album(albumartists=(make_albumartist("\ud800"),))},
    "album artist's id": {"album": make_album(albumartists=(make_albumartist("A", "x"),))},
    "not null": {"stream": AudioStream(*[None] * 8)},
}


@pytest.mark.parametrize("fields", REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_the_database_refuses_costs_no_other(connection, fields):
    """tags/ repairs all of this; but if it ever forgets one, the rest of the library is loaded."""
    good = [make_track(f"/good/{n}", artists=(f"{n}",), genres=("Pop",), album=make_album(f"{n}")) for n in range(9)]
    bad = make_track("/bad", **fields)
    (committed,) = write(
        batch(read_files([*good[:4], bad, *good[4:], make_error("/broken")]), scan_id=3), session=prepared(connection)
    )
    assert [(f"/good/{n}",) for n in range(9)] == rows(connection, "SELECT path FROM tracks ORDER BY path")
    assert rows(connection, "SELECT path, kind, scan_id FROM file_errors ORDER BY path") == [
        ("/bad", "internal", 3),
        ("/broken", "corrupt", 3),
    ]
    assert committed == (9, 9, 0, 0, 2, {"internal": 1, "corrupt": 1})
    links = "SELECT count(*) FROM track_artists JOIN artists ON id = artist_id JOIN tracks AS t ON t.id = track_id"
    assert rows(connection, links) == [(9,)]


def test_an_error_that_the_database_refuses_costs_no_other(connection):
    load(connection, [make_error("/1", message="\0"), make_error("/2")])
    assert rows(connection, "SELECT path, kind FROM file_errors ORDER BY path") == [
        ("/1", "internal"),
        ("/2", "corrupt"),
    ]


def test_a_problem_met_again_is_one_row_with_its_history(connection):
    scan(connection, [make_error("/music/1", message="before")])
    ((first_seen_at, last_seen_at),) = rows(connection, "SELECT first_seen_at, last_seen_at FROM file_errors")
    scan_id = scan(connection, [make_error("/music/1", message="after")])
    ((*row, new_first_seen_at, new_last_seen_at),) = rows(
        connection, "SELECT scan_id, attempts, message, first_seen_at, last_seen_at FROM file_errors"
    )
    assert [scan_id, 2, "after"] == row
    assert first_seen_at == new_first_seen_at <= last_seen_at < new_last_seen_at


def test_a_batch_written_twice_is_one_attempt(connection):
    twice = list(batch(read_files([make_track("/1"), make_error("/2")]), scan_id=1)) * 2
    assert [committed.tracks for committed in write(twice, session=prepared(connection))] == [1, 1]
    assert rows(connection, "SELECT attempts FROM file_errors") == [(1,)]
    assert rows(connection, "SELECT path FROM tracks") == [("/1",)]


def test_a_track_keeps_the_problems_it_still_has(connection):
    problems = [make_error("/1", ErrorKind.TRUNCATED), make_error("/1", ErrorKind.MALFORMED_TAGS)]
    load(connection, [make_track("/1"), *problems])
    load(connection, [make_track("/1"), problems[1]])
    assert rows(connection, "SELECT kind, attempts FROM file_errors") == [("malformed_tags", 2)]


def test_a_file_that_reads_again_loses_its_errors(connection):
    load(connection, [make_error("/1"), make_error("/2")])
    load(connection, [make_track("/1")])
    assert rows(connection, "SELECT path FROM file_errors") == [("/2",)]


def test_a_track_that_cannot_be_read_any_more_stays(connection):
    load(connection, [make_track("/1")])
    load(connection, [make_error("/1")])
    assert rows(connection, "SELECT path FROM tracks") == [("/1",)]


def test_a_lost_connection_is_no_fault_of_the_file(connection, database):
    batches = batch(read_files([make_track()]), scan_id=1)
    writing = write(batches, session=prepared(connection))
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [connection.info.backend_pid])
    with pytest.raises(DatabaseError):
        list(writing)


def test_library_has_one_row_a_track(connection):
    album = make_album("Gold", albumartists=(make_albumartist("ABBA"),), year=1992)
    stream = STREAM._replace(length_ms=225_499)
    track = make_track("/1", title="One", artist="ABBA", genres=("Rock", "Pop"), album=album, stream=stream)
    scan(connection, [track, make_track("/2"), make_track("/3")])
    connection.execute("UPDATE tracks SET missing_since = now() WHERE path = '/3'")
    query = "SELECT path, title, artist, album, albumartist, year, genres, length, length_ms FROM library ORDER BY path"
    first, second = rows(connection, query)
    assert ("/1", "One", "ABBA", "Gold", "ABBA", 1992, ["Rock", "Pop"], timedelta(seconds=225), 225_499) == first
    assert second == ("/2", None, None, None, None, None, [], None, None)
