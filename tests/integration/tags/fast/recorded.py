"""A file whose reads are counted, and what two readers make of it."""

from __future__ import annotations

from soniquescan.tags.build import track_tags
from soniquescan.tags.content import Source
from tests.integration.tags.equality import by_reference, in_memory


class Recorded(Source):
    """A file of which every read behind its head is noted as offset and size."""

    def __init__(self, fd, size_bytes):
        super().__init__(fd, size_bytes, b"file")
        self.reads = []

    def pread(self, size, offset):
        data = super().pread(size, offset)
        if offset + size > len(self.head):
            self.reads.append((offset, len(data)))
        return data


def read(reader, content):
    """Return what a reader gives for a file, and the reads behind its head that it took."""
    with in_memory(content) as fd:
        source = Recorded(fd, len(content))
        return reader(source), source.reads


def agree(reader, content):
    """Assert that a reader says of a file what the reference says, and return its content and its reads."""
    found, reads = read(reader, content)
    with in_memory(content) as fd:
        reference = by_reference(fd, b"file")
    assert (found.stream, track_tags(dict(found.values), has_cover=found.has_cover), tuple(found.problems)) == reference
    return found, reads
