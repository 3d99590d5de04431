"""Ogg as it usually is (https://www.rfc-editor.org/rfc/rfc3533.html): one stream, of Vorbis or Opus.

Vorbis: https://www.xiph.org/vorbis/doc/Vorbis_I_spec.html, sections 4.2.2 and A.2; Opus:
https://www.rfc-editor.org/rfc/rfc7845.html. `soniquescan.tags.ogg` is the reference.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

from soniquescan.memo import Memo
from soniquescan.messages import AudioStream
from soniquescan.tags.content import INTEGER_LIMIT, fits
from soniquescan.tags.fast import vorbiscomment
from soniquescan.tags.fast.answers import Declined, Found
from soniquescan.tags.fast.flac import is_tagged
from soniquescan.tags.fast.vorbiscomment import NUMBER_BYTES, PICTURE_KEYS, Comments

if TYPE_CHECKING:
    from soniquescan.tags.content import Values
    from soniquescan.tags.source import Source

# A page's header: "OggS", version, flags, granule position, serial number of its stream, number of the page in it,
# checksum, number of segments, whose sizes follow.
_page: Final = struct.Struct("<4sBBqIIIB")
_HEADER_BYTES: Final = _page.size + 255  # with the sizes of as many segments as there can be
_FULL_BYTES: Final = 255  # a segment that the next one continues
_CONTINUED: Final = 1  # flags
_FIRST: Final = 2
_LAST: Final = 4
_ALL_FLAGS: Final = 7
_MAX_PAGES: Final = 1024  # of comments: 64 MB

# Of the identification: channels, rate, greatest, nominal and least bit rate;
_vorbis: Final = struct.Struct("<7x4xBI3i")
# version, channels, samples to skip, rate of the source, gain, channel mapping.
_opus: Final = struct.Struct("<8xBBHIhB")
_OPUS_RATE_HZ: Final = 48_000  # whatever the source was

_MAX_TAIL_BYTES: Final = 64 * 1024  # mutagen looks for the last page there
_WINDOW_BYTES: Final = 4096  # read at a time of comments that do not lie in the head
_PICTURE_KEYS: Final = frozenset(map(str.encode, PICTURE_KEYS))
_KEY_BYTES: Final = 32  # of a comment, its length included: enough to tell a picture
_PICTURE_KEY: Final = b"METADATA_BLOCK_PICTURE="
_NO_PICTURE: Final = len(_PICTURE_KEY).to_bytes(NUMBER_BYTES, "little") + _PICTURE_KEY  # stands for one


class _Sound(NamedTuple):
    """What the first packet of a stream says, and how the stream is to be read."""

    codec: str
    comments: Comments
    comments_magic: bytes  # how the second packet begins
    tail_bytes: int  # the last page is smaller as a rule: encoders end Vorbis' pages at 4 KB, Opus' after a second
    channels: int
    rate_hz: int
    bitrate_bps: int  # 0 where it does not say
    skipped: int  # samples at the start that are not heard


def read(source: Source) -> Found:
    """Return what an Ogg file says."""
    head = source.head
    _, version, flags, _, serial, _, _, segments = _page.unpack_from(head)
    if version or flags != _FIRST or segments != 1:
        raise Declined
    start = _page.size + segments
    end = start + head[_page.size]
    sound = _sounds[head[start:end]]
    pieces, pages_end = _comment_pages(source, end, serial)
    values, has_cover = _comments(source, pieces, sound)
    length_s = (_last_sample(source, serial, sound.tail_bytes) - sound.skipped) / float(sound.rate_hz)
    if length_s <= 0:
        raise Declined
    bitrate_bps = (
        sound.bitrate_bps if sound.codec == "vorbis" else round((source.size_bytes - pages_end) * 8 / length_s)
    )
    stream = AudioStream(
        "ogg",
        sound.codec,
        fits(length_s * 1000),
        fits(bitrate_bps or source.size_bytes * 8 / length_s),
        sound.rate_hz,
        None,
        sound.channels,
        None,
    )
    return Found(stream, values, has_cover=has_cover)


def _sound(packet: bytes) -> _Sound:
    """Return what the identification says, the first packet of a stream."""
    if packet.startswith(b"\x01vorbis"):
        channels, rate_hz, greatest, nominal, least = _vorbis.unpack_from(packet)
        bitrate_bps = _vorbis_bitrate_bps(max(0, greatest), max(0, nominal), max(0, least))
        sound = _Sound("vorbis", vorbiscomment.VORBIS, b"\x03vorbis", 8192, channels, rate_hz, bitrate_bps, 0)
    else:
        version, channels, skipped, _, _, _ = _opus.unpack_from(packet)
        if not packet.startswith(b"OpusHead") or version >> 4:
            raise Declined
        sound = _Sound("opus", vorbiscomment.OPUS, b"OpusTags", 16_384, channels, _OPUS_RATE_HZ, 0, skipped)
    if not channels or not 0 < sound.rate_hz < INTEGER_LIMIT:
        raise Declined
    return sound


_sounds: Final = Memo(_sound)


def _vorbis_bitrate_bps(greatest: int, nominal: int, least: int) -> int:
    """Return the bit rate that a header's three make, as mutagen has it."""
    if not nominal:
        return (greatest + least) // 2
    if greatest and greatest < nominal:
        return greatest
    return max(least, nominal)


def _comment_pages(source: Source, start: int, serial: int) -> tuple[list[tuple[int, int]], int]:
    """Return where the pieces of a stream's second packet are, and where the last of their pages ends.

    Of the further pages that a picture fills only the headers are read.
    """
    pieces: list[tuple[int, int]] = []
    data, at, first_number = source.head, start, 0
    for _ in range(_MAX_PAGES):
        magic, version, flags, _, page_serial, number, _, segments = _page.unpack_from(data, at)
        if not pieces:
            first_number = number
        if magic != b"OggS" or version or page_serial != serial or number != first_number + len(pieces):
            raise Declined
        if flags != (_CONTINUED if pieces else 0) or not segments:
            raise Declined
        at += _page.size
        start += _page.size + segments
        sizes = data[at : at + segments]
        last = sizes.lstrip(b"\xff")  # a packet ends with a segment that is not full
        pieces.append((start, _FULL_BYTES * (segments - len(last)) + (last[0] if last else 0)))
        start += sum(sizes)
        if len(sizes) < segments or start > source.size_bytes:
            raise Declined
        if last:
            return pieces, start
        data, at = source.pread(_HEADER_BYTES, start), 0
    raise Declined


def _comments(source: Source, pieces: list[tuple[int, int]], sound: _Sound) -> tuple[Values, bool]:
    start, size = pieces[0]
    end = start + size
    data = source.head
    if data[start : start + len(sound.comments_magic)] != sound.comments_magic:
        raise Declined
    comments_start = start + len(sound.comments_magic)
    if len(pieces) == 1 and end <= len(data):
        return sound.comments.read(data, comments_start, end)
    data = data[:end]
    rest = _Rest(source, pieces, len(data) - start)
    return sound.comments.read(data, comments_start, len(data), rest.with_whole)


class _Rest:
    """What is left to read of a packet of comments, piece by piece; what pictures hold is not read."""

    def __init__(self, source: Source, pieces: list[tuple[int, int]], read: int) -> None:
        self._source, self._pieces = source, pieces
        self._take(read)

    def with_whole(self, data: bytes, start: int, end: int) -> tuple[bytes, int, int]:
        """Return data with all of a comment that the end of `data` cuts, and with what follows it."""
        missing = end - len(data)
        if _is_picture(data[start + NUMBER_BYTES : start + _KEY_BYTES]):
            if sum(size for _, size in self._take(missing)) < missing:
                raise Declined
            return _NO_PICTURE + self._read(_WINDOW_BYTES), 0, len(_NO_PICTURE)
        data = data[start:] + self._read(missing + _WINDOW_BYTES)
        if end - start > len(data):
            raise Declined
        return data, 0, end - start

    def _read(self, size: int) -> bytes:
        return b"".join(self._source.pread(size, start) for start, size in self._take(size))

    def _take(self, size: int) -> list[tuple[int, int]]:
        """Go `size` bytes on, and return where they are."""
        taken = []
        while self._pieces and size > 0:
            start, piece_bytes = self._pieces.pop(0)
            taken_bytes = min(size, piece_bytes)
            taken.append((start, taken_bytes))
            size -= taken_bytes
            if taken_bytes < piece_bytes:
                self._pieces.insert(0, (start + taken_bytes, piece_bytes - taken_bytes))
        return taken


def _is_picture(comment: bytes) -> bool:
    return comment.partition(b"=")[0].lower() in _PICTURE_KEYS


def _last_sample(source: Source, serial: int, tail_bytes: int) -> int:
    """Return the granule position of the last page; decline a file that is cut within it, or goes on behind it."""
    tail, at = b"", -1
    for wanted in (tail_bytes, _MAX_TAIL_BYTES):
        start = max(0, source.size_bytes - wanted)
        tail = source.pread(source.size_bytes - start, start)
        at = tail.rfind(b"OggS")
        if at >= 0:
            break
    else:
        raise Declined
    _, version, flags, position, page_serial, _, _, segments = _page.unpack_from(tail, at)
    at += _page.size
    end = at + segments + sum(tail[at : at + segments])
    if version or flags & ~_ALL_FLAGS or not flags & _LAST or page_serial != serial or position == -1:
        raise Declined
    if end > len(tail) or is_tagged(tail):
        raise Declined
    return int(position)
