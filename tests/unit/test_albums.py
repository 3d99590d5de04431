from __future__ import annotations

import pytest

from soniquescan.albums import album_from_row, album_rows, artist_name_row
from soniquescan.identity import Kind, artist_id, make_id
from soniquescan.messages import ALBUM_TAGS_COLUMNS
from tests.tracks import MBID, OTHER_MBID, make_album, make_albumartist

ALBUMS = [
    make_album("Gold"),
    make_album("Gold", albumartists=(make_albumartist("ABBA"),), year=1992, date="1992-09-21"),
    make_album(
        "Gold", albumartists=(make_albumartist("ABBA", MBID),), compilation=True, release_types=("album", "live")
    ),
    make_album("Gold", albumartists=(make_albumartist("ABBA", MBID), make_albumartist("Cher")), compilation=False),
    make_album("Gold", albumartists=(make_albumartist("ABBA")._replace(sort_name="Abba"),), sort_title=""),
    make_album("Gold", albumartist="ABBA", musicbrainz_albumid=OTHER_MBID, musicbrainz_releasegroupid=MBID),
]


def columns(row):
    """Return a row as the table has it: arrays as lists."""
    values = dict(zip(ALBUM_TAGS_COLUMNS, (*row[:-1], *row.said), strict=True))
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def there_and_back(album, folder=b"/music/a", cover_path=None):
    rows = album_rows(album, folder, cover_path)
    artists = [(name.name, name.sort_name, name.musicbrainz_artistid) for name in rows.artist_names]
    return album_from_row(columns(rows.row), artists)


@pytest.mark.parametrize("album", ALBUMS)
def test_what_was_said_is_known_from_its_rows(album):
    assert there_and_back(album) == album
    assert there_and_back(album, b"/music/\xff", b"/music/\xff/cover.jpg") == album


def test_each_saying_has_an_id_of_its_own():
    ids = {album_rows(album, b"/a", None).row.id for album in ALBUMS}
    assert len(ids) == len(ALBUMS)


def test_folder_and_cover_are_part_of_the_id():
    album = make_album("Gold", albumartist="ABBA")
    places = [(b"/a", None), (b"/b", None), (b"/a", b"/a/cover.jpg"), (b"/a", b"/a/front.jpg")]
    rows = [album_rows(album, *place).row for place in places]
    assert len({row.id for row in rows}) == 4
    assert len({row.own_id for row in rows}) == 1
    assert [row.folder_key for row in rows] == [make_id(Kind.FOLDER, folder) for folder, _ in places]


def test_album_artists_are_paired_if_each_has_an_id():
    both = (make_albumartist("ABBA", MBID), make_albumartist("Cher", OTHER_MBID))
    paired = [album_rows(make_album(albumartists=people), b"/a", None).row for people in ((), both[:1], both)]
    half = album_rows(make_album(albumartists=(both[0], make_albumartist("Cher"))), b"/a", None).row
    assert [row.albumartists_paired for row in (*paired, half)] == [False, True, True, False]


def test_an_artist_name_is_of_an_artist_in_a_spelling():
    plain, sorted_, other = (
        artist_name_row(*name) for name in (("ABBA", None, MBID), ("ABBA", "Abba", MBID), ("Abba", None, MBID))
    )
    assert len({plain.id, sorted_.id, other.id}) == 3
    assert {row.own_id for row in (plain, sorted_, other)} == {artist_id("", MBID)}
    assert {row.name_key for row in (plain, sorted_, other)} == {artist_id("abba", None)}
