"""WAV: RIFF/WAVE, and RF64 and BW64 for files over 4 GB (EBU Tech 3306, ITU-R BS.2088).

Read without mutagen's help, which knows neither INFO lists nor RF64, and takes the length of compressed audio
for that of PCM.
"""

from __future__ import annotations

import struct
from functools import partial
from typing import TYPE_CHECKING

from soniquescan.tags import around
from soniquescan.tags.chunks import RIFF, Chunk, chunks_within
from soniquescan.tags.content import Block, Content, UnreadableError, stream
from soniquescan.tags.freeform import add_freeform
from soniquescan.tags.id3 import header_at, read_id3v2
from soniquescan.tags.mapping import INFO
from soniquescan.tags.source import Source
from soniquescan.tags.waveformat import PCM, codec_of

if TYPE_CHECKING:
    from soniquescan.messages import AudioStream

_FORMAT = struct.Struct("<HHIIHH")
_SIZE_IN_DS64 = 0xFFFF_FFFF
_EXTENSIBLE = 0xFFFE


def read_wav(source: Source) -> Content:
    """Return what a WAV file says; an ID3 chunk wins over an INFO list."""
    content = Content("wav")
    chunks = list(chunks_within(source, RIFF, source.around.start + 12, source.size_bytes))
    named = {chunk.name.lower(): chunk for chunk in reversed(chunks)}
    content.add_stream(lambda: _stream(source, named, content))
    if (id3 := named.get(b"id3 ")) is not None and (header := header_at(source, id3.start)) is not None:
        content.add_tags(partial(read_id3v2, source, id3.start, header))
    for chunk in chunks:
        if chunk.name == b"LIST" and source.pread(4, chunk.start) == b"INFO":
            content.add_tags(partial(_info, source, chunk))
    around.add_tags(source, content)
    return content


def _stream(source: Source, named: dict[bytes, Chunk], content: Content) -> AudioStream:
    if b"fmt " not in named:
        raise UnreadableError("no fmt chunk")
    raw = source.pread(min(named[b"fmt "].size, 40), named[b"fmt "].start)
    tag, channels, rate, byte_rate, block_align, bits = _FORMAT.unpack_from(raw)
    if tag == _EXTENSIBLE and len(raw) >= 26:  # noqa: PLR2004  the sub-format's GUID begins with the tag
        tag = int.from_bytes(raw[24:26], "little")
    codec = codec_of(tag)
    data_bytes = _data_bytes(source, named, content)
    # A length in blocks is exact, but only PCM has a block for each sample.
    pace = block_align * rate if codec in PCM and block_align else byte_rate
    return stream(
        source,
        "wav",
        codec,
        length_s=data_bytes / pace if pace else None,
        bitrate_bps=channels * bits * rate if codec in PCM else byte_rate * 8,
        sample_rate_hz=rate,
        bits_per_sample=bits if codec in PCM else None,
        channels=channels,
    )


def _data_bytes(source: Source, named: dict[bytes, Chunk], content: Content) -> int:
    """Return the size of the audio, as claimed: a recorder that was cut off is told by the file's size."""
    data = named.get(b"data")
    if data is None:
        return 0
    size = data.size
    if size == _SIZE_IN_DS64 and b"ds64" in named:
        size = int.from_bytes(source.pread(8, named[b"ds64"].start + 8), "little")
    content.note_missing(data.start + size - source.size_bytes, size)
    return size


def _info(source: Source, chunk: Chunk) -> Block:
    """Return the texts of an INFO list: UTF-8 where they are valid, else Windows-1252, as Picard reads them."""
    pairs = []
    for item in chunks_within(source, RIFF, chunk.start + 4, chunk.start + chunk.size):
        raw = source.pread(item.size, item.start).partition(b"\x00")[0]
        pairs.append((item.name.decode("latin-1").strip(), [_decode(raw)]))
    values: dict[str, list[str]] = {}
    add_freeform(values, pairs, INFO)
    return Block(values)


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("windows-1252", "replace")
