"""Vorbis comments, in FLAC and in every codec of Ogg: https://www.xiph.org/vorbis/doc/v-comment.html."""

from __future__ import annotations

from typing import Final

from soniquescan.messages import ErrorKind
from soniquescan.tags.content import Block, Problem
from soniquescan.tags.freeform import add_freeform
from soniquescan.tags.mapping import VORBIS

NAMELESS: Final = "unknown"  # the key of a comment that has none, as mutagen has it
_PICTURES: Final = {
    "metadata_block_picture": True,
    "coverart": True,
    "coverartmime": False,
    "coverartdescription": False,
}


def read_comments(raw: bytes, names: dict[str, str] = VORBIS) -> Block:
    """Return the comments in a block that begins with the vendor's name, by the tags that `names` has for keys."""
    pairs: list[tuple[str, list[str]]] = []
    has_cover = False
    count, position = _count(raw)
    for _ in range(count):
        start = position + 4
        end = start + int.from_bytes(raw[position:start], "little")
        if end > len(raw):
            break
        key, equals, text = raw[start:end].decode("utf-8", "replace").partition("=")
        position = end
        if (is_picture := _PICTURES.get(key.lower())) is not None:
            has_cover = has_cover or is_picture
            count -= 1
        else:
            pairs.append((key, [text]) if equals else (NAMELESS, [key]))
    values: dict[str, list[str]] = {}
    add_freeform(values, pairs, names)
    if len(pairs) == count and position <= len(raw):
        return Block(values, has_cover)
    message = f"the comments claim to be {count}, {len(pairs)} can be read"
    return Block(values, has_cover, (Problem(ErrorKind.MALFORMED_TAGS, message),))


def _count(raw: bytes) -> tuple[int, int]:
    """Return how many comments there should be, and where they start: after the vendor's name."""
    position = 4 + int.from_bytes(raw[:4], "little")
    return int.from_bytes(raw[position : position + 4], "little"), position + 4


def comments_bytes(raw: bytes) -> int:
    """Return the size that the comments at the start of `raw` really have."""
    count, position = _count(raw)
    for _ in range(count):
        if position >= len(raw):
            break
        position += 4 + int.from_bytes(raw[position : position + 4], "little")
    return position
