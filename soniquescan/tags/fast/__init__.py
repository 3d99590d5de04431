"""Readers made for scanning: the usual files of a library, in as few reads and as little work as their format allows.

Each module describes one format and takes what it is sure of; whatever is odd, broken or rare it declines, and the
readers around mutagen (`soniquescan.tags.mpeg`, `flac`, `mp4`, `ogg`) take the file. Those are the reference: what a
reader here returns is what they return, in every field.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from soniquescan.tags.fast import flac, mp3, mp4, ogg
from soniquescan.tags.fast.answers import Declined

if TYPE_CHECKING:
    from collections.abc import Callable

    from soniquescan.tags.fast.answers import Found
    from soniquescan.tags.source import Source

# First bytes of a file, four of them or two, or of MP4 bytes 4 to 8 → what reads it.
_READERS: Final[dict[bytes, Callable[[Source], Found]]] = {
    b"fLaC": flac.read,
    b"OggS": ogg.read,
    **dict.fromkeys(mp3.TAGS, mp3.read),
    **dict.fromkeys(mp3.SYNCS, mp3.read),
    b"ftyp": mp4.read,
}

# What a reader meets in bytes that are not as its format has them.
_ODD: Final = (Declined, IndexError, KeyError, ValueError, struct.error)


def read(source: Source) -> Found | None:
    """Return what a file says, its values as `build.clean` leaves them, or None where the reference must read it.

    The values may be shared with those of other files: nobody changes them in place.
    """
    head = source.head
    reader = _READERS.get(head[:4]) or _READERS.get(head[:2]) or _READERS.get(head[4:8])
    if reader is None:
        return None
    try:
        return reader(source)
    except _ODD:
        return None
