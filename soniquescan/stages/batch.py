"""Batch: turn what was read of files into rows, a transaction's worth at a time.

A batch is complete in itself: it names each artist, album and genre that its tracks refer to, once, whatever was in
the batches before. So nothing here grows with the library, and any batch can be written again or taken apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import assert_never

from soniquescan.albums import CACHED_CHARACTERS, AlbumRows, album_rows, artist_name_row, count_characters
from soniquescan.extensions import EXTRACTOR_VERSION
from soniquescan.identity import Kind, album_folder, genre_id, make_id, text_id
from soniquescan.messages import (
    AlbumTags,
    ArtistNameRow,
    Batch,
    Credit,
    FileError,
    FileErrorRow,
    GenreNameRow,
    NotAudio,
    OtherFileRow,
    Track,
    TrackArtistRow,
    TrackGenreRow,
    TrackRow,
    TrackTags,
)
from soniquescan.text import path_to_text, signed

# Tracks a transaction. The server's time a track on 2 cores, 60,000 tracks: 90 µs at 250, 54 at 1,000, 44 at 2,000, 36
# at 5,000, 40 at 10,000; the time to unpickle one grows from 7 to 19 µs over the same range, and so does the memory.
BATCH_TRACKS = 2_000
# Characters of text a transaction: 1,000 a track are usual, so this cuts only where comments or lyrics are very long.
BATCH_CHARACTERS = 8_000_000

_TAG_COLUMNS = TrackTags._fields.index("genres")  # of the fields of TrackTags, those that are columns of `tracks`

_encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


def batch(items: Iterable[Track | FileError | NotAudio], *, scan_id: int) -> Iterator[Batch]:
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
            case NotAudio():
                builder.add_other(item)
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
        self._albums: dict[bytes, AlbumRows] = {}
        self._genre_names: dict[bytes, GenreNameRow] = {}
        self._tracks: dict[bytes, TrackRow] = {}  # by path
        self._track_artists: list[TrackArtistRow] = []
        self._track_genres: list[TrackGenreRow] = []
        self._file_errors: dict[tuple[bytes, str], FileErrorRow] = {}
        self._other_files: dict[bytes, OtherFileRow] = {}  # by path

    @property
    def is_full(self) -> bool:
        """Whether the batch is large enough for a transaction."""
        rows = len(self._tracks) + len(self._file_errors) + len(self._other_files)
        return rows >= BATCH_TRACKS or self._characters >= BATCH_CHARACTERS

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self._tracks or self._file_errors or self._other_files)

    def holds(self, item: Track | FileError | NotAudio) -> bool:
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
            list(self._other_files.values()),
            recognised=[],
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
            None if error.mtime_ns is None else signed(error.mtime_ns),
            None if error.ctime_ns is None else signed(error.ctime_ns),
            EXTRACTOR_VERSION,
        )
        self._characters += len(row.path) + len(row.message)
        self._file_errors.setdefault((error.path, error.kind), row)

    def add_other(self, other: NotAudio) -> None:
        """Add a file that is to be remembered as no audio."""
        file = other.file
        row = OtherFileRow(
            path_to_text(file.path), file.size_bytes, signed(file.mtime_ns), signed(file.ctime_ns), EXTRACTOR_VERSION
        )
        self._characters += len(row.path)
        self._other_files[file.path] = row

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
            signed(file.mtime_ns),
            signed(file.ctime_ns),
            signed(file.inode),
            signed(file.device),
            None if file.cover_path is None else _name(file.cover_path),
            EXTRACTOR_VERSION,
            None if tags.album is None else self._add_album(tags.album, file.path, file.cover_path),
            make_id(Kind.LINKS, links),
            _encode_json(tags.tags) if tags.tags else "{}",
            (*stream, *tags[:_TAG_COLUMNS]),
        )
        self._characters += len(row.path) + len(row.tags) + count_characters(row.read)
        self._tracks[file.path] = row

    def _link_artists(self, number: int, artist_credits: tuple[Credit, ...]) -> bytes:
        """Add the people of a track, each once a role; return what tells whether they have changed."""
        positions: dict[str, int] = {}
        seen: set[tuple[str, bytes]] = set()
        links = b""
        for role, name, sort_name, musicbrainz_artistid in artist_credits:
            row = artist_name_row(name, sort_name, musicbrainz_artistid)
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
        added = album_rows(album, album_folder(path), cover_path)
        if added.row.id not in self._albums:
            self._albums[added.row.id] = added
            self._characters += count_characters(added.row.said)
            for name in added.artist_names:
                self._add_artist_name(name)
        return added.row.id


@lru_cache(maxsize=16)
def _name(path: bytes) -> str:
    """Return a file's name without its folders, as text."""
    return path_to_text(path.rpartition(b"/")[2])


def _genre_name(name: str) -> GenreNameRow:
    return (_cached_genre_name if len(name) <= CACHED_CHARACTERS else _new_genre_name)(name)


def _new_genre_name(name: str) -> GenreNameRow:
    return GenreNameRow(text_id(Kind.GENRE_NAME, name), genre_id(name), name)


_cached_genre_name = lru_cache(maxsize=4_096)(_new_genre_name)
