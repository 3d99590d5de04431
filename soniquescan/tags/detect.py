"""Which container a file is, by its first bytes; its name only breaks ties."""

from __future__ import annotations

import io
import os
from functools import partial
from typing import Final

from mutagen.aac import AACInfo
from mutagen.ac3 import AC3Info
from mutagen.mp3 import MPEGInfo

from soniquescan.tags.content import UnreadableError, attempt

HEAD_BYTES: Final = 4096  # two frames of MPEG audio at its highest rate, and more of the usual ones
MAGIC_BYTES: Final = 16  # enough for `container_of`
_AC3_SYNC: Final = b"\x0b\x77"
ASF_HEADER: Final = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")

# First bytes → container, named as ffmpeg names it.
_MAGIC: Final = (
    (b"fLaC", "flac"),
    (b"OggS", "ogg"),
    (ASF_HEADER, "asf"),
    (b"wvpk", "wv"),
    (b"MAC ", "ape"),
    (b"MPCK", "mpc"),
    (b"MP+", "mpc"),
    (b"TTA1", "tta"),
    (b"TTA2", "tta"),
    (b"OFR ", "ofr"),
    (b"tBaK", "tak"),
    (b"ADIF", "aac"),
    (_AC3_SYNC, "ac3"),
    (b"DSD ", "dsf"),
    (b"FRM8", "dff"),
    (b"MThd", "midi"),
)
# Containers whose kind stands at byte 8, after a size.
_RIFF_KINDS: Final = {b"WAVE": "wav"}
_FORM_KINDS: Final = {b"AIFF": "aiff", b"AIFC": "aiff"}
_CHUNKED: Final = {b"RIFF": _RIFF_KINDS, b"RF64": _RIFF_KINDS, b"BW64": _RIFF_KINDS, b"FORM": _FORM_KINDS}
# Atoms that an MP4 file may begin with; all but the first are of old or odd files.
MP4_ATOMS: Final = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
# ISO brands that are pictures, not sound or film.
_PICTURE_BRANDS: Final = (b"heic", b"heix", b"mif1", b"avif", b"msf1", b"crx ")

_BARE_FRAMES: Final = {"mp3": MPEGInfo, "aac": AACInfo, "ac3": AC3Info}

# Which reader an MP3 or AAC file gets whose first frame is not at once where the tags end.
_BY_EXTENSION: Final = {
    b".mp3": "mp3",
    b".mp2": "mp3",
    b".mp1": "mp3",
    b".mpa": "mp3",
    b".mpga": "mp3",
    b".aac": "aac",
    b".adts": "aac",
    b".adif": "aac",
}


def container_of(head: bytes) -> str | None:
    """Return the container that begins with `head` (MAGIC_BYTES are enough), or None where it tells of none."""
    for magic, container in _MAGIC:
        if head.startswith(magic):
            return container
    kinds = _CHUNKED.get(head[:4])
    if kinds is not None:
        return kinds.get(head[8:12])
    if head[4:8] in MP4_ATOMS:
        return "mp4" if head[8:12] not in _PICTURE_BRANDS else None
    return _mpeg(head)


def _mpeg(head: bytes) -> str | None:
    """Return mp3 or aac where `head` is an MPEG audio (ISO 11172-3) or ADTS (ISO 13818-7) frame's header."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:  # noqa: PLR2004
        return None
    if head[1] & 0xF6 == 0xF0:  # noqa: PLR2004  layer 0 is ADTS
        return "aac"
    version, layer = (head[1] >> 3) & 3, (head[1] >> 1) & 3
    bitrate, rate = head[2] >> 4, (head[2] >> 2) & 3
    return "mp3" if version != 1 and layer != 0 and bitrate not in (0, 15) and rate != 3 else None  # noqa: PLR2004


def container_by_name(path: bytes) -> str | None:
    """Return the container that a file's name stands for, where content may begin with anything."""
    return _BY_EXTENSION.get(os.path.splitext(path)[1].lower())  # noqa: PTH122  paths are bytes


def is_audio(head: bytes) -> bool:
    """Return whether a file of another extension, or of none, is audio, by its first HEAD_BYTES.

    Few bits of a bare frame's header are fixed, so several frames must follow each other.
    """
    if head.startswith((b"ID3\x02", b"ID3\x03", b"ID3\x04", b"APETAGEX")):
        return True
    container = container_of(head)
    if container not in _BARE_FRAMES:
        return container is not None
    if container == "ac3" and _AC3_SYNC not in head[len(_AC3_SYNC) :]:
        return False  # mutagen is content with one frame
    try:
        attempt(partial(_BARE_FRAMES[container], io.BytesIO(head)))
    except UnreadableError:
        return False
    return True
