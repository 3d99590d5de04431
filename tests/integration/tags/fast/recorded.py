"""A file whose reads are counted, and what two readers make of it."""

from __future__ import annotations

import os

import pytest

from soniquescan.tags.build import track_tags
from soniquescan.tags.source import Source
from tests.integration.tags.equality import by_reference, in_memory


def read(reader, content):
    """Return what a reader gives for a file, and the reads behind its head that it took: offset and size of each."""
    reads = []
    pread = os.pread

    def recorded(fd, size, offset):
        data = pread(fd, size, offset)
        reads.append((offset, len(data)))
        return data

    with in_memory(content) as fd, pytest.MonkeyPatch.context() as patch:
        source = Source(fd, len(content), b"file")
        patch.setattr(os, "pread", recorded)
        return reader(source), reads


def agree(reader, content):
    """Assert that a reader says of a file what the reference says, and return its content and its reads."""
    found, reads = read(reader, content)
    with in_memory(content) as fd:
        reference = by_reference(fd, b"file")
    assert (found.stream, track_tags(found.values, has_cover=found.has_cover), ()) == reference
    return found, reads
