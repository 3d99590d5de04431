"""Ogg pages (RFC 3533) around Vorbis, Opus (RFC 7845), Speex and FLAC headers.

The last page's granule position gives the length.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from benchmarks.library.containers.flac import block, md5_text, sample_count, streaminfo
from benchmarks.library.messages import Rendered
from soniquescan.messages import AudioStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.library.messages import Audio, Blocks

_SERIAL = 0x5EED
_CONTINUED, _FIRST, _LAST = 1, 2, 4
_PAGE_SEGMENTS = 255
_PAGE_BYTES = _PAGE_SEGMENTS * 255
_NO_PACKET_ENDS = 2**64 - 1
_OPUS_RATE_HZ = 48_000
_OPUS_PRE_SKIP = 312
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def _crc(page: bytes) -> int:
    """Return Ogg's CRC32: zlib's, with the bits of every byte and of the result reversed, and no inversion."""
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_REVERSED), "big")


def _page(flags: int, granule: int, number: int, lacing: bytes, content: bytes) -> bytes:
    start = b"OggS" + struct.pack("<BBQII", 0, flags, granule, _SERIAL, number)
    end = bytes((len(lacing),)) + lacing + content
    return start + struct.pack("<I", _crc(start + bytes(4) + end)) + end


def _pages(packet: bytes, number: int) -> Iterator[bytes]:
    """Yield the pages of one header packet."""
    lacing = b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,))
    for first in range(0, len(lacing), _PAGE_SEGMENTS):
        part = lacing[first : first + _PAGE_SEGMENTS]
        ends = first + _PAGE_SEGMENTS >= len(lacing)
        content = packet[first * 255 : first * 255 + _PAGE_BYTES]
        yield _page(_CONTINUED if first else 0, 0 if ends else _NO_PACKET_ENDS, number, part, content)
        number += 1


def _render(identification: bytes, packets: list[bytes], granule: int, stream: AudioStream, size: int) -> Rendered:
    pages = [_page(_FIRST, 0, 0, bytes((len(identification),)), identification)]
    for packet in packets:
        pages += _pages(packet, len(pages))
    head = b"".join(pages)
    tail = _page(_LAST, granule, len(pages), b"\x01", b"\0")
    return Rendered(head, tail, len(head) + size + len(tail), stream)


def _stream(codec: str, audio: Audio, rate_hz: int, bitrate_bps: int | None, bits: int | None = None) -> AudioStream:
    length_ms = round(round(audio.length_ms * rate_hz / 1000) * 1000 / rate_hz)
    md5 = md5_text(audio) if codec == "flac" else None
    return AudioStream("ogg", codec, length_ms, bitrate_bps, rate_hz, bits, audio.channels, md5)


def _size(audio: Audio) -> int:
    return audio.bitrate_bps * audio.length_ms // 8000


def vorbis(audio: Audio, blocks: Blocks) -> Rendered:
    """Return Ogg Vorbis; the set-up header is a stub, since no tag reader decodes it."""
    identification = b"\x01vorbis" + struct.pack(
        "<IBIiiiBB", 0, audio.channels, audio.sample_rate_hz, 0, audio.bitrate_bps, 0, 0xB8, 1
    )
    packets = [b"\x03vorbis" + blocks.front + b"\x01", b"\x05vorbis" + bytes(64)]
    stream = _stream("vorbis", audio, audio.sample_rate_hz, audio.bitrate_bps)
    return _render(identification, packets, sample_count(audio), stream, _size(audio))


def opus(audio: Audio, blocks: Blocks) -> Rendered:
    """Return Opus: always counted at 48 kHz, whatever was put in."""
    identification = b"OpusHead" + struct.pack("<BBHIhB", 1, audio.channels, _OPUS_PRE_SKIP, audio.sample_rate_hz, 0, 0)
    granule = round(audio.length_ms * _OPUS_RATE_HZ / 1000) + _OPUS_PRE_SKIP
    stream = _stream("opus", audio, _OPUS_RATE_HZ, None)
    return _render(identification, [b"OpusTags" + blocks.front], granule, stream, _size(audio))


def speex(audio: Audio, blocks: Blocks) -> Rendered:
    """Speex, one frame a packet."""
    identification = (
        b"Speex   "
        + b"1.2.0".ljust(20, b"\0")
        + struct.pack("<13i", 1, 80, audio.sample_rate_hz, 1, 4, audio.channels, audio.bitrate_bps, 320, 0, 1, 0, 0, 0)
    )
    stream = _stream("speex", audio, audio.sample_rate_hz, audio.bitrate_bps)
    return _render(identification, [blocks.front], sample_count(audio), stream, _size(audio))


def ogg_flac(audio: Audio, blocks: Blocks) -> Rendered:
    """FLAC in Ogg (https://xiph.org/flac/ogg_mapping.html)."""
    identification = b"\x7fFLAC\x01\x00\x00\x01fLaC" + block(0, streaminfo(audio))
    stream = _stream("flac", audio, audio.sample_rate_hz, None, audio.bits_per_sample)
    size = int(sample_count(audio) * audio.channels * audio.bits_per_sample / 8 * 0.6)
    return _render(identification, [block(4 | 0x80, blocks.front)], sample_count(audio), stream, size)
