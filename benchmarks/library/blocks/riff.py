"""RIFF INFO lists: one text a key, so several values are joined by "; "."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from benchmarks.library.mapping import ROWS

if TYPE_CHECKING:
    from benchmarks.library.messages import Tags

_KEYS = {row.name: row.info for row in ROWS}


def chunk(name: bytes, content: bytes) -> bytes:
    """Return a RIFF chunk, padded to an even size."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def info(tags: Tags) -> bytes:
    """Return the `LIST` chunk of type INFO."""
    items = (chunk(_KEYS[name].encode(), "; ".join(values).encode() + b"\0") for name, values in tags.items())
    return chunk(b"LIST", b"INFO" + b"".join(items))
