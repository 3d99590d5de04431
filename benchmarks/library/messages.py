"""The types that the parts of the generator hand to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from soniquescan.messages import AudioStream

# Picard name → values. A qualifier follows a colon: "performer:guitar", "comment:Songs-DB_Custom1".
Tags = dict[str, list[str]]


class Cover(NamedTuple):
    """An embedded picture."""

    mime: str
    data: bytes


class Blocks(NamedTuple):
    """Encoded tags, as an audio container takes them."""

    front: bytes = b""  # where the container keeps its own tags
    tail: bytes = b""  # after the audio: APEv2, then ID3v1
    pictures: bytes = b""  # FLAC only, where a picture is a block of its own


class Audio(NamedTuple):
    """What the audio shall be; a container takes the fields that it knows and rounds the length to whole frames."""

    length_ms: int = 180_000
    sample_rate_hz: int = 44_100
    channels: int = 2
    bits_per_sample: int = 16
    bitrate_bps: int = 128_000
    md5: bytes | None = None  # of the samples, where the container is FLAC


class Rendered(NamedTuple):
    """One file: its first and last bytes with a hole between them, and what a reader must make of the audio."""

    head: bytes
    tail: bytes
    size_bytes: int
    stream: AudioStream
