"""FLAC as it usually is: https://www.rfc-editor.org/rfc/rfc9639.html.

Metadata blocks are passed over by their sizes; pictures, padding and audio are not read, but for the file's end, which
tells whether the file is whole. `soniquescan.tags.flac` is the reference.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from soniquescan.messages import AudioStream
from soniquescan.tags.content import fits
from soniquescan.tags.fast.answers import Declined, Found
from soniquescan.tags.fast.vorbiscomment import VORBIS
from soniquescan.tags.flacframes import frames_backwards, missing_samples

if TYPE_CHECKING:
    from soniquescan.tags.content import Values
    from soniquescan.tags.source import Source

_COMMENTS: Final = 4  # kinds of blocks
_PICTURE: Final = 6
_MAX_BLOCKS: Final = 64
_FIELDS_BYTES: Final = 128  # of a block as a rule: its header, and all of a picture's fields
_WINDOW_BYTES: Final = 512  # read where a block begins behind the head: room for longer fields
_COMMENTS_BYTES: Final = 4096  # likewise, where comments may follow

# The file's start with all of STREAMINFO, section 8.2: magic, header of the block, sizes of blocks and frames, the
# stream's properties, MD5. The sizes of frames have three bytes: the greatest is in the lower three of the fourth size.
_start: Final = struct.Struct(">4sIHHHIQ16s")
_STREAMINFO: Final = 34  # the block's header: its kind is 0; the high bit tells whether it is the last one
_NO_MD5: Final = bytes(16)
_number: Final = struct.Struct(">I").unpack_from

_ID3V1_BYTES: Final = 128
_TAIL_BYTES: Final = 24 * 1024  # what `flacframes` looks at where nothing tells how large a frame is
_MAX_FRAME_BYTES: Final = 64 * 1024
_FRAME_OVERHEAD_BYTES: Final = 64  # headers of a frame and of its channels, at most


class _Info(NamedTuple):
    """STREAMINFO, as mutagen names its fields."""

    min_blocksize: int
    max_blocksize: int
    max_framesize: int
    sample_rate: int
    channels: int
    bits_per_sample: int
    total_samples: int


def read(source: Source) -> Found:
    """Return what a FLAC file says."""
    _, block, min_samples, max_samples, _, frame, packed, md5 = _start.unpack_from(source.head)
    info = _Info(
        min_samples,
        max_samples,
        frame & 0xFF_FFFF,
        packed >> 44,
        (packed >> 41 & 0x07) + 1,
        (packed >> 36 & 0x1F) + 1,
        packed & 0xF_FFFF_FFFF,
    )
    if block & 0x7FFF_FFFF != _STREAMINFO or not info.sample_rate:
        raise Declined
    audio_start, values, has_cover = _metadata(source, last=block >> 31)
    _check_end(source, audio_start, info)
    return Found(_stream(info, source.size_bytes - audio_start, md5), values, has_cover=has_cover)


def _metadata(source: Source, *, last: int) -> tuple[int, Values, bool]:
    """Return where the audio starts, the comments, and whether there is a picture."""
    window, base, position = source.head, 0, _start.size
    values: Values | None = None
    has_cover = False
    for _ in range(_MAX_BLOCKS):
        if last:
            return position, values or {}, has_cover
        at = position - base
        if at + _FIELDS_BYTES > len(window):
            size = _COMMENTS_BYTES if values is None else _WINDOW_BYTES
            window, base, at = source.pread(size, position), position, 0
        header = _number(window, at)[0]
        last, kind, size = header >> 31, header >> 24 & 0x7F, header & 0xFF_FFFF
        at, position = at + 4, position + 4
        if kind == _PICTURE:
            _check_picture(window, at, size)
            has_cover = True
        elif kind == _COMMENTS and values is None:
            if at + size > len(window):
                window, base, at = source.pread(size + _FIELDS_BYTES, position), position, 0
            values, is_among_them = VORBIS.read(window, at, at + size)
            has_cover = has_cover or is_among_them
        position += size
    raise Declined


def _check_picture(data: bytes, start: int, size: int) -> None:
    """Decline a picture that is larger than its block: some taggers write wrong sizes, and the reference knows them."""
    position = start + 8 + _number(data, start + 4)[0]  # behind its type and its MIME type
    position += 4 + _number(data, position)[0] + 16  # behind its description, width, height, depth and colours
    if position + 4 + _number(data, position)[0] > start + size:
        raise Declined


def _check_end(source: Source, audio_start: int, info: _Info) -> None:
    """Decline a file that lacks audio or has tags behind it."""
    audio_bytes = source.size_bytes - audio_start
    if audio_bytes <= 0:
        raise Declined
    looked_at = _last_frame_bytes(info)
    start = max(0, source.size_bytes - max(looked_at, _ID3V1_BYTES))
    tail = source.pread(source.size_bytes - start, start)
    if is_tagged(tail):
        raise Declined
    if not looked_at or (not info.max_framesize and b"\xff" not in tail):
        return  # nothing tells; to search 24 KB for the two bytes of a frame's start takes 20 µs, for one of them 0.5
    last = next(frames_backwards(tail[-min(looked_at, audio_bytes) :], info), None)
    if (last is None or last.end < info.total_samples) and missing_samples(source, audio_start, info):
        raise Declined


def is_tagged(tail: bytes) -> bool:
    """Tell whether a file that ends with `tail` has an ID3v1, APEv2 or Lyrics3 tag behind its container."""
    return tail[-128:-125] == b"TAG" or tail[-32:-24] == b"APETAGEX" or tail[-9:] == b"LYRICS200"


def _last_frame_bytes(info: _Info) -> int:
    """Return how many of a file's last bytes have the header of its last frame in them, as far as that can be told."""
    if not info.total_samples:
        return 0  # of encoders that write to a pipe: whatever that frame says, the file may be whole
    if not info.max_framesize:
        return _TAIL_BYTES
    size = min(info.max_framesize, _MAX_FRAME_BYTES)
    if info.min_blocksize == info.max_blocksize > 0:  # the last frame has what is left, and is no longer than PCM
        samples = (info.total_samples - 1) % info.max_blocksize + 1
        size = min(size, samples * (info.channels * info.bits_per_sample + 1) // 8 + _FRAME_OVERHEAD_BYTES)
    return size + 16


def _stream(info: _Info, audio_bytes: int, md5: bytes) -> AudioStream:
    length_s = info.total_samples / info.sample_rate
    bitrate_bps = int(audio_bytes * 8 / length_s) if length_s else None
    if bitrate_bps == 0:
        raise Declined
    return AudioStream(
        "flac",
        "flac",
        fits(length_s * 1000),
        fits(bitrate_bps),
        info.sample_rate,
        info.bits_per_sample,
        info.channels,
        md5.hex() if md5 != _NO_MD5 else None,
    )
