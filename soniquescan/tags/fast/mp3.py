"""MPEG audio (MP3, MP2, MP1) as it usually is: frames, with ID3v2 in front of them, ID3v1 or APEv2 behind them.

Specifications: ISO 11172-3, section 2.4; http://gabriel.mp3-tech.org/mp3infotag.html (Xing's and LAME's header).
The first frame tells of which kind all of them are, and mostly how many, in a header of the encoder: the others are
not read. `soniquescan.tags.mpeg` is the reference.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from mutagen.mp3 import HeaderNotFoundError, MPEGFrame
from mutagen.mp3._util import LAMEError, LAMEHeader, XingHeader

from soniquescan.memo import Memo
from soniquescan.messages import AudioStream
from soniquescan.tags.apev2 import FOOTER_BYTES, MAGIC
from soniquescan.tags.around import LYRICS_END, TAIL_BYTES
from soniquescan.tags.build import clean
from soniquescan.tags.content import INTEGER_LIMIT
from soniquescan.tags.detect import MP4_ATOMS
from soniquescan.tags.fast import apev2, id3v1, id3v2
from soniquescan.tags.fast.answers import Declined, Found
from soniquescan.tags.id3 import ID3V1_BYTES
from soniquescan.tags.mpeg import LAYER_III, MAX_FRAME_BYTES

if TYPE_CHECKING:
    from soniquescan.tags.source import Source

# How a file of this kind begins: with an ID3v2 tag, or with the sync of a frame.
TAGS: Final[tuple[bytes, ...]] = (b"ID3\x02", b"ID3\x03", b"ID3\x04")
SYNCS: Final[tuple[bytes, ...]] = tuple(
    bytes((0xFF, 0xE0 | version << 3 | layer << 1 | unprotected))
    for version in (0, 2, 3)
    for layer in (1, 2, 3)
    for unprotected in (0, 1)
)

_FRAMES: Final = 4  # that must follow each other where no header of an encoder says that this is audio
_MAGIC_END: Final = 40  # of an encoder's header in its frame

# Xing's header: magic, flags, frames, bytes; a table of 100 bytes and the quality, if flags 4 and 8 say so; LAME's.
_xing: Final = struct.Struct(">4sIII").unpack_from
_XING: Final = (b"Xing", b"Info")
_XING_BYTES: Final = {3: 16, 3 + 4: 116, 3 + 8: 20, 3 + 4 + 8: 120}  # by flags; frames and bytes are there
_LAME_BYTES: Final = 36
_VERSION_BYTES: Final = 9  # what LAME's header begins with, "LAME3.100"
_LAME_DELAY: Final = 21  # offset of delay and padding

# Fraunhofer's header, 36 bytes into the frame: magic, version, bytes, frames, entries of a table, bytes of an entry.
_vbri: Final = struct.Struct(">4sH4xIIH2xH2x")
_VBRI: Final = b"VBRI"
_VBRI_START: Final = 36


class _Header(NamedTuple):
    """What the first four bytes of a frame say."""

    frame_bytes: int
    samples: int
    bitrate_bps: int
    sample_rate_hz: int
    channels: int
    codec: str
    xing_start: int  # offset of Xing's header in the frame; 0 where there is none, as in layers I and II


def read(source: Source) -> Found:
    """Return what an MPEG audio file says."""
    tag = id3v2.read(source) if source.head.startswith(id3v2.MAGIC) else id3v2.Tag(source, 0)
    start = tag.end
    frames, at = tag.window, start - tag.window_start
    if len(frames) < at + id3v2.AUDIO_BYTES:
        frames, at = source.pread(id3v2.AUDIO_BYTES, start), 0
    end = _read_tail(source, tag)
    if frames[at + 4 : at + 8] in MP4_ATOMS:
        raise Declined
    stream = _stream(frames, at, end - start)
    values = tag.values if tag.is_clean else clean(tag.values)
    return Found(stream, values, has_cover=tag.has_cover)


def _read_tail(source: Source, tag: id3v2.Tag) -> int:
    """Add what the tags behind the audio say and the one in front of it does not; return where the audio ends."""
    size = source.size_bytes
    if size < tag.end + TAIL_BYTES:
        raise Declined
    tail = source.pread(TAIL_BYTES, size - TAIL_BYTES)
    id3v1_bytes = ID3V1_BYTES if tail.startswith(b"TAG", TAIL_BYTES - ID3V1_BYTES) else 0
    end = size - id3v1_bytes
    if tail.endswith(LYRICS_END, 0, TAIL_BYTES - id3v1_bytes):
        raise Declined
    footer_at = TAIL_BYTES - id3v1_bytes - FOOTER_BYTES
    if tail.startswith(MAGIC, footer_at):
        end = _read_apev2(source, tag, tail[footer_at : footer_at + FOOTER_BYTES], end)
    if id3v1_bytes:
        id3v1.add(tag.values, tail[-ID3V1_BYTES:])
    return end


def _read_apev2(source: Source, tag: id3v2.Tag, footer: bytes, end: int) -> int:
    start, values, has_cover = apev2.read(source, footer, end)
    if start < tag.end:
        raise Declined
    known = set(map(str.casefold, tag.values))
    tag.values |= {name: texts for name, texts in values.items() if name.casefold() not in known} if known else values
    tag.has_cover = tag.has_cover or has_cover
    tag.is_clean = tag.is_clean and all(values.values())
    return start


def _stream(frames: bytes, at: int, audio_bytes: int) -> AudioStream:
    """Return the properties of the audio that begins with the frame at `at`."""
    header = _HEADERS[frames[at : at + 4]]
    magic: bytes
    flags: int
    count: int
    claimed_bytes: int
    magic, flags, count, claimed_bytes = _xing(frames, at + header.xing_start)
    if magic not in _XING:
        return _stream_without_xing(frames, at, audio_bytes, header)
    lame = header.xing_start + _XING_BYTES[flags & 0xF]
    samples = header.samples * count
    if not samples or audio_bytes < lame + _LAME_BYTES or claimed_bytes - audio_bytes > MAX_FRAME_BYTES:
        raise Declined
    bitrate_bps = round(max(0, claimed_bytes - header.frame_bytes) * 8 * header.sample_rate_hz / float(samples))
    lame += at
    if _HAS_DELAY[frames[lame : lame + _VERSION_BYTES + 1]]:
        packed = int.from_bytes(frames[lame + _LAME_DELAY : lame + _LAME_DELAY + 3])
        samples -= (packed >> 12) + (packed & 0xFFF)
    return _audio_stream(header, samples / header.sample_rate_hz, bitrate_bps)


def _audio_stream(header: _Header, length_s: float, bitrate_bps: int) -> AudioStream:
    length_ms = length_s * 1000
    if not (0 < length_ms < INTEGER_LIMIT and 0 < bitrate_bps < INTEGER_LIMIT):
        raise Declined
    return AudioStream(
        "mp3", header.codec, round(length_ms), bitrate_bps, header.sample_rate_hz, None, header.channels, None
    )


def _stream_without_xing(frames: bytes, at: int, audio_bytes: int, header: _Header) -> AudioStream:
    if header.xing_start and frames.startswith(_VBRI, at + _VBRI_START):
        return _stream_of_vbri(frames, at, audio_bytes, header)
    position = at
    following = header
    for _ in range(_FRAMES - 1):
        position += following.frame_bytes
        following = _HEADERS[frames[position : position + 4]]
        if following.xing_start and frames.startswith(_XING, position + following.xing_start):
            raise Declined
        if following.xing_start and frames.startswith(_VBRI, position + _VBRI_START):
            raise Declined
    if audio_bytes < position - at + _MAGIC_END:
        raise Declined
    return _audio_stream(header, 8 * audio_bytes / float(header.bitrate_bps), header.bitrate_bps)


def _stream_of_vbri(frames: bytes, at: int, audio_bytes: int, header: _Header) -> AudioStream:
    _, version, claimed_bytes, count, entries, entry_bytes = _vbri.unpack_from(frames, at + _VBRI_START)
    table_end = _VBRI_START + _vbri.size + entries * entry_bytes
    if version != 1 or not count or entry_bytes not in (2, 4) or audio_bytes < table_end:
        raise Declined
    length_s = header.samples * count / header.sample_rate_hz
    return _audio_stream(header, length_s, int(claimed_bytes * 8 / length_s))


def _read_header(raw: bytes) -> _Header:
    """Return what a frame's first four bytes say: mutagen knows all the tables."""
    file = io.BytesIO(raw)
    try:
        frame = MPEGFrame(file)
    except HeaderNotFoundError as exc:
        raise Declined from exc
    is_short = frame.version != 1  # MPEG-2, and what was made of it for even lower rates: of layer III only
    return _Header(
        frame_bytes=file.tell(),
        samples=576 if is_short else 1152,
        bitrate_bps=frame.bitrate,
        sample_rate_hz=frame.sample_rate,
        channels=frame.channels,
        codec=f"mp{frame.layer}",
        xing_start=XingHeader.get_offset(frame) if frame.layer == LAYER_III else 0,
    )


_HEADERS: Final = Memo(_read_header)


def _has_delay(raw: bytes) -> bool:
    """Tell whether LAME's header, of which `raw` is the version and one byte more, says what it put around the audio.

    The upper half of that byte is the header's own version, 0.
    """
    if raw[_VERSION_BYTES] > 0xF:  # noqa: PLR2004
        return False
    try:
        _, _, has_header = LAMEHeader.parse_version(io.BytesIO(raw.ljust(20, b"\x00")))
    except LAMEError:
        return False
    return bool(has_header)


_HAS_DELAY: Final = Memo(_has_delay)
