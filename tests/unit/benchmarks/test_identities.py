from __future__ import annotations

from pathlib import Path

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import LibraryFile
from benchmarks.library.identities import identities

FLAC = FORMATS["flac"]
STREAM = FLAC.render({}).stream


def track(folder="/music/a", **tags):
    held = {name: value if isinstance(value, list) else [value] for name, value in tags.items()}
    return LibraryFile(Path(folder, "x.flac"), FLAC, held, STREAM, has_cover=False, cover_path=None)


def test_spellings_of_a_name_are_one_artist():
    files = [track(artist="Bjo\u0308rk  G"), track(artist="BJÖRK g")]
    assert identities(files).artists == {"björk g"}


def test_a_bare_name_is_its_only_musicbrainz_namesake():
    files = [track(artist="A", musicbrainz_artistid="id"), track(artist="a")]
    assert identities(files).artists == {"id"}


def test_a_bare_name_with_two_namesakes_stays_one_of_its_own():
    ids = [track(artist="A", musicbrainz_artistid=mbid) for mbid in ("one", "two")]
    assert identities([*ids, track(artist="A")]).artists == {"one", "two", "a"}


def test_albums_without_album_artist_are_told_apart_by_folder_but_not_by_disc():
    folders = ("/music/a/CD1", "/music/a/Disc 2", "/music/b", "/music/1999 - c (Disc 1)", "/music/1999 - c (Disc 2)")
    assert len(identities([track(folder, album="Hits") for folder in folders]).albums) == 3


def test_genres_are_split_and_folded():
    assert identities([track(genre="Rock; jazz"), track(genre=["ROCK", "Jazz"])]).genres == {"rock", "jazz"}
