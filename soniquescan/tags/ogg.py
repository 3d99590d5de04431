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
    """Return what an Ogg file says: its first audio stream's properties and comments."""
    content = Content("ogg")
    try:
        codec = attempt(lambda: _codec(source))
        file = source.file()
        info = attempt(lambda: codec.info(file))
    except UnreadableError as exc:
        content.add_stream(partial(_fail, exc))
        around.add_tags(source, content)
        return content
    content.add_tags(lambda: _comments(file, info.serial, codec))
    content.add_stream(lambda: _stream(source, file, codec, info))
    around.add_tags(source, content)
    return content


def _fail(exc: UnreadableError) -> AudioStream:
    raise exc


def _codec(source: Source) -> _Codec:
    """Return the codec of the file's audio: the streams' first pages all come before any other page."""
    file = source.file()
    packets = []
    for _ in range(MAX_HEADER_PAGES):
        page = OggPage(file)
        if not page.first:
            break
        packets += page.packets[:1]
    for codec in _CODECS:
        if any(packet.startswith(codec.magic) for packet in packets):
            return codec
    raise FileReadError(ErrorKind.UNSUPPORTED_FORMAT, "an Ogg file without a sound stream that can be read")


def _comments(file: io.BufferedReader, serial: int, codec: _Codec) -> Block:
    """Return the comments in the stream's second packet, at which `file` stands."""
    pages: list[OggPage] = []
    while not pages or not (pages[-1].complete or len(pages[-1].packets) > 1):
        page = OggPage(file)
        if page.serial == serial:
            pages.append(page)
    packet = OggPage.to_packets(pages)[0][codec.comment_prefix :]
    return read_comments(packet, OPUS if codec.name == "opus" else VORBIS)


def _stream(source: Source, file: io.BufferedReader, codec: _Codec, info: Info) -> AudioStream:
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
