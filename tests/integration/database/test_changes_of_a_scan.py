"""What each scan notes of what it has changed, and that a batch written twice changes nothing more.

Every batch here is written twice, as after a connection that was lost at the wrong moment.
"""

from __future__ import annotations

from uuid import UUID

import pytest

from soniquescan.messages import ErrorKind
from soniquescan.stages import batch as batch_stage
from tests.tracks import (
    MBID,
    changes,
    load,
    make_album,
    make_albumartist,
    make_credit,
    make_error,
    make_file,
    make_other,
    make_stream,
    make_track,
    recognise,
    scan,
)

A, B, C, D = (f"/music/Album/{name}.flac" for name in "ABCD")


def rescan(connection, items=(), **options):
    """Scan, and return what that scan has told."""
    return changes(connection, scan(connection, items, twice=True, **options))


def rows(connection, query, *parameters):
    return connection.execute(query, parameters).fetchall()


def ids(connection):
    """Return the id of each track that is there, by path."""
    return dict(rows(connection, "SELECT path, id FROM tracks WHERE missing_since IS NULL"))


# Tracks that were read -----------------------------------------------------------------------------------------------


def test_the_first_scan_of_a_root_tells_of_nothing(connection):
    assert rescan(connection, [make_track(A), make_error("/music/bad.mp3")]) == []


def test_what_the_first_scan_of_all_adds_cannot_have_moved(connection):
    """A first load is not to pay for what its end would look for."""
    load(connection, [make_track(A)])
    assert rows(connection, "SELECT FROM added_tracks") == []
    load(connection, [make_track(B)])
    assert rows(connection, "SELECT path FROM added_tracks JOIN tracks ON id = track_id") == [(B,)]


def test_nor_does_one_that_goes_on_where_the_first_was_killed(connection):
    load(connection, [make_track(A)])
    assert rescan(connection, [make_track(A, title="x"), make_track(B), make_error("/music/bad.mp3")]) == []


def test_the_first_scan_of_another_root_tells_of_nothing(connection):
    scan(connection, [make_track(A)])
    items = [make_track("/more/1", root_id=2), make_error("/more/2"), make_track(B), make_error("/music/2")]
    told = rescan(connection, items, roots=(b"/more", b"/music"))
    assert [(path, kind) for path, kind, _ in told] == [("/music/2", "failed"), (B, "added")]


def test_what_is_new_is_added(connection):
    scan(connection, [make_track(A)])
    assert rescan(connection, [make_track(A), make_track(B)]) == [(B, "added", {})]


def changed(name, old, new):
    return {name: {"old": old, "new": new}}


GOLD = make_album("Gold", albumartists=(make_albumartist("ABBA"),), label="Polar", year=1992)

CHANGES = {
    "size": ({}, {"size_bytes": 5}, changed("size_bytes", 1000, 5)),
    "mtime": ({}, {"mtime_ns": 5}, changed("mtime_ns", 2, 5)),
    "ctime": ({}, {"ctime_ns": 5}, changed("ctime_ns", 3, 5)),
    "title": ({"title": "a"}, {"title": "b"}, changed("title", "a", "b")),
    "title gone": ({"title": "a"}, {}, changed("title", "a", None)),
    "number": ({}, {"track_number": 7}, changed("track_number", None, 7)),
    "float": ({"bpm": 120.5}, {"bpm": 121.0}, changed("bpm", 120.5, 121)),
    "flag": ({}, {"has_cover": True}, {"has_cover": {"old": False, "new": True}}),
    "list": ({"isrcs": ("a",)}, {"isrcs": ("a", "b")}, changed("isrcs", ["a"], ["a", "b"])),
    "tags": ({"tags": {"x": ["1"]}}, {"tags": {"x": ["2"]}}, changed("tags", {"x": ["1"]}, {"x": ["2"]})),
    "uuid": ({}, {"musicbrainz_trackid": MBID}, changed("musicbrainz_trackid", None, MBID)),
    "stream": ({}, {"stream": make_stream(length_ms=9)}, changed("length_ms", None, 9)),
    "audio": (
        {"stream": make_stream(audio_md5="0" * 31 + "1")},
        {"stream": make_stream(audio_md5="0" * 31 + "2")},
        changed("audio_md5", str(UUID(int=1)), str(UUID(int=2))),
    ),
    "genres": ({"genres": ("Pop",)}, {"genres": ("Rock", "Pop")}, changed("genres", ["Pop"], ["Rock", "Pop"])),
    "artists": (
        {"artists": ("A", "B")},
        {"artists": ("A", make_credit("C", role="composer"))},
        {**changed("artists", ["A", "B"], ["A"]), **changed("composer", None, ["C"])},
    ),
    "spelling": ({"artists": ("abba",)}, {"artists": ("ABBA",)}, changed("artists", ["abba"], ["ABBA"])),
    "album": ({"album": GOLD}, {"album": GOLD._replace(title="Silver")}, changed("album", "Gold", "Silver")),
    "label": ({"album": GOLD}, {"album": GOLD._replace(label=None)}, changed("label", "Polar", None)),
    "year": (
        {"album": GOLD, "year": 1992},
        {"album": GOLD._replace(year=1993), "year": 1993},
        changed("year", 1992, 1993),
    ),
    "album artists": (
        {"album": GOLD},
        {"album": GOLD._replace(albumartists=(make_albumartist("ABBA"), make_albumartist("Cher")))},
        changed("albumartists", ["ABBA"], ["ABBA", "Cher"]),
    ),
    "album gone": (
        {"album": make_album("Gold", release_types=("album",))},
        {},
        {
            **changed("album", "Gold", None),
            **changed("albumartists", [], None),
            **changed("release_types", ["album"], None),
        },
    ),
    "cover": (
        {"album": GOLD},
        {"album": GOLD, "cover_path": b"/music/Album/cover.jpg"},
        changed("cover_path", None, "/music/Album/cover.jpg"),
    ),
    "title and artist": (
        {"title": "a", "artist": "A"},
        {"title": "b", "artist": "B"},
        {**changed("title", "a", "b"), **changed("artist", "A", "B")},
    ),
    "an id that is not shown": ({"artists": ("A",)}, {"artists": (make_credit("A", MBID),)}, {}),
}


@pytest.mark.parametrize(("before", "after", "detail"), CHANGES.values(), ids=CHANGES.keys())
def test_what_has_changed_is_told_with_old_and_new(connection, before, after, detail):
    scan(connection, [make_track(A, **before)])
    (before_row,) = rows(connection, "SELECT id, added_at, updated_at FROM tracks")
    assert rescan(connection, [make_track(A, **after)]) == [(A, "changed", detail)]
    (after_row,) = rows(connection, "SELECT id, added_at, updated_at FROM tracks")
    assert before_row[:2] == after_row[:2]
    assert before_row[2] < after_row[2]


@pytest.mark.parametrize(
    ("column", "fields", "value"),
    [
        ("inode", {"inode": 99}, 99),
        ("device", {"device": 99}, 99),
        ("root_id", {"root_id": 99}, 99),
        ("cover_name", {"cover_path": b"/music/Album/cover.jpg"}, "cover.jpg"),
        ("audio_md5", {"stream": make_stream(audio_md5="0" * 31 + "1")}, UUID(int=1)),
    ],
)
def test_what_is_for_us_is_kept_but_no_change(connection, column, fields, value):
    scan(connection, [make_track(A, artists=("A",))])
    (before,) = rows(connection, "SELECT id, added_at, updated_at FROM tracks")
    assert rescan(connection, [make_track(A, artists=("A",), **fields)]) == []
    assert [(*before, value)] == rows(connection, f"SELECT id, added_at, updated_at, {column} FROM tracks")
    assert rows(connection, "SELECT count(*) FROM track_artists") == [(1,)]


def test_a_file_read_by_newer_rules_is_no_change(connection):
    scan(connection, [make_track(A)])
    connection.execute("UPDATE tracks SET extractor_version = 0")
    assert rescan(connection, [make_track(A)]) == []
    assert rows(connection, "SELECT extractor_version > 0 FROM tracks") == [(True,)]


# Tracks that are there again -----------------------------------------------------------------------------------------


def test_a_missing_track_is_restored_with_its_id_by_a_file_at_its_path(connection):
    scan(connection, [make_track(A, title="a", artists=("A",)), make_track(B)])
    expected = rows(connection, "SELECT id, path, added_at FROM tracks ORDER BY id")
    scan(connection, [], absent=[A])
    detail = {**changed("title", "a", "b"), **changed("artists", ["A"], ["B"])}
    told = rescan(connection, [make_track(A, title="b", artists=("B",))])
    assert told == [(A, "restored", detail)]
    assert expected == rows(connection, "SELECT id, path, added_at FROM tracks ORDER BY id")
    assert rows(connection, "SELECT missing_since, updated_at > added_at FROM tracks WHERE path = %s", A) == [
        (None, True)
    ]


def test_of_several_missing_from_a_path_the_last_is_restored(connection):
    scan(connection, [make_track(A, inode=1), make_track(B, inode=2)])
    (first, second) = (ids(connection)[path] for path in (A, B))
    scan(connection, [], absent=[A])
    file = make_file(A, inode=2, ctime_ns=9)
    scan(connection, [], recognised=[recognise(second, file)])
    scan(connection, [], absent=[A])
    assert rows(connection, "SELECT id, path FROM tracks ORDER BY id") == [(first, A), (second, A)]
    assert rescan(connection, [make_track(A)])[0][:2] == (A, "restored")
    assert ids(connection) == {A: second}


def test_a_missing_track_keeps_its_path_though_another_has_it_by_now(connection):
    scan(connection, [make_track(A, size_bytes=1), make_track(B, size_bytes=2)])
    (first, second) = (ids(connection)[path] for path in (A, B))
    scan(connection, [], absent=[A])
    scan(connection, [], recognised=[recognise(second, make_file(A))])
    assert rescan(connection, [make_track(A, size_bytes=3)]) == [(A, "changed", changed("size_bytes", 2, 3))]
    query = "SELECT id, path, size_bytes, missing_since IS NOT NULL FROM tracks ORDER BY id"
    assert rows(connection, query) == [(first, A, 1, True), (second, A, 3, False)]


def test_a_missing_track_is_restored_without_being_read(connection):
    scan(connection, [make_track(A)])
    scan(connection, [], absent=[A])
    ((track_id, missing_since),) = rows(connection, "SELECT id, missing_since FROM tracks")
    assert missing_since is not None
    assert rescan(connection, [], recognised=[recognise(track_id, make_file(A))]) == [(A, "restored", {})]
    assert ids(connection) == {A: track_id}
    scan(connection, [], absent=[A])
    told = rescan(connection, [], recognised=[recognise(track_id, make_file(A, ctime_ns=9))])
    assert told == [(A, "restored", changed("ctime_ns", 3, 9))]


# Tracks that have moved ----------------------------------------------------------------------------------------------


def test_a_moved_track_keeps_all_but_its_path(connection):
    scan(connection, [make_track(A, artists=("A",), genres=("Pop",), title="a")])
    ((track_id, added_at, updated_at),) = rows(connection, "SELECT id, added_at, updated_at FROM tracks")
    file = make_file(B, ctime_ns=9, inode=8, device=7, cover_path=b"/music/Album/cover.jpg")
    assert rescan(connection, [], recognised=[recognise(track_id, file)], absent=[A]) == [(B, "moved", {"old_path": A})]
    query = "SELECT id, added_at, path, size_bytes, mtime_ns, ctime_ns, inode, device, cover_name, title FROM tracks"
    assert [(track_id, added_at, B, 1000, 2, 9, 8, 7, "cover.jpg", "a")] == rows(connection, query)
    assert rows(connection, "SELECT updated_at > %s FROM tracks", updated_at) == [(True,)]
    assert rows(connection, "SELECT role, genre_id IS NOT NULL FROM track_artists JOIN track_genres USING (track_id)")


def test_a_moved_track_is_of_the_album_of_its_new_folder(connection):
    """Two untagged albums of one title are two; what only the old one had is gone."""
    album = make_album("Gold")
    scan(connection, [make_track("/music/a/1", album=album, artists=("A",), cover_path=b"/music/a/cover.jpg")])
    file = make_file("/music/b/1", cover_path=b"/music/b/front.png")
    scan(connection, [], recognised=[recognise(ids(connection)["/music/a/1"], file, album)], twice=True)
    query = "SELECT a.title, albumartist, a.cover_path, t.path FROM albums AS a JOIN tracks AS t ON t.album_id = a.id"
    assert rows(connection, query) == [("Gold", "A", "/music/b/front.png", "/music/b/1")]
    for table in ("albums", "album_tags"):
        assert rows(connection, f"SELECT count(*) FROM {table}") == [(1,)]
    assert rows(connection, "SELECT FROM unsettled") == []


def test_a_track_that_was_missing_can_move(connection):
    scan(connection, [make_track(A)])
    track_id = ids(connection)[A]
    scan(connection, [], absent=[A])
    assert rescan(connection, [], recognised=[recognise(track_id, make_file(B))]) == [(B, "moved", {"old_path": A})]
    assert ids(connection) == {B: track_id}


MOVES = {
    "swap": {A: B, B: A},
    "rotation": {A: B, B: C, C: A},
    "chain": {A: B, B: C, C: D},
}


@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES.keys())
def test_tracks_follow_their_files_wherever_those_go_at_once(connection, moves):
    scan(connection, [make_track(path, inode=number) for number, path in enumerate(moves)])
    before = ids(connection)
    recognised = [recognise(before[old], make_file(new, inode=n)) for n, (old, new) in enumerate(moves.items())]
    told = rescan(connection, [], recognised=recognised)
    assert sorted((new, "moved", {"old_path": old}) for old, new in moves.items()) == told
    assert ids(connection) == {new: before[old] for old, new in moves.items()}


@pytest.mark.parametrize("moves", MOVES.values(), ids=MOVES.keys())
def test_what_is_wrong_with_a_file_moves_with_it(connection, moves):
    stat = {"size_bytes": 1000, "mtime_ns": 2, "ctime_ns": 3}
    items = []
    for path in moves:
        kinds = (ErrorKind.TRUNCATED, ErrorKind.NO_AUDIO_STREAM)
        items += [make_track(path), *(make_error(path, kind, message=path, **stat) for kind in kinds)]
    scan(connection, [*items, make_error(D, message="in the way"), make_other(D)])
    before = ids(connection)
    recognised = [recognise(before[old], make_file(new, ctime_ns=9)) for old, new in moves.items()]
    scan(connection, [], recognised=recognised, twice=True)
    errors = rows(connection, "SELECT path, message, kind, ctime_ns FROM file_errors WHERE kind <> 'corrupt'")
    expected = [(new, old, kind, 9) for old, new in moves.items() for kind in ("no_audio_stream", "truncated")]
    assert sorted(expected) == sorted(errors)
    is_free = D not in moves.values()
    assert rows(connection, "SELECT FROM file_errors WHERE kind = 'corrupt'") == [()] * is_free


def test_what_was_wrong_with_another_file_at_the_path_does_not_stay(connection):
    """Of the track at B itself (no longer as it was read) and of a file at C that was none."""
    items = [make_track(A, inode=1), make_track(B, inode=2), make_error(C), make_other(D)]
    scan(connection, items)
    scan(connection, [make_error(B, ctime_ns=99)])
    before = ids(connection)
    moves = {A: B, B: C}
    recognised = [recognise(before[old], make_file(new)) for old, new in moves.items()]
    scan(connection, [], recognised=recognised, twice=True)
    assert rows(connection, "SELECT path FROM file_errors") == []
    scan(connection, [], recognised=[recognise(before[A], make_file(D))], twice=True)
    assert rows(connection, "SELECT path FROM other_files") == []


def test_what_is_wrong_with_another_file_does_not_move_along(connection):
    """One that has taken the place of the track, and cannot be read."""
    scan(connection, [make_track(A)])
    scan(connection, [make_error(A, ctime_ns=99)])
    scan(connection, [], recognised=[recognise(ids(connection)[A], make_file(B))], twice=True)
    assert rows(connection, "SELECT path FROM file_errors") == [(A,)]


def test_a_file_that_only_has_another_inode_is_no_change(connection):
    scan(connection, [make_track(A)])
    ((track_id, updated_at),) = rows(connection, "SELECT id, updated_at FROM tracks")
    assert rescan(connection, [], recognised=[recognise(track_id, make_file(A, inode=99))]) == []
    assert rows(connection, "SELECT updated_at, inode FROM tracks") == [(updated_at, 99)]


# Files with problems -------------------------------------------------------------------------------------------------

FAILED = ("/music/bad.mp3", "failed", {"kind": "corrupt", "message": "broken"})


def test_a_new_problem_is_told_once(connection):
    scan(connection, [])
    assert rescan(connection, [make_error()]) == [FAILED]
    assert rescan(connection, [make_error()]) == []


def test_a_problem_in_a_folder_inside_the_root_is_told(connection):
    scan(connection, [], roots=[b"/"])
    assert rescan(connection, [make_error()], roots=[b"/music"]) == [FAILED]


def test_several_problems_of_a_file_are_told_as_one(connection):
    scan(connection, [])
    kinds = (ErrorKind.TRUNCATED, ErrorKind.MALFORMED_TAGS)
    items = [make_track(A), *(make_error(A, kind) for kind in kinds)]
    assert rescan(connection, items) == [
        (A, "added", {}),
        (A, "failed", {"kind": "malformed_tags", "message": "broken"}),
    ]


def test_problems_of_a_file_that_come_in_two_batches_are_told_as_one(connection, monkeypatch):
    scan(connection, [])
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 1)
    items = [make_track(A), make_error(A, ErrorKind.TRUNCATED), make_track(B), make_error(A, ErrorKind.EMPTY)]
    assert [kind for path, kind, _ in rescan(connection, items) if path == A] == ["added", "failed"]


@pytest.mark.parametrize(
    "fields",
    [{"message": "still broken"}, {"size_bytes": 11}, {"mtime_ns": 21}, {"ctime_ns": 31}, {"kind": ErrorKind.EMPTY}],
    ids=lambda fields: next(iter(fields)),
)
def test_a_problem_that_has_changed_is_told_again(connection, fields):
    scan(connection, [make_error()])
    detail = {"kind": fields.get("kind", "corrupt"), "message": fields.get("message", "broken")}
    assert rescan(connection, [make_error(**fields)]) == [("/music/bad.mp3", "failed", detail)]


def test_a_problem_of_an_old_database_is_not_told_as_new(connection):
    """It has no ctime there."""
    scan(connection, [make_error()])
    connection.execute("UPDATE file_errors SET ctime_ns = NULL, extractor_version = 0")
    assert rescan(connection, [make_error()]) == []
    assert rows(connection, "SELECT ctime_ns, extractor_version > 0, attempts FROM file_errors") == [(30, True, 2)]


# Files that are no audio ---------------------------------------------------------------------------------------------


def test_a_file_that_is_no_audio_is_remembered(connection):
    assert rescan(connection, [make_other(A, size_bytes=7)]) == []
    assert rescan(connection, [make_other(A, size_bytes=8, mtime_ns=20, ctime_ns=30)]) == []
    query = "SELECT path, size_bytes, mtime_ns, ctime_ns, extractor_version > 0 FROM other_files"
    assert rows(connection, query) == [(A, 8, 20, 30, True)]


@pytest.mark.parametrize("item", [make_track(A), make_error(A)], ids=["track", "error"])
def test_until_it_is_something_else(connection, item):
    scan(connection, [make_other(A)])
    scan(connection, [item], twice=True)
    assert rows(connection, "SELECT FROM other_files") == []
    scan(connection, [make_other(A)], twice=True)
    assert rows(connection, "SELECT path FROM other_files") == [(A,)]
    assert rows(connection, "SELECT FROM file_errors") == []
    assert ids(connection) == {}


def test_a_track_whose_file_is_no_audio_any_more_is_missing_until_it_is_again(connection):
    scan(connection, [make_track(A)])
    track_id = ids(connection)[A]
    assert rescan(connection, [make_other(A, mtime_ns=9)]) == [(A, "missing", {})]
    assert rows(connection, "SELECT id, missing_since IS NULL FROM tracks") == [(track_id, False)]
    assert rescan(connection, [make_track(A)]) == [(A, "restored", {})]
    assert ids(connection) == {A: track_id}
