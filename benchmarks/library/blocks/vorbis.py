"""Vorbis comments and FLAC picture blocks (https://xiph.org/vorbis/doc/v-comment.html, RFC 9639)."""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING

from benchmarks.library.mapping import ROWS

if TYPE_CHECKING:
    from benchmarks.library.messages import Cover, Tags

_KEYS = {row.name: row.vorbis.split() for row in ROWS}
_VENDOR = b"soniquescan test library"
_FRONT_COVER = 3


def pairs(tags: Tags) -> list[tuple[str, str]]:
    """Return the comments, in the order of `tags`."""
    comments: list[tuple[str, str]] = []
    for name, values in tags.items():
        base, _, qualifier = name.partition(":")
        suffix = f" ({qualifier})" if qualifier else ""
        for key in _KEYS.get(base, [name.upper()]):
            comments += [(key, value + suffix) for value in values]
    return comments


def comment(comments: list[tuple[str, str]]) -> bytes:
    """Return a comment header without framing bit."""
    encoded = [f"{key}={value}".encode() for key, value in comments]
    lengths = struct.Struct("<I").pack
    return b"".join(
        (lengths(len(_VENDOR)), _VENDOR, lengths(len(encoded)), *(lengths(len(raw)) + raw for raw in encoded))
    )


def picture(cover: Cover) -> bytes:
    """Return the content of a FLAC PICTURE block."""
    mime = cover.mime.encode()
    head = struct.pack(">II", _FRONT_COVER, len(mime)) + mime
    return head + struct.pack(">IIIIII", 0, 500, 500, 24, 0, len(cover.data)) + cover.data


def picture_comment(cover: Cover) -> tuple[str, str]:
    """Return the comment that holds a picture in an Ogg file."""
    return "METADATA_BLOCK_PICTURE", base64.b64encode(picture(cover)).decode()
