"""Windows Media Audio in ASF."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from benchmarks.library.blocks.asf import asf_object, guid, utf16
from benchmarks.library.messages import Rendered
from soniquescan.messages import AudioStream

if TYPE_CHECKING:
    from benchmarks.library.messages import Audio, Blocks

_HEADER = "75B22630-668E-11CF-A6D9-00AA0062CE6C"
_DATA = "75B22636-668E-11CF-A6D9-00AA0062CE6C"
_FILE_PROPERTIES = "8CABDCA1-A947-11CF-8EE4-00C00C205365"
_STREAM_PROPERTIES = "B7DC0791-A9B7-11CF-8EE6-00C00C205365"
_CODEC_LIST = "86D15240-311D-11D0-A3A4-00A0C90348F6"
_CODEC_LIST_RESERVED = "86D15241-311D-11D0-A3A4-00A0C90348F6"
_AUDIO_MEDIA = "F8699E40-5B4D-11CF-A8FD-00805F5C442B"
_NO_ERROR_CORRECTION = "20FB5700-5B55-11CF-A8FD-00805F5C442B"
_PREROLL_MS = 3000
_WMA2 = 0x0161
_PACKET_BYTES = 4096


def _file_properties(audio: Audio, size: int) -> bytes:
    play_100ns = (audio.length_ms + _PREROLL_MS) * 10_000
    return asf_object(
        _FILE_PROPERTIES,
        bytes(16)
        + struct.pack("<QQQ", size, 0, -(-size // _PACKET_BYTES))
        + struct.pack("<QQQ", play_100ns, play_100ns, _PREROLL_MS)
        + struct.pack("<IIII", 2, _PACKET_BYTES, _PACKET_BYTES, audio.bitrate_bps),
    )


def _stream_properties(audio: Audio) -> bytes:
    form = struct.pack(
        "<HHIIHHH", _WMA2, audio.channels, audio.sample_rate_hz, audio.bitrate_bps // 8, 2048, audio.bits_per_sample, 0
    )
    return asf_object(
        _STREAM_PROPERTIES,
        guid(_AUDIO_MEDIA) + guid(_NO_ERROR_CORRECTION) + struct.pack("<QIIHI", 0, len(form), 0, 1, 0) + form,
    )


def _codec_list() -> bytes:
    name, description = utf16("Windows Media Audio 9.2"), utf16("128 kbps, 44 kHz, stereo")
    entry = struct.pack("<HH", 2, len(name) // 2) + name + struct.pack("<H", len(description) // 2) + description
    return asf_object(
        _CODEC_LIST, guid(_CODEC_LIST_RESERVED) + struct.pack("<I", 1) + entry + struct.pack("<HH", 2, _WMA2)
    )


def wma(audio: Audio, blocks: Blocks) -> Rendered:
    """Return WMA; `blocks.front` holds whole header objects, `blocks.tail` is empty."""
    size = audio.bitrate_bps * audio.length_ms // 8000
    data = guid(_DATA) + struct.pack("<Q", size + 50) + bytes(16) + struct.pack("<QH", size // _PACKET_BYTES, 0x0101)
    after = len(data) + size
    head = _header(audio, blocks, len(_header(audio, blocks, 0)) + after)
    stream = AudioStream(
        container="asf",
        codec="wma",
        length_ms=audio.length_ms,
        bitrate_bps=audio.bitrate_bps // 8 * 8,
        sample_rate_hz=audio.sample_rate_hz,
        bits_per_sample=None,
        channels=audio.channels,
        audio_md5=None,
    )
    return Rendered(head + data, b"", len(head) + after, stream)


def _header(audio: Audio, blocks: Blocks, file_size: int) -> bytes:
    objects = [_file_properties(audio, file_size), _stream_properties(audio), _codec_list(), *_split(blocks.front)]
    content = b"".join(objects)
    return guid(_HEADER) + struct.pack("<QIBB", len(content) + 30, len(objects), 1, 2) + content


def _split(front: bytes) -> list[bytes]:
    """Take the header objects apart again, since the header counts them."""
    objects = []
    while front:
        size = int.from_bytes(front[16:24], "little")
        objects.append(front[:size])
        front = front[size:]
    return objects
