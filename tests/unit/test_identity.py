from __future__ import annotations

import re
from uuid import NAMESPACE_DNS, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniquescan.database.sql import read_sql
from soniquescan.identity import VARIOUS_ARTISTS, Kind, album_folder, album_id, artist_id, genre_id, make_id, text_id
from tests.tracks import MBID, OTHER_MBID


@given(kind=st.sampled_from(Kind), name=st.text())
def test_ids_are_version_5_uuids(kind, name):
    namespace = uuid5(NAMESPACE_DNS, f"{kind.value}.soniquescan")
    assert uuid5(namespace, name).bytes == make_id(kind, name.encode())


def test_ids_stay_the_same_for_ever():
    """Whatever refers to them, in other databases too, depends on it."""
    assert UUID("dc1422f6-0a37-5d86-9e1c-91b90926840d") == UUID(bytes=artist_id("Björk", None))
    assert UUID("65de77ca-39ef-5062-983e-6b052b43e135") == UUID(bytes=artist_id("Björk", MBID))
    assert UUID("e3345e03-5f6d-59ef-a5cb-1bfdf10bf5b6") == UUID(bytes=genre_id("Rock"))
    assert UUID("420ca8fb-7daa-59d8-ad5a-9a5c70348d0f") == UUID(bytes=album_id("Gold", "ABBA", None, b"/music"))


@pytest.mark.parametrize(
    ("one", "other"),
    [("ABBA", "Abba"), ("Sigur Rós", "SIGUR RO\u0301S"), ("The  Beatles ", "The Beatles"), ("Straße", "STRASSE")],
)
def test_spellings_of_a_name_are_one_artist_and_one_genre(one, other):
    assert artist_id(one, None) == artist_id(other, None)
    assert genre_id(one) == genre_id(other)


def test_an_artist_with_a_musicbrainz_id_is_that_whatever_its_name():
    assert artist_id("Prince", MBID) == artist_id("The Artist", MBID)
    assert artist_id("Prince", MBID) != artist_id("Prince", OTHER_MBID)
    assert artist_id("Prince", MBID) != artist_id("Prince", None)


def test_no_name_has_the_id_of_a_musicbrainz_artist():
    assert artist_id(MBID, None) != artist_id("Prince", MBID)


def test_an_album_with_a_musicbrainz_id_is_that_wherever_it_lies():
    assert album_id("Gold", "ABBA", MBID, b"/a") == album_id("GOLD!", None, MBID, b"/b")


def test_an_album_is_its_album_artist_and_title_wherever_it_lies():
    assert album_id("Gold", "ABBA", None, b"/a") == album_id("GOLD", "Abba", None, b"/b")
    assert album_id("Greatest Hits", "ABBA", None, b"/a") != album_id("Greatest Hits", "Queen", None, b"/a")


def test_an_album_without_album_artist_is_its_folder_and_title():
    assert album_id("Hits", None, None, b"/a") == album_id("hits", None, None, b"/a")
    assert album_id("Hits", None, None, b"/a") != album_id("Hits", None, None, b"/b")


def test_parts_of_an_id_do_not_run_together():
    assert text_id(Kind.ALBUM, "a", "bc") != text_id(Kind.ALBUM, "ab", "c")


def test_a_name_of_megabytes_has_an_id_and_stays_in_no_cache():
    assert artist_id("a" * 3_000_000, None) == artist_id("A" * 3_000_000, None)


@pytest.mark.parametrize(
    "folder",
    ["CD1", "cd 01", "Disc 2", "Disk-3", "DVD_1", "CD.2", "disc #2", "[Disc 1]", "(CD 2)", "Disc 1 of 2",
     "Disc 2 - Live in Oslo", "CD1: Bonus", "CD 2 (Bonus)"],
)  # fmt: skip
def test_the_folder_of_a_disc_is_left_off(folder):
    assert album_folder(f"/music/Album/{folder}/01.flac".encode()) == b"/music/Album"


@pytest.mark.parametrize(
    "folder", ["CD", "Discovery", "Disco 2", "1", "CD1234", "Disc 2 Live", "LP1", "My CD 1", "Album (Disc 2)", "CDs 1"]
)
def test_other_folders_stay(folder):
    assert album_folder(f"/music/{folder}/01.flac".encode()) == f"/music/{folder}".encode()


def test_only_the_innermost_folder_is_left_off_and_never_the_last():
    assert album_folder(b"/music/CD 1/CD 2/01.flac") == b"/music/CD 1"
    assert album_folder(b"/CD 1/01.flac") == b"/CD 1"
    assert album_folder(b"/01.flac") == b""


def test_various_artists_in_the_schema_is_that_of_the_code():
    """Its ids stand in the SQL as constants."""
    own_id = artist_id(VARIOUS_ARTISTS, None)
    name_id = text_id(Kind.ARTIST_NAME, own_id.hex(), VARIOUS_ARTISTS, None)
    expected = {str(UUID(bytes=own_id)), str(UUID(bytes=name_id))}
    constants = set(re.findall(r"'([0-9a-f-]{36})'", read_sql("0001_schema") + read_sql("settle")))
    assert expected == constants
