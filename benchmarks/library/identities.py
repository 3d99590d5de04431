"""From what the files of a library say, the artists, albums and genres that a scan must end up with.

By the identity rules (README): an artist is its MusicBrainz id, else its name key; a bare name with exactly one
MusicBrainz namesake is that one. An album is its MusicBrainz id, else album artist and title, else folder and title.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.library.generate import LibraryFile
    from soniquescan.messages import AlbumTags, Credit

_DISC_FOLDER = re.compile(r"(cd|dis[ck])\s*\d+", re.IGNORECASE)
_DISC_SUFFIX = re.compile(r"\s*[(\[](cd|dis[ck])\s*\d+[)\]]$", re.IGNORECASE)


class Identities(NamedTuple):
    """The keys of what is distinct in a library."""

    artists: frozenset[str]
    albums: frozenset[str]
    genres: frozenset[str]


def name_key(name: str) -> str:
    """Return what two spellings of a name have in common."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return " ".join(folded.split())


def identities(files: Iterable[LibraryFile]) -> Identities:
    """Return what is distinct in `files`."""
    people: set[Credit] = set()
    albums: set[str] = set()
    genres: set[str] = set()
    for file in files:
        tags = file.expected().tags
        people.update(credit._replace(role="", sort_name=None) for credit in tags.credits)
        genres.update(name_key(genre) for genre in tags.genres)
        if tags.album is not None:
            people.update(credit._replace(role="", sort_name=None) for credit in tags.album.albumartists)
            albums.add(_album_key(tags.album, file.path.parent))
    return Identities(_artists(people), frozenset(albums), frozenset(genres))


def _artists(people: set[Credit]) -> frozenset[str]:
    ids: dict[str, set[str]] = {}
    for credit in people:
        known = ids.setdefault(name_key(credit.name), set())
        if credit.musicbrainz_artistid is not None:
            known.add(credit.musicbrainz_artistid)
    bare = {name_key(credit.name) for credit in people if credit.musicbrainz_artistid is None}
    return frozenset().union(*ids.values()) | {name for name in bare if len(ids[name]) != 1}


def _album_key(album: AlbumTags, folder: Path) -> str:
    if album.musicbrainz_albumid is not None:
        return album.musicbrainz_albumid
    if album.albumartist is not None:
        return f"{name_key(album.albumartist)}\n{name_key(album.title)}"
    home = folder.parent if _DISC_FOLDER.fullmatch(folder.name) else folder.with_name(_DISC_SUFFIX.sub("", folder.name))
    return f"{home}\n{name_key(album.title)}"
