"""Writes a library to disk: `Artist/Year - Album (Disc n)/nn Title.ext`, sparse to realistic sizes.

    for file in stream_library(folder, files=100_000, seed=1):
        ...

The same arguments give the same files, byte for byte.
"""

from __future__ import annotations

import os
import random
import unicodedata
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.library.audio import FORMATS
from benchmarks.library.catalogue import Catalogue
from benchmarks.library.genres import ID3V1_GENRES
from benchmarks.library.messages import Cover
from benchmarks.library.truth import expected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.library.audio import Format
    from benchmarks.library.catalogue import Album, PlannedTrack
    from benchmarks.library.messages import Rendered, Tags
    from benchmarks.library.truth import Expected
    from soniquescan.messages import AudioStream

# Percent of the albums; 55 MP3, 30 FLAC, the rest M4A, Ogg and Opus.
_USUAL = {
    "mp3 id3v2.3": 28, "mp3 id3v2.4": 13, "mp3 id3v2.4+v1": 6, "mp3 id3v2.4 vbr": 4, "mp3 id3v2.3 cbr": 2,
    "mp3 id3v2.2": 1, "mp3 apev2+v1": 1, "flac": 27, "flac hi-res": 3, "m4a aac": 7, "m4a alac": 1, "m4b aac": 1,
    "ogg vorbis": 4, "opus": 2,
}  # fmt: skip
_EMBEDDED_SHARE = 1 / 3
_FOLDER_COVER_SHARE = 1 / 4
_COVER_BYTES = (20_000, 200_000)
_COVERS = 16
_JPEG_START, _JPEG_END = b"\xff\xd8\xff\xe0\x00\x10JFIF\0", b"\xff\xd9"
_MISSING_MD5_SHARE = 1 / 16  # of FLAC files: encoders that write to a pipe cannot go back and fill it in
_NAME_BYTES = 180
_REFERENCED_YEARS = 7  # of the albums of every seventh year, the genres are references to ID3v1's numbers
_TRACKS_PER_DISC = {"usual": (6, 18), "all": (2, 6)}  # short discs bring every format into a small library


class LibraryFile(NamedTuple):
    """A file on disk and what was put into it."""

    path: Path
    format: Format
    held: Tags
    stream: AudioStream
    has_cover: bool
    cover_path: Path | None  # the picture beside it

    def expected(self) -> Expected:
        """Return what a scan must find in it."""
        return expected(self.held, self.stream, has_cover=self.has_cover)


class _Disc(NamedTuple):
    """What the files of one folder share."""

    folder: Path
    format: Format
    cover: Cover | None
    cover_path: Path | None


def generate(folder: Path, *, files: int, seed: int = 1, formats: str = "usual") -> list[LibraryFile]:
    """Write a library of `files` files under `folder` and return them all, in the order they were written."""
    return list(stream_library(folder, files=files, seed=seed, formats=formats))


def stream_library(folder: Path, *, files: int, seed: int = 1, formats: str = "usual") -> Iterator[LibraryFile]:
    """Yield each file once it is written; `formats` is "usual", or "all" for every container there is."""
    rng = random.Random(seed)
    covers = [_cover(rng) for _ in range(_COVERS)]
    kinds = _formats(rng, formats)
    md5s = _md5s(seed)
    tracks = islice(Catalogue(seed, _TRACKS_PER_DISC[formats]).tracks(), files)
    for album, of_album in groupby(tracks, key=attrgetter("album")):
        kind = next(kinds)
        cover = rng.choice(covers) if kind.holds_cover and rng.random() < _EMBEDDED_SHARE else None
        for number, of_disc in groupby(of_album, key=attrgetter("disc")):
            disc = _Disc(_new_folder(folder, album, number), kind, cover, None)
            if rng.random() < _FOLDER_COVER_SHARE:
                disc = disc._replace(cover_path=_write_cover(disc.folder, rng.choice(covers)))
            yield from (_write_track(disc, track, next(md5s)) for track in of_disc)


def _formats(rng: random.Random, formats: str) -> Iterator[Format]:
    while formats == "all":
        yield from FORMATS.values()
    names, weights = list(_USUAL), list(_USUAL.values())
    while True:
        yield FORMATS[rng.choices(names, weights)[0]]


def _md5s(seed: int) -> Iterator[bytes | None]:
    """Yield the MD5 of each file's audio; no two are the same."""
    rng = random.Random(f"audio {seed}")
    while True:
        md5 = rng.randbytes(16)
        yield None if rng.random() < _MISSING_MD5_SHARE else md5


def _cover(rng: random.Random) -> Cover:
    size = rng.randint(*_COVER_BYTES)
    return Cover("image/jpeg", _JPEG_START + rng.randbytes(64) * (size // 64) + _JPEG_END)


def _new_folder(library: Path, album: Album, disc: int) -> Path:
    suffix = f" (Disc {disc})" if len(album.discs) > 1 else ""
    folder = library / _name(album.artist.name) / _name(f"{album.year} - {album.title}", suffix)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_cover(folder: Path, cover: Cover) -> Path:
    path = folder / "cover.jpg"
    path.write_bytes(cover.data)
    return path


def _write_track(disc: _Disc, track: PlannedTrack, md5: bytes | None) -> LibraryFile:
    kind = disc.format
    tags = _as_tagged_in(kind, track)
    rendered = kind.render(tags, disc.cover, length_ms=track.length_ms, md5=md5)
    path = disc.folder / _name(f"{track.number:02} {track.title}", f".{kind.extension}")
    write(path, rendered)
    return LibraryFile(path, kind, kind.held(tags), rendered.stream, disc.cover is not None, disc.cover_path)


def _as_tagged_in(kind: Format, track: PlannedTrack) -> Tags:
    """Return the tags of a track as taggers write them into this kind of file."""
    if kind.name == "opus":
        return _with_r128_gains(track.tags)
    if kind.style == "id3v2.3" and not track.album.year % _REFERENCED_YEARS:
        return track.tags | {"genre": _references(track.tags["genre"])}
    return track.tags


def _with_r128_gains(tags: Tags) -> Tags:
    """Opus has R128 gains (RFC 7845, 5.2.1) in place of ReplayGain's: Q7.8 and 5 dB lower."""
    kept = {name: values for name, values in tags.items() if not name.startswith("replaygain_")}
    for scope in ("track", "album"):
        for gain in tags.get(f"replaygain_{scope}_gain", []):
            kept[f"r128_{scope}_gain"] = [str(round((float(gain.removesuffix(" dB")) - 5) * 256))]
    return kept


def _references(genres: list[str]) -> list[str]:
    """Older taggers wrote ID3v1's numbers: "(17)(8)", and "(4)Eurodisco" for a kind of disco."""
    if not all(genre in ID3V1_GENRES for genre in genres):
        return genres
    return ["".join(f"({ID3V1_GENRES[genre]})" for genre in genres) + "Eurodisco" * ("Disco" in genres)]


def _name(text: str, suffix: str = "") -> str:
    """Return `text` as a file name: no slash, no leading dot, at most 180 bytes besides `suffix`."""
    clean = text.replace("/", "_").lstrip(".").strip()
    # NFC first: cutting bytes off must not leave half a character, and a composed one is whole or gone.
    if len(clean.encode()) > _NAME_BYTES:
        clean = unicodedata.normalize("NFC", clean).encode()[:_NAME_BYTES].decode(errors="ignore").strip()
    return clean + suffix


def write(path: Path, rendered: Rendered) -> None:
    """Write a rendered file with a hole between its head and its tail."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(descriptor, rendered.head)
        os.ftruncate(descriptor, rendered.size_bytes)
        if rendered.tail:
            os.pwrite(descriptor, rendered.tail, rendered.size_bytes - len(rendered.tail))
    finally:
        os.close(descriptor)
