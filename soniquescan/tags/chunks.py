"""The chunks that RIFF, AIFF and DSDIFF files are made of: a name, a size, content, all of it nested."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soniquescan.tags.source import Source

MAX_CHUNKS = 100_000  # a file of empty chunks must not keep a worker busy
RIFF = struct.Struct("<4sI")
IFF = struct.Struct(">4sI")
DSDIFF = struct.Struct(">4sQ")


class Chunk(NamedTuple):
    """A chunk's name, where its content starts, and how large it claims to be."""

    name: bytes
    start: int
    size: int


def chunks_within(source: Source, layout: struct.Struct, start: int, end: int) -> Iterator[Chunk]:
    """Yield the chunks between two offsets; each begins at an even one."""
    for _ in range(MAX_CHUNKS):
        header = source.pread(layout.size, start)
        if start >= end or len(header) < layout.size:
            return
        name, size = layout.unpack(header)
        if not name.strip(b"\x00"):  # some writers pad with more than one byte
            start += 1
            continue
        start += layout.size
        yield Chunk(name, start, size)
        start += size + size % 2
