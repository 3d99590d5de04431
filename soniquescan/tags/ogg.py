"""Ogg (https://www.rfc-editor.org/rfc/rfc3533.html): Vorbis, Opus, Speex and FLAC."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from mutagen.ogg import OggPage
from mutagen.oggflac import OggFLACStreamInfo
from mutagen.oggopus import OggOpusInfo
from mutagen.oggspeex import OggSpeexInfo
from mutagen.oggvorbis import OggVorbisInfo

from soniquescan.errors import FileReadError
from soniquescan.messages import ErrorKind
from soniquescan.tags import around
from soniquescan.tags.content import Block, Content, Info, Source, UnreadableError, attempt, stream
from soniquescan.tags.mapping import OPUS, VORBIS
from soniquescan.tags.vorbis import read_comments

if TYPE_CHECKING:
    import io
    from collections.abc import Callable

    from soniquescan.messages import AudioStream

OPUS_RATE_HZ = 48_000  # whatever the source was, Opus decodes to this: RFC 7845, section 4
MAX_HEADER_PAGES = 64  # streams of one file begin within its first pages


class _Codec(NamedTuple):
    name: str
    magic: bytes  # how the first packet of a stream begins
    comment_prefix: int  # bytes of the comment packet before the comments
    info: Callable[[io.BufferedReader], Info]


# In the order of preference, for files that hold several streams.
_CODECS = (
    _Codec("vorbis", b"\x01vorbis", 7, OggVorbisInfo),
    _Codec("opus", b"OpusHead", 8, OggOpusInfo),
    _Codec("speex", b"Speex   ", 0, OggSpeexInfo),
    _Codec("flac", b"\x7fFLAC", 4, OggFLACStreamInfo),
)


def read_ogg(source: Source) -> Content:
    """Return what an Ogg file says: the properties and comments of its first audio stream."""
    content = Content("ogg")
    file = source.file()
    try:
        codec, serial = attempt(partial(_sound, source))
    except UnreadableError as exc:
        content.problem(ErrorKind.NO_AUDIO_STREAM, str(exc))
    else:
        content.add_tags(lambda: _comments(file, serial, codec))
        content.add_stream(lambda: _stream(source, file, codec))
    around.add_tags(source, content)
    return content


def _sound(source: Source) -> tuple[_Codec, int]:
    """Return codec and serial number of the file's audio: all streams' first pages come before any other page."""
    file = source.file()
    streams = []
    for _ in range(MAX_HEADER_PAGES):
        page = OggPage(file)
        if not page.first:
            break
        streams += [(packet, page.serial) for packet in page.packets[:1]]
    for codec in _CODECS:
        for packet, serial in streams:
            if packet.startswith(codec.magic):
                return codec, serial
    raise FileReadError(ErrorKind.UNSUPPORTED_FORMAT, "an Ogg file without a sound stream that can be read")


def _comments(file: io.BufferedReader, serial: int, codec: _Codec) -> Block:
    """Return the comments in the stream's second packet; leaves `file` behind it."""
    pages: list[OggPage] = []
    while not pages or not (pages[-1].complete or len(pages[-1].packets) > 1):
        page = OggPage(file)
        if page.serial == serial and not page.first:
            pages.append(page)
    packet = OggPage.to_packets(pages)[0][codec.comment_prefix :]
    return read_comments(packet, OPUS if codec.name == "opus" else VORBIS)


def _stream(source: Source, file: io.BufferedReader, codec: _Codec) -> AudioStream:
    info = codec.info(source.file())
    info._post_tags(file)  # noqa: SLF001  mutagen's way to set the length, from the stream's last page
    return stream(
        source,
        "ogg",
        codec.name,
        length_s=info.length,
        bitrate_bps=getattr(info, "bitrate", 0),
        sample_rate_hz=OPUS_RATE_HZ if codec.name == "opus" else info.sample_rate,
        bits_per_sample=getattr(info, "bits_per_sample", None),
        channels=info.channels,
    )
