"""How much audio a FLAC file lacks, by the last header of a frame in it: RFC 9639, section 9.1.

Nothing is decoded: a file that is cut within its very last frame passes.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soniquescan.tags.content import Info
    from soniquescan.tags.source import Source

_SYNCS: Final = {False: b"\xff\xf8", True: b"\xff\xf9"}  # whether block sizes vary; they never do both in one file
_MIN_HEADER_BYTES: Final = 6
_MAX_HEADER_BYTES: Final = 16
_TAIL_BYTES: Final = 24 * 1024  # where STREAMINFO does not say how large a frame is: two or more, as a rule
_MAX_TAIL_BYTES: Final = 256 * 1024
_MAX_SYNCS: Final = 256  # bytes that look like a sync code; noise has one in 64 KiB

_SAME: Final = 0  # "as in STREAMINFO"; None is reserved
_CHANNELS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 2, 2, 2, *[None] * 5)
_BITS: Final = (_SAME, 8, 12, None, 16, 20, 24, 32)
_RATES_HZ: Final = (_SAME, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
_RATE_FIELDS: Final = {12: (1, 1000), 13: (2, 1), 14: (2, 10)}  # code → bytes and unit of the rate at the header's end
_BLOCK_SIZES: Final = (0, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768)
_BLOCK_SIZE_BYTES: Final = {6: 1, 7: 2}  # code → bytes of the size, less one, near the header's end


class _Frame(NamedTuple):
    first: int  # number of its first sample
    end: int  # number of the first sample behind it


_METADATA: Final = _Frame(0, 0)  # stands for what the first frame follows


def missing_samples(source: Source, audio_start: int, info: Info) -> int:
    """Return how many samples lack at least, or 0 where nothing tells.

    A header that says so is believed where the frame before it, or the start, bears it out.
    """
    if source.around.end <= audio_start:
        return 0  # metadata alone: made so, as a rule, rather than cut so
    wanted = min(2 * info.max_framesize + _MAX_HEADER_BYTES if info.max_framesize else _TAIL_BYTES, _MAX_TAIL_BYTES)
    start = max(audio_start, source.around.end - wanted)
    frames = frames_backwards(source.pread(source.around.end - start, start), info)
    last = None
    for frame in chain(frames, [_METADATA] if start == audio_start else []):
        if frame.end >= info.total_samples:
            return 0
        if last is not None and frame.end == last.first:
            return int(info.total_samples - last.end)
        last = frame
    return 0


def frames_backwards(data: bytes, info: Info) -> Iterator[_Frame]:
    """Yield the frames of which `data` has the headers, the last one first."""
    sync = _SYNCS[info.min_blocksize != info.max_blocksize]
    position = len(data)
    for _ in range(_MAX_SYNCS):
        position = data.rfind(sync, 0, position)
        if position < 0:
            break
        if (frame := _frame(data[position : position + _MAX_HEADER_BYTES], info)) is not None:
            yield frame


def _frame(header: bytes, info: Info) -> _Frame | None:
    """Return the frame whose header this begins with, or None where it is none of this file."""
    if len(header) < _MIN_HEADER_BYTES or not _is_of(header, info):
        return None
    size_code, rate_code = header[2] >> 4, header[2] & 0x0F
    number_end = 4 + (_leading_ones(header[4]) or 1)
    size_end = number_end + _BLOCK_SIZE_BYTES.get(size_code, 0)
    rate_bytes, rate_unit = _RATE_FIELDS.get(rate_code, (0, 0))
    crc = size_end + rate_bytes
    number = _coded_number(header[4:number_end])
    if number is None or crc >= len(header) or crc8(header[:crc]) != header[crc]:
        return None
    rate = int.from_bytes(header[size_end:crc]) * rate_unit if rate_bytes else _RATES_HZ[rate_code]
    size = _BLOCK_SIZES[size_code] or int.from_bytes(header[number_end:size_end]) + 1
    if rate not in (_SAME, info.sample_rate) or size > info.max_blocksize:
        return None
    first = number * info.max_blocksize if info.min_blocksize == info.max_blocksize else number
    return _Frame(first, first + size)


def _is_of(header: bytes, info: Info) -> bool:
    """Return whether a header has no reserved code, and the channels and bits of its file."""
    return (
        header[2] >= 0x10  # noqa: PLR2004  block size code 0 is reserved
        and header[2] & 0x0F != 0x0F  # noqa: PLR2004  no sample rate
        and _CHANNELS[header[3] >> 4] == info.channels
        and _BITS[header[3] >> 1 & 0x07] in (_SAME, info.bits_per_sample)
        and not header[3] & 0x01
    )


def _leading_ones(byte: int) -> int:
    return 8 - (byte ^ 0xFF).bit_length()


def _coded_number(raw: bytes) -> int | None:
    """Return a number that is coded like a character in UTF-8, in up to seven bytes."""
    ones = _leading_ones(raw[0])
    if ones in (1, 8) or any(byte & 0xC0 != 0x80 for byte in raw[1:]):  # noqa: PLR2004
        return None
    number = raw[0] & 0x7F >> ones
    for byte in raw[1:]:
        number = number << 6 | byte & 0x3F
    return number


def _crc8_table() -> bytes:
    table, power = [0], 0x07
    for _ in range(8):
        table += [entry ^ power for entry in table]
        power = power << 1 ^ (0x107 if power & 0x80 else 0)
    return bytes(table)


_CRC8: Final = _crc8_table()


def crc8(data: bytes) -> int:
    """Return the checksum of a frame's header."""
    crc = 0
    for byte in data:
        crc = _CRC8[crc ^ byte]
    return crc
