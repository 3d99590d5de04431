"""The ids of artists, albums and genres, computed from what they are.

Each is a version 5 UUID (RFC 9562: SHA-1 of a namespace and a name) over normalised text, so every scan of every
machine gives the same artist the same id without asking a database. Ids are their 16 bytes: COPY wants those.
"""

from __future__ import annotations

import hashlib
import re
from enum import StrEnum
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from soniquescan.memo import Memo
from soniquescan.text import name_key

VARIOUS_ARTISTS: Final = "Various Artists"

# Parts of one id are joined by a character that no text for PostgreSQL contains.
_SEPARATOR: Final = "\0"

NAMES: Final = 16_384  # of which each process remembers the ids; of about 250 bytes each

# Bytes 6 and 8 of a UUID hold its version (5) and its variant beside hash bits.
_VERSION: Final = [bytes([0x50 | byte & 0x0F]) for byte in range(256)]
_VARIANT: Final = [bytes([0x80 | byte & 0x3F]) for byte in range(256)]

# A folder of one disc of an album: "CD1", "cd 02", "Disc 2", "Disk-3", "DVD_1", "[Disc 1]", "Disc 1 of 2", and with a
# name of its own after a separator, "Disc 2 - Live". No more: "Discovery", "CD" and "Disc 2 Live" are titles.
_DISC_FOLDER: Final = re.compile(
    rb"[\[(]?(?:cd|disc|disk|dvd)[\s._#-]*\d{1,3}(?:\s*(?:of|/)\s*\d{1,3})?[\])]?(?:\s*[-:,(\[].*)?",
    re.IGNORECASE | re.DOTALL,
)


class Kind(StrEnum):
    """What an id is of; its namespace is the version 5 UUID of `<value>.soniquescan` among domain names."""

    ARTIST = "artist"
    ARTIST_NAME = "artist_name"
    ALBUM = "album"
    ALBUM_TAGS = "album_tags"
    GENRE = "genre"
    GENRE_NAME = "genre_name"
    TITLE = "title"
    FOLDER = "folder"
    LINKS = "links"


# The hash with the namespace already in it; copied for each id.
_STARTED: Final = {kind: hashlib.sha1(uuid5(NAMESPACE_DNS, f"{kind}.soniquescan").bytes) for kind in Kind}  # noqa: S324


def make_id(kind: Kind, name: bytes) -> bytes:
    """Return the version 5 UUID of `name` among those of its kind, as `uuid.uuid5` would, in a third of the time."""
    state = _STARTED[kind].copy()
    state.update(name)
    digest = state.digest()
    return digest[:6] + _VERSION[digest[6]] + digest[7:8] + _VARIANT[digest[8]] + digest[9:16]


def text_id(kind: Kind, *parts: str | None) -> bytes:
    """Return the id of some texts in this order."""
    return make_id(kind, _encoded(_SEPARATOR.join([part or "" for part in parts])))


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def artist_id(name: str, musicbrainz_artistid: str | None) -> bytes:
    """Return the id of an artist: by its MusicBrainz id, else by its name."""
    if musicbrainz_artistid is not None:
        return text_id(Kind.ARTIST, "musicbrainz", musicbrainz_artistid)
    return _named_ids[Kind.ARTIST, name]


def genre_id(name: str) -> bytes:
    """Return the id of a genre."""
    return _named_ids[Kind.GENRE, name]


def title_key(title: str) -> bytes:
    """Return the id by which two spellings of an album's title are one."""
    return _named_ids[Kind.TITLE, title]


def album_id(title: str, albumartist: str | None, musicbrainz_albumid: str | None, folder: bytes) -> bytes:
    """Return the id of an album: by its MusicBrainz id, else by artist and title, else by folder and title."""
    if musicbrainz_albumid is not None:
        return text_id(Kind.ALBUM, "musicbrainz", musicbrainz_albumid)
    if albumartist is not None:
        return text_id(Kind.ALBUM, "artist", name_key(albumartist), name_key(title))
    return make_id(Kind.ALBUM, b"folder\0" + folder + b"\0" + _encoded(name_key(title)))


def album_folder(path: bytes) -> bytes:
    """Return the folder of a file, or that above it if the file lies in the folder of one disc."""
    return _album_folders[path.rpartition(b"/")[0]]


def _without_disc(folder: bytes) -> bytes:
    above, _, name = folder.rpartition(b"/")
    return above if above and _DISC_FOLDER.fullmatch(name) else folder


_album_folders: Final = Memo(_without_disc)


def _named_id(named: tuple[Kind, str]) -> bytes:
    kind, name = named
    return text_id(kind, "name", name_key(name))


_named_ids: Final = Memo(_named_id, size=lambda named, _id: len(named[1]), entries=NAMES)
