"""Batch: turn what was read of files into rows, a transaction's worth at a time.

A batch is complete in itself: it names each artist, album and genre that its tracks refer to, once, whatever was in
the batches before. So nothing here grows with the library, and any batch can be written again or taken apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple, assert_never

from soniquescan.identity import Kind, album_folder, album_id, artist_id, genre_id, make_id, text_id, title_key
from soniquescan.messages import (
    AlbumTags,
    AlbumTagsRow,
    ArtistNameRow,
    Batch,
    Credit,
    FileError,
    FileErrorRow,
    GenreNameRow,
    Track,
    TrackArtistRow,
    TrackGenreRow,
    TrackRow,
    TrackTags,
)
from soniquescan.text import path_to_text

# Tracks a transaction. The server's time a track on 2 cores, 60,000 tracks: 90 µs at 250, 54 at 1,000, 44 at 2,000, 36
# at 5,000, 40 at 10,000; the time to unpickle one grows from 7 to 19 µs over the same range, and so does the memory.
BATCH_TRACKS = 2_000
# Characters of text a transaction: 1,000 a track are usual, so this cuts only where comments or lyrics are very long.
BATCH_CHARACTERS = 8_000_000

_CACHED_CHARACTERS = 1_000  # a row with a longer text is made anew each time: no cache may hold megabytes a row

_TAG_COLUMNS = TrackTags._fields.index("genres")  # of the fields of TrackTags, those that are columns of `tracks`
_ALBUMARTISTS = AlbumTags._fields.index("albumartists")  # the one field of AlbumTags that is no column

_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class Album(NamedTuple):
    """What a file says about its album, as rows."""

    row: AlbumTagsRow
    artist_names: tuple[ArtistNameRow, ...]


def batch(items: Iterable[Track | FileError], *, scan_id: int) -> Iterator[Batch]:
    """Yield the rows of all items in batches; the errors of a track that follow it stay in its batch."""
    builder = BatchBuilder(scan_id)
    for item in items:
        if builder.is_full and not builder.holds(item):
            yield builder.finish()
            builder = BatchBuilder(scan_id)
        match item:
            case Track():
                builder.add_track(item)
            case FileError():
                builder.add_error(item)
            case _:
                assert_never(item)
    if not builder.is_empty:
        yield builder.finish()


class BatchBuilder:
    """One batch while it is made."""

    def __init__(self, scan_id: int) -> None:
        self._scan_id = scan_id
        self._characters = 0
        self._last_path = b""
        # By id, so that each is there once.
        self._artist_names: dict[bytes, ArtistNameRow] = {}
        self._albums: dict[bytes, Album] = {}
        self._genre_names: dict[bytes, GenreNameRow] = {}
        self._tracks: dict[bytes, TrackRow] = {}  # by path
        self._track_artists: list[TrackArtistRow] = []
        self._track_genres: list[TrackGenreRow] = []
        self._file_errors: dict[tuple[bytes, str], FileErrorRow] = {}

    @property
    def is_full(self) -> bool:
        """Whether the batch is large enough for a transaction."""
        rows = len(self._tracks) + len(self._file_errors)
        return rows >= BATCH_TRACKS or self._characters >= BATCH_CHARACTERS

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not self._tracks and not self._file_errors

    def holds(self, item: Track | FileError) -> bool:
        """Whether `item` is an error of the track that was added last."""
        return isinstance(item, FileError) and item.path == self._last_path

    def finish(self) -> Batch:
        """Return the batch."""
        return Batch(
            self._scan_id,
            list(self._artist_names.values()),
            [album.row for album in self._albums.values()],
            list(self._genre_names.values()),
            list(self._tracks.values()),
            self._track_artists,
            self._track_genres,
            list(self._file_errors.values()),
        )

    def add_error(self, error: FileError) -> None:
        """Add what is wrong with a file; of one kind only the first."""
        row = FileErrorRow(
            path_to_text(error.path),
            self._scan_id,
            error.stage,
            error.kind,
            error.message,
            error.size_bytes,
            None if error.mtime_ns is None else _signed(error.mtime_ns),
        )
        self._characters += len(row.path) + len(row.message)
        self._file_errors.setdefault((error.path, error.kind), row)

    def add_track(self, track: Track) -> None:
        """Add a track with all that it refers to."""
        file, stream, tags = track
        self._last_path = file.path
        if file.path in self._tracks:
            return
        number = len(self._tracks)
        links = self._link_artists(number, tags.credits) + self._link_genres(number, tags.genres)
        row = TrackRow(
            number,
            path_to_text(file.path),
            file.root_id,
            file.size_bytes,
            _signed(file.mtime_ns),
            _signed(file.ctime_ns),
            _signed(file.inode),
            _signed(file.device),
            None if tags.album is None else self._add_album(tags.album, file.path, file.cover_path),
            make_id(Kind.LINKS, links),
            _encode_json(tags.tags) if tags.tags else "{}",
            (*stream, *tags[:_TAG_COLUMNS]),
        )
        self._characters += len(row.path) + len(row.tags) + _count_characters(row.read)
        self._tracks[file.path] = row

    def _link_artists(self, number: int, artist_credits: tuple[Credit, ...]) -> bytes:
        """Add the people of a track, each once a role; return what tells whether they have changed."""
        positions: dict[str, int] = {}
        seen: set[tuple[str, bytes]] = set()
        links = b""
        for role, name, sort_name, musicbrainz_artistid in artist_credits:
            row = _artist_name(name, sort_name, musicbrainz_artistid)
            if (role, row.own_id) in seen:
                continue
            seen.add((role, row.own_id))
            self._add_artist_name(row)
            position = positions[role] = positions.get(role, 0) + 1
            self._track_artists.append(TrackArtistRow(number, role, position, row.id))
            links += role.encode() + row.id
        return links

    def _link_genres(self, number: int, genres: tuple[str, ...]) -> bytes:
        """Add the genres of a track, each once; return what tells whether they have changed."""
        rows: dict[bytes, GenreNameRow] = {}
        for genre in genres:
            row = _genre_name(genre)
            rows.setdefault(row.genre_id, row)
        for position, row in enumerate(rows.values(), 1):
            if row.id not in self._genre_names:
                self._genre_names[row.id] = row
                self._characters += len(row.name)
            self._track_genres.append(TrackGenreRow(number, position, row.id))
        return b"".join([row.id for row in rows.values()])

    def _add_artist_name(self, row: ArtistNameRow) -> None:
        if row.id not in self._artist_names:
            self._artist_names[row.id] = row
            self._characters += len(row.name) + len(row.sort_name or "")

    def _add_album(self, album: AlbumTags, path: bytes, cover_path: bytes | None) -> bytes:
        """Add what a file says about its album; return the id of that."""
        added = _album(album, album_folder(path), cover_path)
        if added.row.id not in self._albums:
            self._albums[added.row.id] = added
            self._characters += _count_characters(added.row.said)
            for name in added.artist_names:
                self._add_artist_name(name)
        return added.row.id


def _count_characters(values: tuple[object, ...]) -> int:
    return sum([len(value) for value in values if isinstance(value, str)])


def _signed(number: int) -> int:
    """Return a 64-bit number as PostgreSQL's bigint holds it: inodes, and times after 2262, can be 2^63 and more."""
    return number if -(1 << 63) <= number < 1 << 63 else (number + (1 << 63)) % (1 << 64) - (1 << 63)


def _artist_name(name: str, sort_name: str | None, musicbrainz_artistid: str | None) -> ArtistNameRow:
    short = len(name) + len(sort_name or "") <= _CACHED_CHARACTERS
    return (_cached_artist_name if short else _new_artist_name)(name, sort_name, musicbrainz_artistid)


def _new_artist_name(name: str, sort_name: str | None, musicbrainz_artistid: str | None) -> ArtistNameRow:
    own_id = artist_id(name, musicbrainz_artistid)
    name_id = text_id(Kind.ARTIST_NAME, own_id.hex(), name, sort_name)
    return ArtistNameRow(name_id, own_id, name, sort_name, musicbrainz_artistid, artist_id(name, None))


def _genre_name(name: str) -> GenreNameRow:
    return (_cached_genre_name if len(name) <= _CACHED_CHARACTERS else _new_genre_name)(name)


def _new_genre_name(name: str) -> GenreNameRow:
    return GenreNameRow(text_id(Kind.GENRE_NAME, name), genre_id(name), name)


def _album(album: AlbumTags, folder: bytes, cover_path: bytes | None) -> Album:
    characters = _count_characters(album) + sum([len(credit.name) for credit in album.albumartists])
    return (_cached_album if characters <= _CACHED_CHARACTERS else _new_album)(album, folder, cover_path)


def _new_album(album: AlbumTags, folder: bytes, cover_path: bytes | None) -> Album:
    names = tuple(
        _artist_name(credit.name, credit.sort_name, credit.musicbrainz_artistid) for credit in album.albumartists
    )
    said = (*album[:_ALBUMARTISTS], *album[_ALBUMARTISTS + 1 :])
    cover = None if cover_path is None else path_to_text(cover_path)
    own_id = album_id(album.title, album.albumartist, album.musicbrainz_albumid, folder)
    name_ids = tuple(name.id for name in names)
    row = AlbumTagsRow(
        make_id(Kind.ALBUM_TAGS, b"\0".join([own_id, folder, cover_path or b"", *name_ids, _flatten(said)])),
        own_id,
        name_ids,
        bool(names) and all(name.musicbrainz_artistid for name in names),
        None if album.albumartist is None else artist_id(album.albumartist, None),
        title_key(album.title),
        make_id(Kind.FOLDER, folder),
        cover,
        said,
    )
    return Album(row, names)


def _flatten(values: tuple[object, ...]) -> bytes:
    """Return one byte string for a row's values, another one for other values."""
    texts = ("\1".join(value) if isinstance(value, tuple) else "" if value is None else str(value) for value in values)
    return "\0".join(texts).encode(errors="surrogatepass")


_cached_artist_name = lru_cache(maxsize=16_384)(_new_artist_name)
_cached_genre_name = lru_cache(maxsize=4_096)(_new_genre_name)
_cached_album = lru_cache(maxsize=1_024)(_new_album)
