"""What a file says about its album, as rows of `album_tags` and `artist_names`, and back from these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from soniquescan.identity import Kind, album_id, artist_id, make_id, text_id, title_key
from soniquescan.memo import Memo
from soniquescan.messages import AlbumTags, AlbumTagsRow, ArtistNameRow, Credit
from soniquescan.text import path_to_text

ARTISTS: Final = 16_384  # remembered by each process that reads files; of about 500 bytes each

_ALBUMARTISTS: Final = AlbumTags._fields.index("albumartists")  # the one field of AlbumTags that is no column
_SAID: Final = tuple(name for name in AlbumTags._fields if name != "albumartists")


class AlbumRows(NamedTuple):
    """What a file says about its album, as rows."""

    row: AlbumTagsRow
    artist_names: tuple[ArtistNameRow, ...]


def album_rows(album: AlbumTags, folder: bytes, cover_path: bytes | None) -> AlbumRows:
    """Return the rows of what a file in an album's folder (`identity.album_folder`) says about the album."""
    names = tuple(
        artist_name_row(credit.name, credit.sort_name, credit.musicbrainz_artistid) for credit in album.albumartists
    )
    said = (*album[:_ALBUMARTISTS], *album[_ALBUMARTISTS + 1 :])
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
        None if cover_path is None else path_to_text(cover_path),
        said,
    )
    return AlbumRows(row, names)


def album_from_row(row: Mapping[str, Any], albumartists: Iterable[tuple[str, str | None, str | None]]) -> AlbumTags:
    """Return what files said that gave a row of `album_tags`, by its columns; UUIDs are texts.

    `albumartists` are name, sort_name and musicbrainz_artistid of each of its `albumartist_names`, in their order. In
    the same folder and with the same cover `album_rows` gives the row's id again.
    """
    said = {name: row[name] for name in _SAID} | {"release_types": tuple(row["release_types"])}
    return AlbumTags(**said, albumartists=tuple(Credit("albumartist", *artist) for artist in albumartists))


def artist_name_row(name: str, sort_name: str | None, musicbrainz_artistid: str | None) -> ArtistNameRow:
    """Return the row of an artist as a file spells it."""
    return _artist_names[name, sort_name, musicbrainz_artistid]


def count_characters(values: tuple[object, ...]) -> int:
    """Return how many characters the texts among some values have, and in the tuples among them."""
    characters = 0
    for value in values:
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, tuple):
            characters += count_characters(value)
    return characters


def _artist_name_row(spelled: tuple[str, str | None, str | None]) -> ArtistNameRow:
    name, sort_name, musicbrainz_artistid = spelled
    own_id = artist_id(name, musicbrainz_artistid)
    name_id = text_id(Kind.ARTIST_NAME, own_id.hex(), name, sort_name)
    return ArtistNameRow(name_id, own_id, name, sort_name, musicbrainz_artistid, artist_id(name, None))


def _flatten(values: tuple[object, ...]) -> bytes:
    """Return one byte string for a row's values, another one for other values."""
    texts = ("\1".join(value) if isinstance(value, tuple) else "" if value is None else str(value) for value in values)
    return "\0".join(texts).encode(errors="surrogatepass")


def _characters(_spelled: object, row: ArtistNameRow) -> int:
    return len(row.name) + len(row.sort_name or "")


_artist_names: Final = Memo(_artist_name_row, size=_characters, entries=ARTISTS)
