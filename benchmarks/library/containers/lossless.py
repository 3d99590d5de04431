"""Containers with a short header and APEv2 tags: WavPack, Monkey's Audio, Musepack, OptimFROG and TAK; and TTA."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from benchmarks.library.containers.flac import sample_count
from benchmarks.library.messages import Rendered
from soniquescan.messages import AudioStream

if TYPE_CHECKING:
    from benchmarks.library.messages import Audio, Blocks

_RATIO = 0.6  # of the size of the samples, as music usually packs
_WAVPACK_RATES = (6000, 8000, 9600, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 192000)
_WAVPACK_BLOCK_SAMPLES = 22_050
_APE_FRAME_SAMPLES = 73_728 * 4
_MPC_RATES = (44_100, 48_000, 37_800, 32_000)
_MPC_FRAME_SAMPLES = 1152
_MPC_SKIPPED_SAMPLES = 576  # half a frame: the synthesis window's delay
_OPTIMFROG_SAMPLE_TYPES = {8: 0, 16: 2, 24: 4, 32: 6}
_TAK_STREAM_INFO, _TAK_END = 1, 0
_TAK_RATE_MIN, _TAK_BITS_MIN, _TAK_CHANNELS_MIN = 6000, 8, 1


def _render(head: bytes, blocks: Blocks, audio: Audio, names: tuple[str, str], bits: int | None) -> Rendered:
    """Return head, hole and tags; `names` are container and codec. Of these headers none says a bit rate."""
    samples = sample_count(audio)
    size = int(samples * audio.channels * audio.bits_per_sample / 8 * _RATIO)
    stream = AudioStream(
        *names,
        length_ms=round(samples * 1000 / audio.sample_rate_hz),
        bitrate_bps=None,
        sample_rate_hz=audio.sample_rate_hz,
        bits_per_sample=bits,
        channels=audio.channels,
        audio_md5=None,
    )
    return Rendered(head, blocks.tail, len(head) + size + len(blocks.tail), stream)


def wavpack(audio: Audio, blocks: Blocks) -> Rendered:
    """One block header; its flags hold sample size, mono, first and last block, and rate."""
    flags = audio.bits_per_sample // 8 - 1 | (4 if audio.channels == 1 else 0) | 0b11 << 11
    flags |= _WAVPACK_RATES.index(audio.sample_rate_hz) << 23
    counts = struct.pack("<III", sample_count(audio), 0, _WAVPACK_BLOCK_SAMPLES)
    head = b"wvpk" + struct.pack("<IHBB", 4096 + 24, 0x410, 0, 0) + counts + struct.pack("<II", flags, 0)
    return _render(head, blocks, audio, ("wv", "wavpack"), audio.bits_per_sample)


def monkeys_audio(audio: Audio, blocks: Blocks) -> Rendered:
    """Return the descriptor and header of version 3.99."""
    whole, rest = divmod(sample_count(audio), _APE_FRAME_SAMPLES)
    descriptor = b"MAC " + struct.pack("<HHIIIIIII16s", 3990, 0, 52, 24, 0, 44, 0, 0, 0, b"")
    header = struct.pack(
        "<HHIIIHHI", 2000, 0, _APE_FRAME_SAMPLES, rest, whole + 1, audio.bits_per_sample, audio.channels,
        audio.sample_rate_hz,
    )  # fmt: skip
    return _render(descriptor + header, blocks, audio, ("ape", "ape"), audio.bits_per_sample)


def musepack7(audio: Audio, blocks: Blocks) -> Rendered:
    """Stream version 7: always stereo, counted in frames."""
    audio = audio._replace(channels=2)
    frames = max(1, round(sample_count(audio) / _MPC_FRAME_SAMPLES))
    flags = _MPC_RATES.index(audio.sample_rate_hz) << 16
    head = b"MP+\x07" + struct.pack("<II", frames, flags) + bytes(20)
    length_ms = round((frames * _MPC_FRAME_SAMPLES - _MPC_SKIPPED_SAMPLES) * 1000 / audio.sample_rate_hz)
    rendered = _render(head, blocks, audio, ("mpc", "musepack"), None)
    return rendered._replace(stream=rendered.stream._replace(length_ms=length_ms))


def musepack8(audio: Audio, blocks: Blocks) -> Rendered:
    """Stream version 8: packets with keys; the stream header counts samples."""
    rates = _MPC_RATES.index(audio.sample_rate_hz) << 5 | 31
    header = bytes((8,)) + _varint(sample_count(audio)) + b"\0" + bytes((rates, (audio.channels - 1) << 4))
    stream_header = struct.pack(">I", zlib.crc32(header)) + header
    head = b"MPCK" + _packet(b"SH", stream_header) + _packet(b"RG", bytes((1, *bytes(8)))) + _packet(b"AP", bytes(64))
    return _render(head, blocks, audio, ("mpc", "musepack"), None)


def _varint(number: int) -> bytes:
    septets = [number & 0x7F]
    while number := number >> 7:
        septets.append(number & 0x7F | 0x80)
    return bytes(reversed(septets))


def _packet(key: bytes, content: bytes) -> bytes:
    """Return a packet whose size, counting key and itself, fits one byte."""
    return key + bytes((len(content) + 3,)) + content


def true_audio(audio: Audio, blocks: Blocks) -> Rendered:
    """TTA1, with an ID3v2 tag in front."""
    header = b"TTA1" + struct.pack(
        "<HHHII", 1, audio.channels, audio.bits_per_sample, audio.sample_rate_hz, sample_count(audio)
    )
    head = blocks.front + header + struct.pack("<I", zlib.crc32(header))
    return _render(head, blocks, audio, ("tta", "tta"), audio.bits_per_sample)


def optimfrog(audio: Audio, blocks: Blocks) -> Rendered:
    """Return the first chunk of version 5.100; its sample count is that of all channels together."""
    total = sample_count(audio) * audio.channels
    kind = _OPTIMFROG_SAMPLE_TYPES[audio.bits_per_sample]
    counts = struct.pack("<IHBBI", total & 0xFFFFFFFF, total >> 32, kind, audio.channels - 1, audio.sample_rate_hz)
    head = b"OFR " + struct.pack("<I", 15) + counts + struct.pack("<HB", 600 << 4, 0)
    return _render(head.ljust(76, b"\0"), blocks, audio, ("ofr", "optimfrog"), audio.bits_per_sample)


def tak(audio: Audio, blocks: Blocks) -> Rendered:
    """Return a STREAMINFO metadata object, whose bits are counted from the lowest."""
    fields = (
        (6, 2),  # codec
        (4, 0),  # profile
        (4, 0),  # frame duration
        (35, sample_count(audio)),
        (3, 0),  # PCM
        (18, audio.sample_rate_hz - _TAK_RATE_MIN),
        (5, audio.bits_per_sample - _TAK_BITS_MIN),
        (4, audio.channels - _TAK_CHANNELS_MIN),
        (1, 0),  # no extension
    )
    value = shift = 0
    for width, number in fields:
        value |= number << shift
        shift += width
    info = value.to_bytes(10, "little")
    head = b"tBaK" + _tak_object(_TAK_STREAM_INFO, info) + _tak_object(_TAK_END, b"")
    return _render(head, blocks, audio, ("tak", "tak"), audio.bits_per_sample)


def _tak_object(kind: int, content: bytes) -> bytes:
    checksum = (zlib.crc32(content) & 0xFFFFFF).to_bytes(3, "little") if content else b""
    return bytes((kind,)) + (len(content) + len(checksum)).to_bytes(3, "little") + content + checksum
