"""Native FLAC (RFC 9639)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.library.messages import Rendered
from soniquescan.messages import AudioStream

if TYPE_CHECKING:
    from benchmarks.library.messages import Audio, Blocks

_STREAMINFO, _PADDING, _COMMENT, _PICTURE = 0, 1, 4, 6
_LAST = 0x80
_PADDING_BYTES = 1024
_FRAME_START = b"\xff\xf8\xc9\x18\x00\xc2"
_RATIO = 0.6  # of the size of the samples, as music usually packs


def block(kind: int, content: bytes) -> bytes:
    """Return a metadata block with its header."""
    return bytes((kind,)) + len(content).to_bytes(3, "big") + content


def sample_count(audio: Audio) -> int:
    """Return how many samples the asked length has."""
    return round(audio.length_ms * audio.sample_rate_hz / 1000)


def streaminfo(audio: Audio) -> bytes:
    """Return the content of the STREAMINFO block."""
    head = (4096).to_bytes(2, "big") * 2 + bytes(6)
    packed = audio.sample_rate_hz << 44 | (audio.channels - 1) << 41 | (audio.bits_per_sample - 1) << 36
    return head + (packed | sample_count(audio)).to_bytes(8, "big") + (audio.md5 or bytes(16))


def md5_text(audio: Audio) -> str | None:
    """Return the MD5 of the audio as a reader must tell it."""
    return None if audio.md5 is None else audio.md5.hex()


def flac(audio: Audio, blocks: Blocks) -> Rendered:
    """STREAMINFO, comments, pictures, padding and the start of a frame."""
    head = b"".join((
        b"fLaC",
        block(_STREAMINFO, streaminfo(audio)),
        block(_COMMENT, blocks.front),
        block(_PICTURE, blocks.pictures) if blocks.pictures else b"",
        block(_PADDING | _LAST, bytes(_PADDING_BYTES)),
    ))  # fmt: skip
    samples = sample_count(audio)
    audio_bytes = max(len(_FRAME_START), int(samples * audio.channels * audio.bits_per_sample / 8 * _RATIO))
    stream = AudioStream(
        container="flac",
        codec="flac",
        length_ms=round(samples * 1000 / audio.sample_rate_hz),
        bitrate_bps=round(audio_bytes * 8 * audio.sample_rate_hz / samples),
        sample_rate_hz=audio.sample_rate_hz,
        bits_per_sample=audio.bits_per_sample,
        channels=audio.channels,
        audio_md5=md5_text(audio),
    )
    return Rendered(head + _FRAME_START, b"", len(head) + audio_bytes, stream)
