"""What was read of a file as rows of our tables, spelled as binary COPY has them.

The files of an album have most of what they say in common, so what is spelled once is remembered: the album, the people
and genres, and two groups of columns. A track's other columns are spelled one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from struct import Struct
from typing import Any, Final

from soniquescan import copyformat
from soniquescan.albums import AlbumRows, album_rows, artist_name_row, count_characters
from soniquescan.copyformat import NULL
from soniquescan.extensions import EXTRACTOR_VERSION
from soniquescan.identity import Kind, album_folder, genre_id, make_id, text_id
from soniquescan.memo import Memo
from soniquescan.messages import (
    ALBUM_TAGS_COLUMNS,
    AlbumTags,
    ArtistNameRow,
    AudioStream,
    Credit,
    ErrorKind,
    FileError,
    GenreNameRow,
    Names,
    NotAudio,
    SpelledAlbum,
    Track,
    Tracks,
    TrackTags,
)
from soniquescan.text import path_to_text, signed

# --- columns ------------------------------------------------------------------------------------------------------

# How a column is spelled, unless it is text; a test holds it against the tables.
_SPELLS: Final[dict[str, Callable[[Any], bytes]]] = {
    **dict.fromkeys(
        (
            "id", "own_id", "artist_id", "genre_id", "album_id", "album_tags_id", "artist_name_id", "genre_name_id",
            "name_key", "title_key", "folder_key", "links_key", "albumartist_key",
            "musicbrainz_artistid", "musicbrainz_albumid", "musicbrainz_releasegroupid",
            "musicbrainz_recordingid", "musicbrainz_trackid", "audio_md5",
        ),
        copyformat.uuid,
    ),
    **dict.fromkeys(
        (
            "position", "year", "original_year", "track_number", "track_total", "disc_number", "disc_total",
            "movement_number", "movement_total", "bits_per_sample", "channels", "extractor_version",
        ),
        copyformat.int4,
    ),
    **dict.fromkeys(
        (
            "scan_id", "track_id", "root_id", "size_bytes", "mtime_ns", "ctime_ns", "inode", "device",
            "length_ms", "bitrate_bps", "sample_rate_hz",
        ),
        copyformat.int8,
    ),
    **dict.fromkeys(
        (
            "bpm", "replaygain_track_gain_db", "replaygain_track_peak",
            "replaygain_album_gain_db", "replaygain_album_peak",
        ),
        copyformat.float8,
    ),
    **dict.fromkeys(("isrcs", "moods", "release_types"), copyformat.texts),
    **dict.fromkeys(("compilation", "has_cover", "albumartists_paired"), copyformat.boolean),
    "albumartist_names": copyformat.uuids,
    "tags": copyformat.jsonb,
}  # fmt: skip

ARTIST_NAME_COLUMNS: Final[tuple[str, ...]] = ("artist_id", *ArtistNameRow._fields)
GENRE_NAME_COLUMNS: Final[tuple[str, ...]] = GenreNameRow._fields
ALBUM_COLUMNS: Final[tuple[str, ...]] = ("album_id", *ALBUM_TAGS_COLUMNS)
# The file's number comes first, here and in TRACK_COLUMNS.
TRACK_ARTIST_COLUMNS: Final[tuple[str, ...]] = ("position", "artist_id", "role", "artist_name_id")
TRACK_GENRE_COLUMNS: Final[tuple[str, ...]] = ("position", "genre_id", "genre_name_id")

# The columns of `tracks`, in the order in which they are spelled: those of the file and of what it refers to;
_FILE_COLUMNS: Final = (
    "path", "root_id", "size_bytes", "mtime_ns", "ctime_ns", "inode", "device", "cover_name", "extractor_version",
    "album_tags_id", "album_id", "links_key", "tags",
)  # fmt: skip
# and those of the stream and the tags, in three groups: see `TrackTags`. Of the stream, length, bit rate and checksum
# are of each track.
_SHARED_START: Final = TrackTags._fields.index("disc_number")
_RARE_START: Final = TrackTags._fields.index("title_sort")
_TAGS_END: Final = TrackTags._fields.index("genres")


def _own_of(stream: tuple[Any, ...], tags: tuple[Any, ...]) -> tuple[Any, ...]:
    return stream[2:4] + stream[7:] + tags[:_SHARED_START]


def _shared_of(stream: tuple[Any, ...], tags: tuple[Any, ...]) -> tuple[Any, ...]:
    return stream[:2] + stream[4:7] + tags[_SHARED_START:_RARE_START]


def _rare_of(tags: tuple[Any, ...]) -> tuple[Any, ...]:
    return tags[_RARE_START:_TAGS_END]


_OWN: Final = _own_of(AudioStream._fields, TrackTags._fields)
_SHARED: Final = _shared_of(AudioStream._fields, TrackTags._fields)
_RARE: Final = _rare_of(TrackTags._fields)
TRACK_COLUMNS: Final[tuple[str, ...]] = _FILE_COLUMNS + _OWN + _SHARED + _RARE


def spells_of(columns: tuple[str, ...]) -> tuple[Callable[[Any], bytes], ...]:
    """Return how the values of these columns are spelled."""
    return tuple(_SPELLS.get(column, copyformat.text) for column in columns)


def _made_size(_key: object, made: bytes) -> int:
    return len(made)


def _remembered(columns: tuple[str, ...]) -> Memo[tuple[Any, ...], bytes]:
    spells = spells_of(columns)
    return Memo(lambda values: copyformat.fields(spells, values), size=_made_size)


_OWN_SPELLS: Final = spells_of(_OWN)
_shared: Final = _remembered(_SHARED)
_rare: Final = _remembered(_RARE)

# How rows begin: with how many fields they have, of which the file's number is the first.
_TRACK: Final = copyformat.start(1 + len(TRACK_COLUMNS))
_TRACK_ARTIST: Final = copyformat.start(1 + len(TRACK_ARTIST_COLUMNS))
_TRACK_GENRE: Final = copyformat.start(1 + len(TRACK_GENRE_COLUMNS))
_STAT: Final = Struct("!" + "iq" * 6)  # root_id, size_bytes, mtime_ns, ctime_ns, inode and device, each 8 bytes long
_pack_stat: Final = _STAT.pack
_NO_ALBUM: Final = NULL + NULL
_NO_TAGS: Final = copyformat.jsonb("{}")

PEOPLE: Final = 16_384  # in roles, remembered by each worker; of about 600 bytes each

_encode_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


# --- tracks -------------------------------------------------------------------------------------------------------


class SpelledTrack:
    """One audio file, read: rows as binary COPY has them, and what they refer to.

    The first column of each row is the file's number.
    """

    def __init__(  # noqa: PLR0913
        self,
        path: bytes,
        row: bytes,  # of tracks
        artists: bytes,  # rows of track_artists
        genres: bytes,  # rows of track_genres
        album: SpelledAlbum | None,
        artist_names: dict[bytes, bytes],  # rows by their ids, as genre_names
        genre_names: dict[bytes, bytes],
    ) -> None:
        self.path = path
        self.row = row
        self.artists = artists
        self.genres = genres
        self.album = album
        self.artist_names = artist_names
        self.genre_names = genre_names


def spell(items: Iterable[Track | FileError | NotAudio]) -> Iterator[SpelledTrack | FileError | NotAudio]:
    """Spell each track; one with a value that no column can hold becomes an error. All else passes through."""
    for item in items:
        yield _spell(item) if isinstance(item, Track) else item


def _spell(track: Track) -> SpelledTrack | FileError:
    try:
        return spell_track(track)
    except (ValueError, TypeError, OverflowError, copyformat.Unfit) as exc:
        file, message = track.file, f"the database cannot hold what was read of it: {exc}"
        stat = (file.size_bytes, file.mtime_ns, file.ctime_ns)
        return FileError(file.path, "extract", ErrorKind.INTERNAL, message.encode(errors="replace").decode(), *stat)


def spell_track(track: Track) -> SpelledTrack:
    """Return the rows of a track."""
    file, stream, tags = track
    path, root_id, size_bytes, mtime_ns, ctime_ns, inode, device, cover_path, number = file
    album = None if tags.album is None else album_of(tags.album, path, cover_path)
    people = _spell_people(tags.credits)
    genres = _genre_links[tags.genres]
    number_field = copyformat.int8(number)
    row = (
        _TRACK,
        number_field,
        copyformat.raw(path if path.isascii() else path_to_text(path).encode()),
        _pack_stat(
            8, root_id, 8, size_bytes, 8, signed(mtime_ns), 8, signed(ctime_ns), 8, signed(inode), 8, signed(device)
        ),
        _covers[cover_path],
        _NO_ALBUM if album is None else album.fields,
        copyformat.uuid(make_id(Kind.LINKS, people.said + genres.said)),
        copyformat.jsonb(_encode_json(tags.tags)) if tags.tags else _NO_TAGS,
        copyformat.fields(_OWN_SPELLS, _own_of(stream, tags)),
        _shared[_shared_of(stream, tags)],
        _rare[_rare_of(tags)],
    )
    return SpelledTrack(
        path,
        b"".join(row),
        _with_start(_TRACK_ARTIST + number_field, people.rows),
        _with_start(_TRACK_GENRE + number_field, genres.rows),
        album,
        people.names,
        genres.names,
    )


def _with_start(start: bytes, rows: list[bytes]) -> bytes:
    return start + start.join(rows) if rows else b""


def weigh(tags: TrackTags) -> int:
    """Return about how many bytes the rows of a track have that come from its tags."""
    return count_characters(tags) + sum([len(text) for texts in tags.tags.values() for text in texts])


def stat_of(row: bytes) -> tuple[int, int, int]:
    """Return size_bytes, mtime_ns and ctime_ns of the file of a row of `tracks`."""
    path_start = len(_TRACK + copyformat.int8(0))
    path_bytes = int.from_bytes(row[path_start : path_start + 4])
    numbers = _STAT.unpack_from(row, path_start + 4 + path_bytes)
    return numbers[3], numbers[5], numbers[7]


def names_of(tracks: Tracks, names: Names) -> Names:
    """Return those of `names` that some tracks refer to."""
    albums = _those_of(names.albums, _ids_in(tracks.rows, 1 + TRACK_COLUMNS.index("album_tags_id")))
    artist_ids = _ids_in(tracks.artists, 1 + TRACK_ARTIST_COLUMNS.index("artist_name_id"))
    for array in _ids_in(albums.values(), ALBUM_COLUMNS.index("albumartist_names")):
        artist_ids.update(copyformat.read_uuids(array))
    genre_ids = _ids_in(tracks.genres, 1 + TRACK_GENRE_COLUMNS.index("genre_name_id"))
    return Names(albums, _those_of(names.artists, artist_ids), _those_of(names.genres, genre_ids))


def _ids_in(rows: Iterable[bytes], column: int) -> set[bytes]:
    """Return what rows have in a column."""
    found = {fields[column] for several in rows for fields in copyformat.read_rows(several)}
    return {field for field in found if field is not None}


def _those_of(rows_by_id: dict[bytes, bytes], ids: set[bytes]) -> dict[bytes, bytes]:
    return {row_id: row for row_id, row in rows_by_id.items() if row_id in ids}


def _spell_cover(cover_path: bytes | None) -> bytes:
    """Return cover_name and extractor_version."""
    name = None if cover_path is None else path_to_text(cover_path.rpartition(b"/")[2])
    return copyformat.fields((copyformat.text, copyformat.int4), (name, EXTRACTOR_VERSION))


_covers: Final = Memo(_spell_cover, size=_made_size)


# --- albums -------------------------------------------------------------------------------------------------------

_ALBUM_SPELLS: Final = spells_of(ALBUM_COLUMNS)
_ARTIST_NAME_SPELLS: Final = spells_of(ARTIST_NAME_COLUMNS)


def album_of(tags: AlbumTags, path: bytes, cover_path: bytes | None) -> SpelledAlbum:
    """Return what the file at `path` says about its album."""
    return _albums[tags, album_folder(path), cover_path]


def spell_album(rows: AlbumRows) -> SpelledAlbum:
    """Return the row of what a file says about its album; the album that it alone identifies is the album for now."""
    row = rows.row
    return SpelledAlbum(
        row.id,
        copyformat.uuid(row.id) + copyformat.uuid(row.own_id),
        copyformat.row(_ALBUM_SPELLS, (row.own_id, *row[:-1], *row.said)),
        {name.id: _spell_artist_name(name) for name in rows.artist_names},
    )


def _spell_album(key: tuple[AlbumTags, bytes, bytes | None]) -> SpelledAlbum:
    return spell_album(album_rows(*key))


def _album_size(_key: object, album: SpelledAlbum) -> int:
    return (len(album.row) + sum([len(row) for row in album.artist_names.values()])) // 8  # 800 bytes are ordinary here


_albums: Final = Memo(_spell_album, size=_album_size)


def _spell_artist_name(row: ArtistNameRow) -> bytes:
    name_id, own_id, name, sort_name, musicbrainz_artistid, name_key = row  # in 0.7 of the time of `(row.own_id, *row)`
    values = (own_id, name_id, own_id, name, sort_name, musicbrainz_artistid, name_key)
    return copyformat.row(_ARTIST_NAME_SPELLS, values)


# --- people and genres --------------------------------------------------------------------------------------------

_TRACK_ARTIST_SPELLS: Final = spells_of(TRACK_ARTIST_COLUMNS[1:])
_TRACK_GENRE_SPELLS: Final = spells_of(TRACK_GENRE_COLUMNS[1:])
_GENRE_NAME_SPELLS: Final = spells_of(GENRE_NAME_COLUMNS)


class _Links:
    """What tracks are linked with, in their order."""

    def __init__(self, rows: list[bytes], names: dict[bytes, bytes], said: bytes) -> None:
        self.rows = rows  # without the track's number
        self.names = names  # rows of artist_names or genre_names by their ids
        self.said = said  # tells whether they have changed


class _Person:
    """An artist in a role."""

    def __init__(self, role: str, row: ArtistNameRow) -> None:
        spelled_role = role.encode()
        self.role = role
        self.key = spelled_role + row.own_id  # the role, and who it is
        self.fields = copyformat.fields(_TRACK_ARTIST_SPELLS, (row.own_id, role, row.id))  # behind the position
        self.said = spelled_role + row.id
        self.name_id = row.id
        self.name = _spell_artist_name(row)


class _Genre:
    """A genre."""

    def __init__(self, row: GenreNameRow) -> None:
        self.id = row.genre_id
        self.fields = copyformat.fields(_TRACK_GENRE_SPELLS, (row.genre_id, row.id))  # behind the position
        self.name_id = row.id
        self.name = copyformat.row(_GENRE_NAME_SPELLS, row)


def _spell_people(credits_: tuple[Credit, ...]) -> _Links:
    """Return the people of a track, each once a role and numbered from 1 in it."""
    people: dict[bytes, _Person] = {}
    for credit in credits_:
        person = _persons[credit]
        people.setdefault(person.key, person)
    rows: list[bytes] = []
    said: list[bytes] = []
    positions: dict[str, int] = {}
    names: dict[bytes, bytes] = {}
    for person in people.values():
        position = positions.get(person.role, 0) + 1
        positions[person.role] = position
        rows.append(copyformat.int4(position) + person.fields)
        said.append(person.said)
        names[person.name_id] = person.name
    return _Links(rows, names, b"".join(said))


def _person(credit: Credit) -> _Person:
    role, name, sort_name, musicbrainz_artistid = credit
    return _Person(role, artist_name_row(name, sort_name, musicbrainz_artistid))


def _spell_genres(names: tuple[str, ...]) -> _Links:
    """Return the genres of a track, each once and numbered from 1."""
    genres: dict[bytes, _Genre] = {}
    for name in names:
        genre = _genres[name]
        genres.setdefault(genre.id, genre)
    return _Links(
        [copyformat.int4(position) + genre.fields for position, genre in enumerate(genres.values(), 1)],
        {genre.name_id: genre.name for genre in genres.values()},
        b"".join([genre.name_id for genre in genres.values()]),
    )


def _genre(name: str) -> _Genre:
    return _Genre(GenreNameRow(text_id(Kind.GENRE_NAME, name), genre_id(name), name))


def _name_size(_key: object, made: _Person | _Genre) -> int:
    return len(made.name)


_persons: Final = Memo(_person, size=_name_size, entries=PEOPLE)
_genres: Final = Memo(_genre, size=_name_size)
_genre_links: Final = Memo(_spell_genres, size=lambda names, _links: sum([len(name) for name in names]))
