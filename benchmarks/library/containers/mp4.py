"""MP4 audio files (ISO 14496-12 and -14, and Apple's ALAC magic cookie)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from benchmarks.library.blocks.mp4 import atom
from benchmarks.library.containers.flac import sample_count
from benchmarks.library.messages import Rendered
from soniquescan.messages import AudioStream

if TYPE_CHECKING:
    from benchmarks.library.messages import Audio, Blocks

_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
_AAC_LC = 2


def _descriptor(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def _aac_entry(audio: Audio) -> bytes:
    """Return the sample entry of AAC LC: elementary stream, decoder configuration, AudioSpecificConfig."""
    config = _AAC_LC << 11 | _AAC_RATES.index(audio.sample_rate_hz) << 7 | audio.channels << 3
    specific = _descriptor(5, config.to_bytes(2, "big"))
    decoder = struct.pack(">BB3xII", 0x40, 5 << 2 | 1, audio.bitrate_bps, audio.bitrate_bps)
    esds = _descriptor(3, bytes(3) + _descriptor(4, decoder + specific) + _descriptor(6, b"\x02"))
    return atom("mp4a", _sample_entry(audio, 16), atom("esds", bytes(4), esds))


def _alac_entry(audio: Audio) -> bytes:
    cookie = struct.pack(
        ">IBBBBBBHIII", 4096, 0, audio.bits_per_sample, 40, 10, 14, audio.channels, 255, 0, audio.bitrate_bps,
        audio.sample_rate_hz,
    )  # fmt: skip
    return atom("alac", _sample_entry(audio, audio.bits_per_sample), atom("alac", bytes(4), cookie))


def _sample_entry(audio: Audio, bits: int) -> bytes:
    # The 16.16 rate cannot hold more than 65535 Hz; the codec's own configuration says it all.
    rate_hz = audio.sample_rate_hz if audio.sample_rate_hz < 1 << 16 else 0
    return bytes(6) + struct.pack(">H8xHHHHI", 1, audio.channels, bits, 0, 0, rate_hz << 16)


def _track(audio: Audio, entry: bytes, chunk_offset: int) -> bytes:
    samples = sample_count(audio)
    tables = atom(
        "stbl",
        atom("stsd", struct.pack(">II", 0, 1), entry),
        atom("stts", struct.pack(">IIII", 0, 1, 1, samples)),
        atom("stsc", struct.pack(">IIIII", 0, 1, 1, 1, 1)),
        atom("stsz", struct.pack(">III", 0, 1, 1)),
        atom("stco", struct.pack(">III", 0, 1, chunk_offset)),
    )
    references = atom("dinf", atom("dref", struct.pack(">II", 0, 1), atom("url ", b"\0\0\0\x01")))
    media = atom(
        "mdia",
        atom("mdhd", struct.pack(">IIIIIHH", 0, 0, 0, audio.sample_rate_hz, samples, 0x55C4, 0)),
        atom("hdlr", struct.pack(">II4s12xB", 0, 0, b"soun", 0)),
        atom("minf", atom("smhd", bytes(8)), references, tables),
    )
    header = struct.pack(">IIIIII8xHHHH", 1, 0, 0, 1, 0, audio.length_ms, 0, 0, 0x100, 0) + _MATRIX + bytes(8)
    return atom("trak", atom("tkhd", header), media)


def _movie(audio: Audio, entry: bytes, ilst: bytes, chunk_offset: int) -> bytes:
    header = struct.pack(">IIIIIIH10x", 0, 0, 0, 1000, audio.length_ms, 0x10000, 0x100) + _MATRIX + bytes(24)
    meta = atom(
        "meta", bytes(4), atom("hdlr", struct.pack(">II4s4s9x", 0, 0, b"mdir", b"appl")), ilst, atom("free", bytes(512))
    )
    return atom("moov", atom("mvhd", header + b"\0\0\0\x02"), _track(audio, entry, chunk_offset), atom("udta", meta))


def _render(audio: Audio, blocks: Blocks, brand: bytes, entry: bytes, stream: AudioStream) -> Rendered:
    kind = atom("ftyp", brand + bytes(4) + brand + b"mp42isom")
    before = len(kind) + len(_movie(audio, entry, blocks.front, 0)) + 8
    size = max(1, audio.bitrate_bps * audio.length_ms // 8000)
    data_header = struct.pack(">I4s", size + 8, b"mdat")
    head = kind + _movie(audio, entry, blocks.front, before) + data_header
    return Rendered(head, b"", len(head) + size, stream)


def _stream(audio: Audio, codec: str, bits: int | None) -> AudioStream:
    length_ms = round(sample_count(audio) * 1000 / audio.sample_rate_hz)
    return AudioStream("mp4", codec, length_ms, audio.bitrate_bps, audio.sample_rate_hz, bits, audio.channels, None)


def m4a(audio: Audio, blocks: Blocks) -> Rendered:
    """AAC LC in an iTunes audio file; the 16 bits in its sample entry are a constant, AAC has no sample size."""
    return _render(audio, blocks, b"M4A ", _aac_entry(audio), _stream(audio, "aac", None))


def m4b(audio: Audio, blocks: Blocks) -> Rendered:
    """AAC LC in an iTunes audio book."""
    return _render(audio, blocks, b"M4B ", _aac_entry(audio), _stream(audio, "aac", None))


def alac(audio: Audio, blocks: Blocks) -> Rendered:
    """Apple Lossless in an iTunes audio file."""
    return _render(audio, blocks, b"M4A ", _alac_entry(audio), _stream(audio, "alac", audio.bits_per_sample))
