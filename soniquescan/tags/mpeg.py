"""MPEG audio (MP1, MP2, MP3), AAC (ADTS, ADIF), AC-3 and E-AC-3: bare frames with tag blocks around them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from mutagen.aac import AACInfo
from mutagen.ac3 import AC3Info
from mutagen.mp3 import MPEGInfo
from mutagen.mp3._util import XingHeader

from soniquescan.tags import around
from soniquescan.tags.content import Content, opened, stream_of
from soniquescan.tags.source import Source

if TYPE_CHECKING:
    from soniquescan.messages import AudioStream

LAYER_III: Final = 3
# Flags: which fields a Xing header has.
XING_FRAMES: Final = 1
XING_BYTES: Final = 2
MAX_FRAME_BYTES: Final = 2881  # of layer III, free format aside; encoders differ in whether they count the first
_AC3_CODECS: Final = {"ac-3": "ac3", "ec-3": "eac3"}


def read_mp3(source: Source) -> Content:
    """Return what an MPEG audio file says."""
    content = Content("mp3")
    content.add_stream(lambda: _mpeg_stream(source, content))
    around.add_tags(source, content)
    return content


def _mpeg_stream(source: Source, content: Content) -> AudioStream:
    info = MPEGInfo(opened(source), 0)
    start = source.around.start + info.frame_offset
    claimed = _claimed_bytes(source, start + XingHeader.get_offset(info)) if info.layer == LAYER_III else 0
    missing = start + claimed - source.around.end
    content.note_missing(missing if missing > MAX_FRAME_BYTES else 0, claimed)
    return stream_of(source, "mp3", f"mp{info.layer}", info)


def _claimed_bytes(source: Source, offset: int) -> int:
    """Return the size of the audio that a Xing header claims, or 0 where there is none that does.

    http://gabriel.mp3-tech.org/mp3infotag.html
    """
    magic, flags, first, second = struct.unpack(">4sIII", source.pread(16, offset).ljust(16, b"\x00"))
    if magic not in (b"Xing", b"Info") or not flags & XING_BYTES:
        return 0
    return int(second if flags & XING_FRAMES else first)


def read_aac(source: Source) -> Content:
    """Return what a bare AAC file says."""
    content = Content("aac")
    content.add_stream(lambda: _aac_stream(source))
    around.add_tags(source, content)
    return content


def _aac_stream(source: Source) -> AudioStream:
    info = AACInfo(opened(source))
    return stream_of(source, "aac", "aac", info)


def read_ac3(source: Source) -> Content:
    """Return what an AC-3 or E-AC-3 file says."""
    content = Content("ac3")
    content.add_stream(lambda: _ac3_stream(source))
    if content.stream is not None:
        content.container = content.stream.container
    around.add_tags(source, content)
    return content


def _ac3_stream(source: Source) -> AudioStream:
    info = AC3Info(opened(source))
    codec = _AC3_CODECS[info.codec]
    return stream_of(source, codec, codec, info)
