"""AIFF and AIFF-C: Apple's Audio Interchange File Format, version 1.3, and AIFF-C, draft of 1991-08-26."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mutagen.aiff import AIFFInfo

from soniquescan.tags.chunks import IFF, Chunk, chunks_within
from soniquescan.tags.content import Block, Content, opened, stream
from soniquescan.tags.freeform import add_freeform
from soniquescan.tags.id3 import header_at, read_id3v2
from soniquescan.tags.source import Source

if TYPE_CHECKING:
    from soniquescan.messages import AudioStream

_TEXT_CHUNKS = {b"NAME": "title", b"AUTH": "artist", b"(c) ": "copyright", b"ANNO": "comment"}
_COMPRESSION_AT = 18  # in the COMM chunk of AIFF-C

# Compression types → codecs as ffmpeg names them; pcm for every plain one.
_CODECS = {
    b"": "pcm",
    b"NONE": "pcm",
    b"twos": "pcm",
    b"sowt": "pcm",
    b"raw ": "pcm",
    b"in24": "pcm",
    b"in32": "pcm",
    b"fl32": "pcm",
    b"FL32": "pcm",
    b"fl64": "pcm",
    b"FL64": "pcm",
    b"ulaw": "pcm_mulaw",
    b"ULAW": "pcm_mulaw",
    b"alaw": "pcm_alaw",
    b"ALAW": "pcm_alaw",
    b"ima4": "adpcm_ima_qt",
    b"MAC3": "mace3",
    b"MAC6": "mace6",
}


def read_aiff(source: Source) -> Content:
    """Return what an AIFF file says; an ID3 chunk wins over text chunks."""
    content = Content("aiff")
    chunks = list(chunks_within(source, IFF, source.around.start + 12, source.size_bytes))
    for chunk in chunks:
        if chunk.name == b"SSND":
            content.note_missing(chunk.start + chunk.size - source.size_bytes, chunk.size)
    content.add_stream(lambda: _stream(source, chunks))
    for chunk in chunks:
        if chunk.name in (b"ID3 ", b"id3 ") and (header := header_at(source, chunk.start)) is not None:
            content.add_tags(partial(read_id3v2, source, chunk.start, header))
    content.add_tags(lambda: _texts(source, chunks))
    return content


def _stream(source: Source, chunks: list[Chunk]) -> AudioStream:
    info = AIFFInfo(opened(source))
    common = next(chunk for chunk in chunks if chunk.name == b"COMM")
    is_compressed = source.pread(4, source.around.start + 8) == b"AIFC"
    compression = source.pread(4, common.start + _COMPRESSION_AT) if is_compressed else b""
    return stream(
        source,
        "aiff",
        _CODECS.get(compression, compression.decode("latin-1").strip().lower()),
        length_s=info.length,
        bitrate_bps=info.bitrate,
        sample_rate_hz=info.sample_rate,
        bits_per_sample=info.bits_per_sample,
        channels=info.channels,
    )


def _texts(source: Source, chunks: list[Chunk]) -> Block:
    pairs = [
        (_TEXT_CHUNKS[chunk.name], [source.pread(chunk.size, chunk.start).rstrip(b"\x00").decode("utf-8", "replace")])
        for chunk in chunks
        if chunk.name in _TEXT_CHUNKS
    ]
    values: dict[str, list[str]] = {}
    add_freeform(values, pairs, {})
    return Block(values)
