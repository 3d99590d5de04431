from __future__ import annotations

import json
from uuid import UUID

import pytest

from soniquescan import albums, identity, rows
from soniquescan.extensions import EXTRACTOR_VERSION
from soniquescan.identity import artist_id
from soniquescan.messages import AudioStream, ErrorKind, FileError, NotAudio
from soniquescan.rows import names_of, spell, stat_of, weigh
from soniquescan.stages.extract import pack
from tests.copyrows import album_values, artist_links, artist_names, genre_links, genre_names, track_values
from tests.tracks import MBID, make_album, make_albumartist, make_credit, make_error, make_file, make_track

LONG = "x" * 100


def attributes(thing):
    return {name: getattr(thing, name) for name in dir(thing) if not name.startswith("_")}


def spelled(*args, **fields):
    (track,) = spell([make_track(*args, **fields)])
    return track


def test_an_artist_is_in_a_role_once_and_counted_from_1():
    people = (make_credit("ABBA"), make_credit("Abba"), make_credit("Cher"), make_credit("ABBA", role="composer"))
    track = spelled(credits=people)
    links = [(row["role"], row["position"]) for row in artist_links(track)]
    assert links == [("artist", 1), ("artist", 2), ("composer", 1)]
    assert [row["name"] for row in artist_names(track)] == ["ABBA", "Cher"]


def test_an_artist_and_a_genre_that_are_there_twice_keep_their_first_place():
    people = tuple(map(make_credit, ("ABBA", "Cher", "Abba")))
    track = spelled(credits=people, genres=("Rock", "Pop", "rock"))
    assert [row["name"] for row in artist_names(track)] == ["ABBA", "Cher"]
    assert [row["name"] for row in genre_names(track)] == ["Rock", "Pop"]


def test_positions_are_right_when_roles_are_mixed():
    track = spelled(credits=(make_credit("A"), make_credit("B", role="composer"), make_credit("C")))
    links = [(row["role"], row["position"]) for row in artist_links(track)]
    assert links == [("artist", 1), ("composer", 1), ("artist", 2)]


def test_links_are_with_the_artists_that_the_file_alone_identifies():
    track = spelled(credits=(make_credit("A"), make_credit("B", MBID)))
    names = {row["id"]: row for row in artist_names(track)}
    assert [names[row["artist_name_id"]]["name"] for row in artist_links(track)] == ["A", "B"]
    assert all(names[row["artist_name_id"]]["own_id"] == row["artist_id"] for row in artist_links(track))


def test_a_genre_is_on_a_track_once():
    track = spelled(genres=("Rock", "rock", "Pop"))
    assert [row["position"] for row in genre_links(track)] == [1, 2]
    assert [row["name"] for row in genre_names(track)] == ["Rock", "Pop"]
    assert [row["genre_name_id"] for row in genre_links(track)] == [row["id"] for row in genre_names(track)]
    assert [row["genre_id"] for row in genre_links(track)] == [row["genre_id"] for row in genre_names(track)]


def test_every_row_of_a_track_begins_with_its_number():
    track = spelled(credits=(make_credit("A"), make_credit("B")), genres=("Pop", "Rock"), number=77)
    numbered = [track_values(track), *artist_links(track), *genre_links(track)]
    assert [row["track_id"] for row in numbered] == [77] * 5


def test_an_artist_name_is_filed_under_its_id_and_its_key():
    (row,) = artist_names(spelled(artists=(make_credit("ABBA", MBID, sort_name="Abba"),)))
    ids = (row["artist_id"], row["own_id"], row["name_key"])
    own_id, key = (str(UUID(bytes=each)) for each in (artist_id("ABBA", MBID), artist_id("abba", None)))
    assert (own_id, own_id, key) == ids
    assert (row["name"], row["sort_name"], row["musicbrainz_artistid"]) == ("ABBA", "Abba", MBID)


def test_spellings_of_an_artist_are_several_names():
    found = [artist_names(spelled(artists=(name,)))[0] for name in ("ABBA", "Abba")]
    assert len({row["id"] for row in found}) == 2
    assert len({row["own_id"] for row in found}) == 1


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
    first, second = spell([make_track("/a/1", album=make_album()), other])
    assert first.album.id != second.album.id


def test_disc_folders_are_one_folder():
    first, second = (spelled(f"/a/CD {n}/1", album=make_album()) for n in (1, 2))
    assert first.album == second.album


def test_a_track_without_album_has_none():
    track = spelled()
    assert track.album is None
    assert (track_values(track)["album_tags_id"], track_values(track)["album_id"]) == (None, None)


def test_rows_have_their_columns_values():
    album = make_album("Gold", albumartists=(make_albumartist("ABBA", MBID),), label="Polar", year=1992)
    spelled_track = spelled("/a/1", album=album, title="One", has_cover=True, cover_path=b"/a/cover.jpg", bpm=0.5)
    track, tags = track_values(spelled_track), album_values(spelled_track)
    assert (track["path"], track["title"], track["has_cover"], track["container"]) == ("/a/1", "One", True, "flac")
    assert (track["cover_name"], track["extractor_version"], track["bpm"]) == ("cover.jpg", EXTRACTOR_VERSION, 0.5)
    assert (track["album_tags_id"], track["album_id"]) == (tags["id"], tags["own_id"])
    assert (tags["title"], tags["albumartist"], tags["label"], tags["year"]) == ("Gold", "ABBA", "Polar", 1992)
    assert (tags["albumartists_paired"], tags["cover_path"], tags["album_id"]) == (True, "/a/cover.jpg", tags["own_id"])


def test_no_column_is_forgotten():
    """Each field of what was read is a column, but for those that become rows of other tables."""
    fields = {*AudioStream._fields, *make_track().tags._fields} - {"genres", "credits", "album"}
    assert fields <= set(rows.TRACK_COLUMNS)
    assert len(rows.TRACK_COLUMNS) == len(set(rows.TRACK_COLUMNS))


def test_a_file_without_a_picture_beside_it_has_no_cover_name():
    assert track_values(spelled())["cover_name"] is None


def test_tags_are_json():
    tags = {"ripper": ['"a"\\', "\t\n\u2028 é 😀"], "empty": []}
    assert tags == json.loads(track_values(spelled(tags=tags))["tags"])


def test_numbers_of_64_bits_without_sign_fit_into_bigint():
    far_future = 15_000_000_000 * 10**9  # the year 2445 in nanoseconds: ext4 goes so far
    row = track_values(spelled(inode=2**64 - 1, device=2**63, mtime_ns=far_future))
    assert (-1, -(2**63), far_future - 2**64) == (row["inode"], row["device"], row["mtime_ns"])


def test_a_path_that_is_no_utf8_becomes_text():
    assert track_values(spelled(b"/\xff"))["path"] == "/\uf7ff"


def test_the_stat_of_a_file_is_found_again():
    track = spelled("/ä/\uf780", size_bytes=1, mtime_ns=2**40, ctime_ns=3)
    assert stat_of(track.row) == (1, 2**40, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"lyrics": LONG},
        {"moods": ("calm", LONG)},
        {"genres": (LONG,)},
        {"credits": (make_credit("A", sort_name=LONG),)},
        {"album": make_album(label=LONG)},
        {"album": make_album(release_types=(LONG,))},
        {"tags": {"ripper": ["a", LONG]}},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_text_weighs_what_it_holds_wherever_it_is(fields):
    assert weigh(make_track(**fields).tags) in range(len(LONG), len(LONG) + 50)


def test_what_a_track_refers_to_is_found_again():
    album = make_album(albumartists=(make_albumartist("Cher"), make_albumartist("Kylie")))
    tracks = [
        make_track("/1", artists=("ABBA", "Benny"), genres=("Pop", "Disco"), album=album),
        make_track("/2", artists=("Cher",), genres=("Pop",)),
        make_track("/3"),
    ]
    packed = pack(tracks)
    for place, track in enumerate(tracks):
        assert names_of(packed.tracks.at([place]), packed.names) == pack([track]).names
    assert names_of(packed.tracks, packed.names) == packed.names


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
    keys = [track_values(spelled(**fields))["links_key"] for fields in (before, before, after)]
    assert keys[0] == keys[1] != keys[2]


def test_what_is_no_track_passes():
    others = [make_error(), NotAudio(make_file())]
    assert list(spell(others)) == others


@pytest.mark.parametrize("fields", [{"title": "\ud800"}, {"track_number": 2**31}, {"musicbrainz_trackid": "x"}])
def test_what_no_column_holds_is_an_error_of_its_file(fields):
    (error,) = spell([make_track("/a", size_bytes=1, mtime_ns=2, ctime_ns=3, **fields)])
    assert isinstance(error, FileError)
    assert (error.path, error.stage, error.kind, *error[4:]) == (b"/a", "extract", ErrorKind.INTERNAL, 1, 2, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"artists": ("y" * 9000,)},
        {"artists": (make_credit("A", sort_name="y" * 9000),)},
        {"genres": ("y" * 9000,)},
        {"album": make_album(label="y" * 9000)},
        {"album": make_album(release_types=("y" * 9000,))},
        {"album": make_album(albumartists=(make_albumartist("y" * 9000),), albumartist="A")},
        {"lyrics": "y" * 9000},
        {"artist": "y" * 9000},
    ],
)
def test_no_memory_holds_long_texts(fields):
    memories = (rows._albums, rows._persons, rows._genres, rows._genre_links, rows._shared, rows._rare)
    spelled(**fields)
    for memory in (*memories, albums._artist_names, identity._named_ids):
        for key, made in memory._made.items():
            assert "y" * 9000 not in repr((key, made, attributes(made)))
