"""MPEG audio layers II and III, ADTS and AC-3: streams of frames without a container.

Headers: ISO 11172-3, ISO 13818-7, ETSI TS 102 366; Xing header: the layout that LAME writes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from benchmarks.library.messages import Rendered
from soniquescan.messages import AudioStream

if TYPE_CHECKING:
    from benchmarks.library.messages import Audio, Blocks

_SAMPLES = 1152
_LAYER_BITS = {2: 0b10, 3: 0b01}
_BITRATES = {
    2: (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
_RATES = (44_100, 48_000, 32_000)
_MONO, _STEREO = 3, 0
_SIDE_INFORMATION = {1: 17, 2: 32}
_LEADING_FRAMES = 8  # what readers want to see before they believe in a stream
_XING_FIELDS = 0b0011  # frames and bytes

_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
_AAC_SAMPLES = 1024

_AC3_RATES = (48_000, 44_100, 32_000)
_AC3_BITRATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_MODES = {1: 1, 2: 2, 3: 3, 4: 6, 5: 7}
_AC3_SAMPLES = 1536


def _frame(audio: Audio, layer: int) -> bytes:
    """Return a silent frame of MPEG-1, without CRC and padding."""
    kbps = audio.bitrate_bps // 1000
    first = 0xFFE00000 | 0b11 << 19 | _LAYER_BITS[layer] << 17 | 1 << 16
    rates = _BITRATES[layer].index(kbps) << 12 | _RATES.index(audio.sample_rate_hz) << 10
    mode = (_MONO if audio.channels == 1 else _STEREO) << 6
    size = _SAMPLES // 8 * audio.bitrate_bps // audio.sample_rate_hz
    return struct.pack(">I", first | rates | mode).ljust(size, b"\0")


def _stream(audio: Audio, layer: int, frames: int, bitrate_bps: int) -> AudioStream:
    length_ms = round(frames * _SAMPLES * 1000 / audio.sample_rate_hz)
    return AudioStream("mp3", f"mp{layer}", length_ms, bitrate_bps, audio.sample_rate_hz, None, audio.channels, None)


def _frames(audio: Audio) -> int:
    return max(_LEADING_FRAMES, round(audio.length_ms * audio.sample_rate_hz / _SAMPLES / 1000))


def _around(blocks: Blocks, start: bytes, size: int, stream: AudioStream) -> Rendered:
    head = blocks.front + start
    return Rendered(head, blocks.tail, len(blocks.front) + size + len(blocks.tail), stream)


def mp2(audio: Audio, blocks: Blocks) -> Rendered:
    """Layer II at a constant bit rate: the length follows from the size alone."""
    return _constant(audio, blocks, 2)


def mp3_constant(audio: Audio, blocks: Blocks) -> Rendered:
    """Layer III at a constant bit rate without a Xing header: the length follows from the size alone."""
    return _constant(audio, blocks, 3)


def _constant(audio: Audio, blocks: Blocks, layer: int) -> Rendered:
    frame, frames = _frame(audio, layer), _frames(audio)
    # Frames here are never padded, so the true length is a little under frames * 1152 / rate; a reader that divides
    # the size by the bit rate is right.
    length_ms = round(len(frame) * frames * 8000 / audio.bitrate_bps)
    stream = _stream(audio, layer, frames, audio.bitrate_bps)._replace(length_ms=length_ms)
    return _around(blocks, frame * _LEADING_FRAMES, len(frame) * frames, stream)


def mp3_info(audio: Audio, blocks: Blocks) -> Rendered:
    """Layer III at a constant bit rate with an Info header, as LAME writes it."""
    frames = _frames(audio)
    return _with_header(audio, blocks, b"Info", frames, _average_bytes(audio, frames))


def mp3_variable(audio: Audio, blocks: Blocks) -> Rendered:
    """Layer III at a variable bit rate: the Xing header says how many frames and bytes there are."""
    frames = _frames(audio)
    return _with_header(audio, blocks, b"Xing", frames, _average_bytes(audio, frames) * 11 // 10)


def _average_bytes(audio: Audio, frames: int) -> int:
    return round(frames * _SAMPLES * audio.bitrate_bps / 8 / audio.sample_rate_hz)


def _with_header(audio: Audio, blocks: Blocks, mark: bytes, frames: int, size: int) -> Rendered:
    frame = _frame(audio, 3)
    start = 4 + _SIDE_INFORMATION[audio.channels]
    xing = mark + struct.pack(">III", _XING_FIELDS, frames, size + len(frame))
    header = frame[:start] + xing + frame[start + len(xing) :]
    bitrate_bps = round(size * 8 * audio.sample_rate_hz / (frames * _SAMPLES))
    stream = _stream(audio, 3, frames, bitrate_bps)
    return _around(blocks, header + frame * _LEADING_FRAMES, len(header) + size, stream)


def aac(audio: Audio, blocks: Blocks) -> Rendered:
    """AAC LC in ADTS frames of one size, so that the length follows from any of them."""
    size = round(audio.bitrate_bps * _AAC_SAMPLES / 8 / audio.sample_rate_hz)
    frames = max(200, round(audio.length_ms * audio.sample_rate_hz / _AAC_SAMPLES / 1000))
    fixed = 0xFFF1 << 16 | 1 << 14 | _AAC_RATES.index(audio.sample_rate_hz) << 10 | audio.channels << 6
    header = (fixed << 24 | (size & 0x1FFF) << 13 | 0x7FF << 2).to_bytes(7, "big")
    stream = AudioStream(
        container="aac",
        codec="aac",
        length_ms=round(frames * _AAC_SAMPLES * 1000 / audio.sample_rate_hz),
        bitrate_bps=round((size - len(header)) * 8 * audio.sample_rate_hz / _AAC_SAMPLES),
        sample_rate_hz=audio.sample_rate_hz,
        bits_per_sample=None,
        channels=audio.channels,
        audio_md5=None,
    )
    return _around(blocks, header.ljust(size, b"\0") * 120, size * frames, stream)


def ac3(audio: Audio, blocks: Blocks) -> Rendered:
    """AC-3 frames without low-frequency channel."""
    kbps = audio.bitrate_bps // 1000
    size = _AC3_SAMPLES * audio.bitrate_bps // audio.sample_rate_hz // 8 // 2 * 2
    frames = max(_LEADING_FRAMES, round(audio.length_ms * audio.sample_rate_hz / _AC3_SAMPLES / 1000))
    rates = _AC3_RATES.index(audio.sample_rate_hz) << 6 | _AC3_BITRATES.index(kbps) << 1
    header = struct.pack(">HHBBB", 0x0B77, 0, rates, 8 << 3, _AC3_MODES[audio.channels] << 5)
    stream = AudioStream(
        container="ac3",
        codec="ac3",
        length_ms=round(size * frames * 8000 / audio.bitrate_bps),
        bitrate_bps=audio.bitrate_bps,
        sample_rate_hz=audio.sample_rate_hz,
        bits_per_sample=None,
        channels=audio.channels,
        audio_md5=None,
    )
    return _around(blocks, header.ljust(size, b"\0") * _LEADING_FRAMES, size * frames, stream)
