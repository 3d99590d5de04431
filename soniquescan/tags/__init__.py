"""Tags and stream properties of audio files.

    first bytes → container (detect) → its reader (mpeg, flac, ogg, …) → values by Picard name (mapping, content)
                → TrackTags (build, with normalise and people)

A reader finds what the bytes say; what it means for our columns is decided in `build`, for all containers alike.
"""

from __future__ import annotations

from soniquescan.tags.content import Problem
from soniquescan.tags.detect import HEAD_BYTES, is_audio
from soniquescan.tags.reading import FileMetadata, read

__all__ = [
    "HEAD_BYTES",
    "FileMetadata",
    "Problem",
    "is_audio",
    "read",
]
