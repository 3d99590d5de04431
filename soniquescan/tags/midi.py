"""Standard MIDI files: only how long they play; their texts are of single instruments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutagen.smf import SMFInfo

from soniquescan.tags.content import Content, opened, stream
from soniquescan.tags.source import Source

if TYPE_CHECKING:
    from soniquescan.messages import AudioStream


def read_midi(source: Source) -> Content:
    """Return what a MIDI file says."""
    content = Content("midi")
    content.add_stream(lambda: _stream(source))
    return content


def _stream(source: Source) -> AudioStream:
    return stream(source, "midi", "midi", length_s=SMFInfo(opened(source)).length)
