"""The atoms of an MP4 file (ISO 14496-12), looked for in as few reads as possible."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Final

from soniquescan.tags.fast.answers import Declined

if TYPE_CHECKING:
    from soniquescan.tags.source import Source

HEADER_BYTES: Final = 8
HEADER: Final = Struct(">I4s").unpack_from  # size, header included, and name

READ_ON_BYTES: Final = 16 * 1024  # the tags of most files take 2 to 6 KB


class Window:
    """The stretch of a file that was read last: at first its head."""

    __slots__ = ("_source", "data", "start", "until")

    def __init__(self, source: Source) -> None:
        self._source = source
        self.data = source.head
        self.start = 0  # offset of `data` in the file
        self.until = source.size_bytes  # up to where it is worth reading

    def reach(self, offset: int, needed: int, most: int = READ_ON_BYTES) -> int:
        """Return where `offset` is in `data`, read anew unless `needed` bytes from there are at hand.

        At the end of the file there may be fewer.
        """
        end = self.start + len(self.data)
        if offset < self.start or offset + needed > end < self._source.size_bytes:
            self.data = self._source.pread(max(needed, min(self.until - offset, most)), offset)
            self.start = offset
        return offset - self.start

    def content(self, start: int, end: int) -> bytes:
        """Return the bytes between two offsets, unless they are many."""
        size = end - start
        if size > READ_ON_BYTES:
            raise Declined
        at = self.reach(start, size)
        return self.data[at : at + size]

    def find(self, start: int, end: int, *path: bytes) -> tuple[int, int]:
        """Return where the content of an atom starts and ends that is between two offsets, or within one that is.

        Of each name of the path it is the first. Atoms that are passed by must be regular: of 32-bit sizes, and not
        larger than there is room. Raises KeyError where there is no such atom.
        """
        data, base = self.data, self.start
        content = start
        for name in path:
            found = b""
            while found != name:
                if start >= end:
                    raise KeyError(name)
                at = start - base
                if not 0 <= at <= len(data) - HEADER_BYTES:
                    at = self.reach(start, HEADER_BYTES)
                    data, base = self.data, self.start
                size, found = HEADER(data, at)
                content, start = start + HEADER_BYTES, start + size
                if size < HEADER_BYTES or start > end:
                    raise Declined
            start, end = content, start
        return start, end
