"""Containers of chunks: WAV, AIFF, DSF and DSDIFF."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from benchmarks.library.blocks.riff import chunk as riff_chunk
from benchmarks.library.containers.flac import sample_count
from benchmarks.library.messages import Rendered
from soniquescan.messages import AudioStream

if TYPE_CHECKING:
    from benchmarks.library.messages import Audio, Blocks

_PCM = 1
_DSF_BLOCK = 4096
_DSD_RATE_HZ = 2_822_400
_FLOAT80_BIAS = 16383


def _pcm_stream(audio: Audio, container: str) -> AudioStream:
    samples = sample_count(audio)
    bitrate_bps = audio.sample_rate_hz * audio.channels * audio.bits_per_sample
    return AudioStream(
        container=container,
        codec="pcm",
        length_ms=round(samples * 1000 / audio.sample_rate_hz),
        bitrate_bps=bitrate_bps,
        sample_rate_hz=audio.sample_rate_hz,
        bits_per_sample=audio.bits_per_sample,
        channels=audio.channels,
        audio_md5=None,
    )


def _pcm_bytes(audio: Audio) -> int:
    size = sample_count(audio) * audio.channels * audio.bits_per_sample // 8
    return size + size % 2


def wav(audio: Audio, blocks: Blocks) -> Rendered:
    """PCM, then the chunks in `blocks.tail`: an ID3v2 tag, an INFO list, or both."""
    size = _pcm_bytes(audio)
    step = audio.channels * audio.bits_per_sample // 8
    form = struct.pack(
        "<HHIIHH", _PCM, audio.channels, audio.sample_rate_hz, audio.sample_rate_hz * step, step, audio.bits_per_sample
    )
    body = b"WAVE" + riff_chunk(b"fmt ", form) + b"data" + struct.pack("<I", size)
    total = len(body) + size + len(blocks.tail)
    head = b"RIFF" + struct.pack("<I", total) + body
    return Rendered(head, blocks.tail, total + 8, _pcm_stream(audio, "wav"))


def iff_chunk(name: bytes, content: bytes) -> bytes:
    """Return an IFF chunk, padded to an even size."""
    return name + struct.pack(">I", len(content)) + content + bytes(len(content) % 2)


def _float80(number: int) -> bytes:
    """Return a positive integer as the 80 bit float that AIFF has rates in."""
    bits = number.bit_length()
    return struct.pack(">HQ", _FLOAT80_BIAS + bits - 1, number << 64 - bits)


def aiff(audio: Audio, blocks: Blocks) -> Rendered:
    """PCM, then an ID3 chunk."""
    size = _pcm_bytes(audio)
    common = struct.pack(">hLh", audio.channels, sample_count(audio), audio.bits_per_sample)
    tail = iff_chunk(b"ID3 ", blocks.front)
    body = b"AIFF" + iff_chunk(b"COMM", common + _float80(audio.sample_rate_hz))
    body += b"SSND" + struct.pack(">III", size + 8, 0, 0)
    total = len(body) + size + len(tail)
    return Rendered(b"FORM" + struct.pack(">I", total) + body, tail, total + 8, _pcm_stream(audio, "aiff"))


def _dsd_stream(audio: Audio, container: str, samples: int) -> AudioStream:
    return AudioStream(
        container=container,
        codec="dsd",
        length_ms=round(samples * 1000 / _DSD_RATE_HZ),
        bitrate_bps=_DSD_RATE_HZ * audio.channels,
        sample_rate_hz=_DSD_RATE_HZ,
        bits_per_sample=1,
        channels=audio.channels,
        audio_md5=None,
    )


def dsf(audio: Audio, blocks: Blocks) -> Rendered:
    """DSD64 in Sony's stream file; the header points at the ID3v2 tag at the end."""
    samples = audio.length_ms * _DSD_RATE_HZ // 1000
    blocks_each = -(-samples // 8 // _DSF_BLOCK)
    size = blocks_each * _DSF_BLOCK * audio.channels
    form = struct.pack("<IIIIIIQII", 1, 0, audio.channels, audio.channels, _DSD_RATE_HZ, 1, samples, _DSF_BLOCK, 0)
    start = b"fmt " + struct.pack("<Q", len(form) + 12) + form + b"data" + struct.pack("<Q", size + 12)
    metadata = 28 + len(start) + size
    total = metadata + len(blocks.front)
    head = b"DSD " + struct.pack("<QQQ", 28, total, metadata) + start
    return Rendered(head, blocks.front, total, _dsd_stream(audio, "dsf", samples))


def _wide_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack(">Q", len(content)) + content + bytes(len(content) % 2)


def dsdiff(audio: Audio, blocks: Blocks) -> Rendered:
    """DSD64 in Philips' interchange file, with an ID3v2 tag at the end."""
    size = audio.length_ms * _DSD_RATE_HZ // 8000 // 2 * 2 * audio.channels
    channels = struct.pack(">H", audio.channels) + b"".join((b"SLFT", b"SRGT")[: audio.channels])
    properties = b"".join((
        _wide_chunk(b"FS  ", struct.pack(">I", _DSD_RATE_HZ)),
        _wide_chunk(b"CHNL", channels),
        _wide_chunk(b"CMPR", b"DSD \x0enot compressed"),
    ))  # fmt: skip
    body = b"DSD " + _wide_chunk(b"FVER", b"\x01\x05\0\0") + _wide_chunk(b"PROP", b"SND " + properties)
    body += b"DSD " + struct.pack(">Q", size)
    tail = _wide_chunk(b"ID3 ", blocks.front)
    total = len(body) + size + len(tail)
    stream = _dsd_stream(audio, "dff", size * 8 // audio.channels)
    return Rendered(b"FRM8" + struct.pack(">Q", total) + body, tail, total + 12, stream)
