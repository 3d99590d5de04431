"""Ogg (https://www.rfc-editor.org/rfc/rfc3533.html): Vorbis, Opus, Speex and FLAC."""

from __future__ import annotations

import struct
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
from soniquescan.tags.content import Block, Content, Info, UnreadableError, attempt, opened, stream
from soniquescan.tags.flac import audio_md5
from soniquescan.tags.mapping import OPUS, VORBIS
from soniquescan.tags.source import Source
from soniquescan.tags.vorbis import read_comments

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator

    from soniquescan.messages import AudioStream

OPUS_RATE_HZ = 48_000  # whatever the source was, Opus decodes to this: RFC 7845, section 4
MAX_HEADER_PAGES = 64  # streams of one file begin within its first pages
MAX_PAGE_BYTES = 27 + 255 + 255 * 255
MAX_LAST_PAGES = 64  # what looks like a page in a file's tail, looked at before giving up
_PAGE = struct.Struct("<4sBBqIIIB")
_ALL_FLAGS = 0x07
_STREAMINFO_START = 17  # in the first packet of FLAC in Ogg (RFC 9639, section 10.1)


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


class _Sound(NamedTuple):
    """What a file's first pages tell."""

    codec: _Codec
    identification: bytes  # the first packet of the stream to read
    serial: int  # of that stream
    serials: frozenset[int]  # of all streams


class _Page(NamedTuple):
    """Where a page of the file's tail stands in it."""

    start: int
    end: int


def read_ogg(source: Source) -> Content:
    """Return what an Ogg file says: the properties and comments of its first audio stream."""
    content = Content("ogg")
    file = opened(source)
    try:
        sound = attempt(partial(_sound, source))
    except UnreadableError as exc:
        content.problem(ErrorKind.NO_AUDIO_STREAM, str(exc))
    else:
        _note_cut_page(source, sound.serials, content)
        content.add_tags(lambda: _comments(file, sound.serial, sound.codec))
        content.add_stream(lambda: _stream(source, file, sound))
    around.add_tags(source, content)
    return content


def _sound(source: Source) -> _Sound:
    """Return what the file's audio is: all streams' first pages come before any other page."""
    file = opened(source)
    streams = []
    for _ in range(MAX_HEADER_PAGES):
        page = OggPage(file)
        if not page.first:
            break
        streams += [(packet, page.serial) for packet in page.packets[:1]]
    for codec in _CODECS:
        for packet, serial in streams:
            if packet.startswith(codec.magic):
                return _Sound(codec, packet, serial, frozenset(number for _, number in streams))
    raise FileReadError(ErrorKind.UNSUPPORTED_FORMAT, "an Ogg file without a sound stream that can be read")


def _note_cut_page(source: Source, serials: frozenset[int], content: Content) -> None:
    """Note that the file ends within a page.

    A missing end-of-stream flag means nothing, since recorders leave it out; nor do bytes behind the last page.
    """
    start = max(source.around.start, source.around.end - MAX_PAGE_BYTES)
    tail = source.pread(source.around.end - start, start)
    cut = None
    for page in _pages_backwards(tail, serials):
        if page.end <= len(tail):
            if cut is None or page.end > cut.start:  # then what seemed a page is within this one
                return
            break
        cut = page
    if cut is not None:
        content.problem(ErrorKind.TRUNCATED, f"at least {cut.end - len(tail)} bytes of the last page are missing")


def _pages_backwards(tail: bytes, serials: frozenset[int]) -> Iterator[_Page]:
    """Yield where pages of these streams stand, the last one first; the last one may be cut anywhere."""
    start = len(tail)
    for _ in range(MAX_LAST_PAGES):
        start = tail.rfind(b"OggS", 0, start)
        if start < 0:
            break
        header = tail[start : start + _PAGE.size].ljust(_PAGE.size, b"\x00")
        _, version, flags, _, serial, _, _, segments = _PAGE.unpack(header)
        if version == 0 and flags <= _ALL_FLAGS and serial in serials:
            content_start = start + _PAGE.size + segments
            yield _Page(start, content_start + sum(tail[start + _PAGE.size : content_start]))


def _comments(file: io.BufferedReader, serial: int, codec: _Codec) -> Block:
    """Return the comments in the stream's second packet; leaves `file` behind it."""
    pages: list[OggPage] = []
    while not pages or not (pages[-1].complete or len(pages[-1].packets) > 1):
        page = OggPage(file)
        if page.serial == serial and not page.first:
            pages.append(page)
    packet = OggPage.to_packets(pages)[0][codec.comment_prefix :]
    return read_comments(packet, OPUS if codec.name == "opus" else VORBIS)


def _stream(source: Source, file: io.BufferedReader, sound: _Sound) -> AudioStream:
    codec = sound.codec
    info = codec.info(opened(source))
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
        audio_md5=audio_md5(sound.identification[_STREAMINFO_START:]) if codec.name == "flac" else None,
    )
