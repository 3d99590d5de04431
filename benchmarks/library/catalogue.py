"""An invented music library: artists, albums and tracks with the tags that taggers give them, from one seed."""

from __future__ import annotations

import random
import unicodedata
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from benchmarks.library import words
from benchmarks.library.genres import ID3V1_GENRES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.library.messages import Tags

_VARIOUS_ARTISTS = ("Various Artists", "89ad4ac3-39f7-470e-963a-56509c546377")
_ALBUMS_PER_ARTIST = 2.5
_COMPILATION_SHARE = 0.08
_MULTI_DISC_SHARE = 0.1
_SECOND_ARTIST_SHARE = 0.15
_LENGTH_MS = (40_000, 210_000, 500_000)  # shortest, usual, longest
_GENRES = tuple(ID3V1_GENRES)
_GENRE_JOINERS = ("; ", "/", ", ")


class Artist(NamedTuple):
    """A name, how it sorts, its MusicBrainz id."""

    name: str
    sort_name: str
    mbid: str


class Album(NamedTuple):
    """What all tracks of an album share."""

    artist: Artist
    title: str
    year: int
    discs: tuple[int, ...]  # tracks on each
    detail: str  # "full": all that Picard writes; "names": no ids; "sparse": no album artist either
    tags: Tags
    is_compilation: bool


class PlannedTrack(NamedTuple):
    """A track before it is a file."""

    album: Album
    disc: int
    number: int
    tags: Tags
    length_ms: int

    @property
    def title(self) -> str:
        """The title, or what stands in its place in a file name."""
        return self.tags["title"][0]


class Catalogue:
    """Makes artists as albums need them; the same seed gives the same library."""

    def __init__(self, seed: int, tracks_per_disc: tuple[int, int]) -> None:
        self._rng = random.Random(seed)
        self._tracks_per_disc = tracks_per_disc
        self._artists: list[Artist] = []
        self._names: set[str] = set()

    def tracks(self) -> Iterator[PlannedTrack]:
        """Yield tracks without end, album by album."""
        while True:
            album = self._album()
            for disc, count in enumerate(album.discs, 1):
                for number in range(1, count + 1):
                    yield self._track(album, disc, number)

    def _uuid(self) -> str:
        return str(UUID(int=self._rng.getrandbits(128), version=4))

    def _title(self, longest: int = 4) -> str:
        rng = self._rng
        if rng.random() < words.UNICODE_SHARE:
            title = f"{rng.choice(words.UNICODE_TITLES)} {rng.randrange(1000)}"
            return unicodedata.normalize(rng.choice(("NFC", "NFD")), title)
        return " ".join(rng.choices(words.WORDS, k=rng.randint(1, longest)))

    def _new_artist(self) -> Artist:
        """Invent a name that no other artist has, in any spelling that counts as the same."""
        rng = self._rng
        while True:
            first, last = words.artist_name(rng)
            name = f"{first} {last}".strip()
            key = unicodedata.normalize("NFKC", name).casefold()
            if key not in self._names:
                self._names.add(key)
                return Artist(name, f"{last}, {first}" if last else first, self._uuid())

    def _artist(self) -> Artist:
        if not self._artists or self._rng.random() < 1 / _ALBUMS_PER_ARTIST:
            self._artists.append(self._new_artist())
            return self._artists[-1]
        return self._rng.choice(self._artists)

    def _album(self) -> Album:
        rng = self._rng
        detail = rng.choices(("full", "names", "sparse"), (80, 13, 7))[0]
        is_compilation = rng.random() < _COMPILATION_SHARE
        artist = Artist(_VARIOUS_ARTISTS[0], *_VARIOUS_ARTISTS) if is_compilation else self._artist()
        discs = rng.randint(2, 3) if rng.random() < _MULTI_DISC_SHARE else 1
        counts = tuple(rng.randint(*self._tracks_per_disc) for _ in range(discs))
        title, year = self._title(), rng.randint(1955, 2024)
        # A number keeps two albums of one artist apart, since their titles are their identity.
        title = f"{title} {rng.randrange(100_000)}"
        tags = self._album_tags(artist, title, year, discs, is_compilation=is_compilation)
        return Album(artist, title, year, counts, detail, tags, is_compilation)

    def _album_tags(self, artist: Artist, title: str, year: int, discs: int, *, is_compilation: bool) -> Tags:
        rng = self._rng
        date = f"{year}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}"
        tags = {
            "album": [title],
            "albumartist": [artist.name],
            "albumartistsort": [artist.sort_name],
            "totaldiscs": [str(discs)],
            "date": [rng.choice((date, date, date[:4]))],
            "originaldate": [f"{year - rng.choice((0, 0, 0, 20))}{date[4:]}"],
            "label": [rng.choice(words.LABELS)],
            "catalognumber": [f"{rng.choice('ABCDEFG')}{rng.randrange(10_000):04}"],
            "barcode": [f"{rng.randrange(10**12):013}"],
            "media": [rng.choice(("CD", "Vinyl", "Digital Media"))],
            "releasecountry": [rng.choice(("GB", "US", "DE", "JP", "XW"))],
            "releasestatus": ["official"],
            "releasetype": rng.choice((["album"], ["ep"], ["album", "live"])),
            "musicbrainz_albumid": [self._uuid()],
            "musicbrainz_albumartistid": [artist.mbid],
            "musicbrainz_releasegroupid": [self._uuid()],
            "replaygain_album_gain": [f"{rng.randint(-1200, 300) / 100:.2f} dB"],
            "replaygain_album_peak": [f"{rng.randint(500_000, 1_100_000) / 1_000_000:.6f}"],
        }
        return tags | ({"compilation": ["1"]} if is_compilation else {})

    def _track(self, album: Album, disc: int, number: int) -> PlannedTrack:
        rng = self._rng
        length_ms = round(rng.triangular(_LENGTH_MS[0], _LENGTH_MS[2], _LENGTH_MS[1]))
        artist = self._artist() if album.is_compilation else album.artist
        tags: Tags = {
            "title": [self._title()],
            "tracknumber": [str(number)],
            "totaltracks": [str(album.discs[disc - 1])],
            "discnumber": [str(disc)],
            **self._artist_tags(artist),
            "genre": self._genres(),
            **album.tags,
            "artistsort": [artist.sort_name],
            "composer": [rng.choice(self._artists).name if self._artists else artist.name],
            "isrc": [f"GB{rng.choice('ABC')}XY{rng.randrange(10**7):07}"],
            "replaygain_track_gain": [f"{rng.randint(-1200, 300) / 100:.2f} dB"],
            "replaygain_track_peak": [f"{rng.randint(500_000, 1_100_000) / 1_000_000:.6f}"],
            "musicbrainz_recordingid": [self._uuid()],
            "musicbrainz_trackid": [self._uuid()],
        }
        return PlannedTrack(album, disc, number, _with_detail(tags, album.detail), length_ms)

    def _artist_tags(self, artist: Artist) -> Tags:
        """Return one artist, or two in one of the ways that taggers write two."""
        if self._rng.random() >= _SECOND_ARTIST_SHARE:
            return {"artist": [artist.name], "musicbrainz_artistid": [artist.mbid]}
        guest = self._artist()
        if guest == artist:
            guest = self._new_artist()
        ids = {"musicbrainz_artistid": [artist.mbid, guest.mbid]}
        if self._rng.random() < 1 / 2:
            return {"artist": [artist.name, guest.name], **ids}
        joined = f"{artist.name} feat. {guest.name}"
        return {"artist": [joined], "artists": [artist.name, guest.name], **ids}

    def _genres(self) -> list[str]:
        genres = self._rng.sample(_GENRES, self._rng.choice((1, 1, 2, 3)))
        return [self._rng.choice(_GENRE_JOINERS).join(genres)] if self._rng.random() < 1 / 4 else genres


_SPARSE = ("title", "artist", "album", "tracknumber", "date", "genre")


def _with_detail(tags: Tags, detail: str) -> Tags:
    """Return what taggers of that care write; those without ids are from another system and decompose names."""
    if detail == "full":
        return tags
    if detail == "names":
        return {
            name: [unicodedata.normalize("NFD", value) for value in values]
            for name, values in tags.items()
            if not name.startswith("musicbrainz_")
        }
    return {name: tags[name] for name in _SPARSE}
