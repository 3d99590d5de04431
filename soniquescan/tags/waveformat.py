"""Microsoft's numbers of audio codecs, in WAV and ASF."""

from __future__ import annotations

PCM = ("pcm", "pcm_alaw", "pcm_mulaw")  # one block a sample

# Format tags (RFC 2361) → codecs as ffmpeg names them; pcm for every plain one.
_CODECS = {
    0x0001: "pcm",
    0x0002: "adpcm_ms",
    0x0003: "pcm",
    0x0006: "pcm_alaw",
    0x0007: "pcm_mulaw",
    0x000A: "wmavoice",
    0x0011: "adpcm_ima_wav",
    0x0031: "gsm_ms",
    0x0050: "mp2",
    0x0055: "mp3",
    0x0092: "ac3",
    0x00FF: "aac",
    0x0160: "wma",
    0x0161: "wma",
    0x0162: "wmapro",
    0x0163: "wmalossless",
    0x2000: "ac3",
    0x2001: "dts",
    0x674F: "vorbis",
    0xF1AC: "flac",
}


def codec_of(tag: int) -> str:
    """Return the codec that a format tag stands for, or the tag itself where it is none of the usual ones."""
    return _CODECS.get(tag, f"0x{tag:04x}")
