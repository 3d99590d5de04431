"""DSD: Sony's DSF (https://dsd-guide.com/sonys-dsf-file-format-spec) and Philips' DSDIFF, both with ID3 tags."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mutagen.dsdiff import DSDIFFInfo
from mutagen.dsf import DSFFile, DSFInfo

from soniquescan.tags.chunks import DSDIFF, chunks_within
from soniquescan.tags.content import Content, opened, stream_of
from soniquescan.tags.id3 import header_at, read_id3v2
from soniquescan.tags.source import Source

if TYPE_CHECKING:
    from soniquescan.messages import AudioStream

_ID3_POINTER_AT = 20  # in DSF: after the magic, the chunk's size and the file's


def read_dsf(source: Source) -> Content:
    """Return what a DSF file says."""
    content = Content("dsf")
    claimed = int.from_bytes(source.pread(8, 12), "little")
    content.note_missing(claimed - source.size_bytes, claimed)
    content.add_stream(lambda: _dsf_stream(source))
    _add_id3(source, content, int.from_bytes(source.pread(8, _ID3_POINTER_AT), "little"))
    return content


def _dsf_stream(source: Source) -> AudioStream:
    info = DSFInfo(DSFFile(opened(source)).fmt_chunk)
    return stream_of(source, "dsf", "dsd", info)


def read_dff(source: Source) -> Content:
    """Return what a DSDIFF file says."""
    content = Content("dff")
    claimed = 12 + int.from_bytes(source.pread(8, source.around.start + 4))
    content.note_missing(source.around.start + claimed - source.size_bytes, claimed)
    content.add_stream(lambda: _dff_stream(source))
    for chunk in chunks_within(source, DSDIFF, source.around.start + 16, source.size_bytes):
        if chunk.name == b"ID3 ":
            _add_id3(source, content, chunk.start)
    return content


def _dff_stream(source: Source) -> AudioStream:
    info = DSDIFFInfo(opened(source))
    return stream_of(source, "dff", "dst" if info.compression == "DST" else "dsd", info)


def _add_id3(source: Source, content: Content, offset: int) -> None:
    if offset and (header := header_at(source, offset)) is not None:
        content.add_tags(partial(read_id3v2, source, offset, header))
