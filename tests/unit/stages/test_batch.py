from __future__ import annotations

import json
from itertools import chain

import pytest

from soniquescan import albums
from soniquescan.extensions import EXTRACTOR_VERSION
from soniquescan.identity import artist_id
from soniquescan.messages import ALBUM_TAGS_COLUMNS, TRACK_COLUMNS, ErrorKind, NotAudio
from soniquescan.stages import batch as batch_stage
from soniquescan.stages.batch import batch
from tests.tracks import MBID, make_album, make_albumartist, make_credit, make_error, make_file, make_track


def one_batch(*items):
    (only,) = batch(items, scan_id=7)
    return only


def row_of(columns, row):
    return dict(zip(columns, (*row[:-1], *row[-1]), strict=True))


def test_nothing_gives_no_batch():
    assert list(batch([], scan_id=1)) == []


def test_each_name_is_in_a_batch_once():
    tracks = [make_track(f"/{n}", artists=("ABBA",), genres=("Pop",), album=make_album()) for n in range(3)]
    rows = one_batch(*tracks)
    assert (len(rows.artist_names), len(rows.genre_names), len(rows.album_tags)) == (1, 1, 1)
    assert [row.number for row in rows.track_artists] == [0, 1, 2]


def test_each_batch_names_all_that_its_tracks_refer_to(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 1)
    album = make_album(albumartists=(make_albumartist("Cher"),))
    batches = list(batch([make_track(f"/{n}", artists=("ABBA",), album=album) for n in range(3)], scan_id=1))
    assert [[row.name for row in each.artist_names] for each in batches] == [["ABBA", "Cher"]] * 3
    assert all(each.tracks[0].album_tags_id == each.album_tags[0].id for each in batches)


def test_a_track_that_comes_twice_is_written_once():
    assert len(one_batch(make_track("/a"), make_track("/a")).tracks) == 1


def test_an_artist_is_in_a_role_once_and_counted_from_1():
    people = [make_credit("ABBA"), make_credit("Abba"), make_credit("Cher"), make_credit("ABBA", role="composer")]
    rows = one_batch(make_track(credits=tuple(people)))
    assert [(row.role, row.position) for row in rows.track_artists] == [("artist", 1), ("artist", 2), ("composer", 1)]
    assert [row.name for row in rows.artist_names] == ["ABBA", "Cher"]


def test_positions_are_right_when_roles_are_mixed():
    people = (make_credit("A"), make_credit("B", role="composer"), make_credit("C"))
    rows = one_batch(make_track(credits=people))
    assert [(row.role, row.position) for row in rows.track_artists] == [("artist", 1), ("composer", 1), ("artist", 2)]


def test_a_genre_is_on_a_track_once():
    rows = one_batch(make_track(genres=("Rock", "rock", "Pop")))
    assert [row.position for row in rows.track_genres] == [1, 2]
    assert [row.name for row in rows.genre_names] == ["Rock", "Pop"]


def test_an_artist_name_is_filed_under_its_id_and_its_key():
    (row,) = one_batch(make_track(artists=(make_credit("ABBA", MBID, sort_name="Abba"),))).artist_names
    assert (artist_id("ABBA", MBID), artist_id("abba", None)) == (row.own_id, row.name_key)
    assert (row.name, row.sort_name, row.musicbrainz_artistid) == ("ABBA", "Abba", MBID)


def test_spellings_of_an_artist_are_several_names():
    rows = one_batch(make_track("/1", artists=("ABBA",)), make_track("/2", artists=("Abba",)))
    assert len({row.id for row in rows.artist_names}) == 2
    assert len({row.own_id for row in rows.artist_names}) == 1


@pytest.mark.parametrize(
    "other",
    [
        make_track("/a/2", album=make_album(label="Polar")),
        make_track("/a/2", album=make_album(release_types=("album",))),
        make_track("/a/2", album=make_album(albumartists=(make_albumartist("ABBA"),))),
        make_track("/a/2", album=make_album(), cover_path=b"/a/cover.jpg"),
        make_track("/b/2", album=make_album()),
    ],
)
def test_files_that_say_something_else_of_their_album_are_told_apart(other):
    rows = one_batch(make_track("/a/1", album=make_album()), other)
    assert len(rows.album_tags) == 2


def test_disc_folders_are_one_folder():
    rows = one_batch(make_track("/a/CD 1/1", album=make_album()), make_track("/a/CD 2/1", album=make_album()))
    assert len(rows.album_tags) == 1


def test_a_track_without_album_has_none():
    rows = one_batch(make_track())
    assert rows.tracks[0].album_tags_id is None
    assert rows.album_tags == []


def test_rows_have_their_columns_values():
    album = make_album("Gold", albumartists=(make_albumartist("ABBA", MBID),), label="Polar", year=1992)
    rows = one_batch(make_track("/a/1", album=album, title="One", has_cover=True, cover_path=b"/a/cover.jpg"))
    track, tags = row_of(TRACK_COLUMNS, rows.tracks[0]), row_of(ALBUM_TAGS_COLUMNS, rows.album_tags[0])
    assert (track["path"], track["title"], track["has_cover"], track["container"]) == ("/a/1", "One", True, "flac")
    assert (tags["title"], tags["albumartist"], tags["label"], tags["year"]) == ("Gold", "ABBA", "Polar", 1992)
    assert (tags["albumartists_paired"], tags["cover_path"]) == (True, "/a/cover.jpg")
    assert (track["cover_name"], track["extractor_version"]) == ("cover.jpg", EXTRACTOR_VERSION)


def test_a_file_without_a_picture_beside_it_has_no_cover_name():
    assert one_batch(make_track()).tracks[0].cover_name is None


def test_tags_are_json():
    tags = {"ripper": ['"a"\\', "\t\n\u2028 é 😀"], "empty": []}
    assert tags == json.loads(one_batch(make_track(tags=tags)).tracks[0].tags)


def test_numbers_of_64_bits_without_sign_fit_into_bigint():
    far_future = 15_000_000_000 * 10**9  # the year 2445 in nanoseconds: ext4 goes so far
    (row,) = one_batch(make_track(inode=2**64 - 1, device=2**63, mtime_ns=far_future)).tracks
    assert (-1, -(2**63), far_future - 2**64) == (row.inode, row.device, row.mtime_ns)
    (row,) = one_batch(make_error(mtime_ns=far_future, ctime_ns=far_future)).file_errors
    assert (far_future - 2**64, far_future - 2**64) == (row.mtime_ns, row.ctime_ns)
    (row,) = one_batch(NotAudio(make_file(mtime_ns=far_future, ctime_ns=far_future))).other_files
    assert (far_future - 2**64, far_future - 2**64) == (row.mtime_ns, row.ctime_ns)


def test_a_path_that_is_no_utf8_becomes_text():
    assert one_batch(make_track(b"/\xff")).tracks[0].path == "/\uf7ff"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"artists": ("A",)}, {"artists": ("A", "B")}),
        ({"artists": ("A",)}, {"artists": (make_credit("A", MBID),)}),
        ({"artists": ("A",)}, {"artists": (make_credit("A", role="composer"),)}),
        ({"artists": ("A",)}, {"artists": (make_credit("A", sort_name="a"),)}),
        ({"genres": ("Pop", "Rock")}, {"genres": ("Rock", "Pop")}),
        ({"genres": ("Pop",)}, {"genres": ()}),
    ],
)
def test_links_key_tells_whether_links_changed(before, after):
    keys = [one_batch(make_track(**fields)).tracks[0].links_key for fields in (before, before, after)]
    assert keys[0] == keys[1] != keys[2]


def test_a_batch_ends_at_its_number_of_tracks(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 2)
    batches = list(batch([make_track(f"/{n}") for n in range(5)], scan_id=1))
    assert [len(each.tracks) for each in batches] == [2, 2, 1]


@pytest.mark.parametrize(
    "fields",
    [
        {"comment": "x" * 600},
        {"tags": {"a": ["x" * 600]}},
        {"genres": ("x" * 600,)},
        {"artists": ("x" * 600,)},
        {"album": make_album("x" * 600)},
        {"album": make_album(albumartists=(make_albumartist("x" * 600),))},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_batch_ends_at_its_amount_of_text(monkeypatch, fields):
    monkeypatch.setattr(batch_stage, "BATCH_CHARACTERS", 500)
    batches = list(batch([make_track("/1", **fields), make_track("/2")], scan_id=1))
    assert [len(each.tracks) for each in batches] == [1, 1]


def test_the_errors_of_a_track_stay_in_its_batch(monkeypatch):
    """Else the first would end what a scan before has noted of them."""
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 1)
    errors = [make_error("/1", ErrorKind.TRUNCATED), make_error("/1", ErrorKind.MALFORMED_TAGS)]
    first, second = batch([make_track("/1"), *errors, make_error("/2")], scan_id=1)
    assert [row.path for row in first.file_errors] == ["/1", "/1"]
    assert [row.path for row in second.file_errors] == ["/2"]


def test_errors_alone_end_a_batch_too(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 2)
    batches = list(batch([make_error(f"/{n}") for n in range(5)], scan_id=1))
    assert [len(each.file_errors) for each in batches] == [2, 2, 1]


def test_an_error_has_the_stat_of_its_file_where_there_is_one():
    read = make_error("/1", size_bytes=1, mtime_ns=2, ctime_ns=3)
    walked = make_error("/2", stage="discover", size_bytes=None, mtime_ns=None, ctime_ns=None)
    rows = one_batch(read, walked).file_errors
    assert [row[5:] for row in rows] == [(1, 2, 3, EXTRACTOR_VERSION), (None, None, None, EXTRACTOR_VERSION)]


def test_what_is_no_audio_is_a_row_of_other_files():
    file = make_file(b"/\xff", size_bytes=1, mtime_ns=2, ctime_ns=3)
    rows = one_batch(NotAudio(file), NotAudio(file))
    assert rows.other_files == [("/\uf7ff", 1, 2, 3, EXTRACTOR_VERSION)]
    assert rows.tracks == rows.file_errors == rows.recognised == []


def test_other_files_alone_end_a_batch_too(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 2)
    batches = list(batch([NotAudio(make_file(f"/{n}")) for n in range(5)], scan_id=1))
    assert [len(each.other_files) for each in batches] == [2, 2, 1]


def test_the_text_of_other_files_ends_a_batch_too(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_CHARACTERS", 500)
    batches = list(batch([NotAudio(make_file(f"/{n}{'x' * 600}")) for n in range(2)], scan_id=1))
    assert [len(each.other_files) for each in batches] == [1, 1]


def test_of_one_kind_a_file_has_one_error():
    rows = one_batch(make_error("/1", message="first"), make_error("/1", message="second"))
    assert [row.message for row in rows.file_errors] == ["first"]


def test_rows_name_their_scan():
    rows = one_batch(make_error())
    assert (rows.scan_id, [row.scan_id for row in rows.file_errors]) == (7, [7])


@pytest.mark.parametrize(
    ("cache", "fields"),
    [
        (albums._cached_artist_name_row, {"artists": ("y" * 2000,)}),
        (albums._cached_artist_name_row, {"artists": (make_credit("A", sort_name="y" * 2000),)}),
        (batch_stage._cached_genre_name, {"genres": ("y" * 2000,)}),
        (albums._cached_album_rows, {"album": make_album(label="y" * 2000)}),
        (albums._cached_album_rows, {"album": make_album(release_types=("y" * 2000,))}),
        (
            albums._cached_album_rows,
            {"album": make_album(albumartists=(make_albumartist("y" * 2000),), albumartist="A")},
        ),
    ],
)
def test_no_cache_holds_long_texts(cache, fields):
    before = cache.cache_info().currsize
    one_batch(make_track(**fields))
    assert before == cache.cache_info().currsize


def test_ids_are_bytes_of_uuids():
    rows = one_batch(make_track(artists=("A",), genres=("G",), album=make_album()))
    ids = chain.from_iterable(
        (row.id for row in table) for table in (rows.artist_names, rows.genre_names, rows.album_tags)
    )
    assert {16} == {len(each) for each in ids}
