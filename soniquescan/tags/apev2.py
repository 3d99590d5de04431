"""APEv2 (and APEv1) tags, at a file's end as a rule: https://wiki.hydrogenaud.io/index.php?title=APEv2_specification."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from soniquescan.messages import ErrorKind
from soniquescan.tags.content import Block, Problem
from soniquescan.tags.freeform import add_freeform
from soniquescan.tags.mapping import APE

if TYPE_CHECKING:
    from soniquescan.tags.source import Source

MAGIC: Final = b"APETAGEX"
FOOTER_BYTES: Final = 32
HAS_HEADER: Final = 1 << 31
BINARY: Final = 1
_FOOTER: Final = struct.Struct("<8sIIII8x")
_ITEM: Final = struct.Struct("<II")


def footer_before(source: Source, end: int) -> int | None:
    """Return the offset of the footer that ends at `end`, or None where there is none."""
    offset = end - FOOTER_BYTES
    return offset if offset >= 0 and source.pread(len(MAGIC), offset) == MAGIC else None


def start_of_tag(source: Source, footer_offset: int) -> int:
    """Return where the tag starts, its header included."""
    _, _, size, _, flags = _FOOTER.unpack(source.pread(FOOTER_BYTES, footer_offset))
    return footer_offset + FOOTER_BYTES - int(size) - (FOOTER_BYTES if flags & HAS_HEADER else 0)


def read_apev2(source: Source, footer_offset: int) -> Block:
    """Return the tag whose footer stands at `footer_offset`."""
    _, _, size, count, _ = _FOOTER.unpack(source.pread(FOOTER_BYTES, footer_offset))
    start = footer_offset + FOOTER_BYTES - size
    if size < FOOTER_BYTES or start < 0:
        message = f"an APEv2 tag claims {size} bytes, the file has {footer_offset + FOOTER_BYTES}"
        return Block({}, problems=(Problem(ErrorKind.MALFORMED_TAGS, message),))
    return _parse(source.pread(size - FOOTER_BYTES, start), count)


def end_of_leading_tag(source: Source, offset: int) -> int | None:
    """Return the offset of what follows the tag whose header stands at `offset`, or None where there is none."""
    raw = source.pread(FOOTER_BYTES, offset)
    if len(raw) < FOOTER_BYTES or not raw.startswith(MAGIC):
        return None
    return offset + FOOTER_BYTES + int(_FOOTER.unpack(raw)[2])


def read_leading_apev2(source: Source, header_offset: int) -> Block:
    """Return the tag whose header stands at `header_offset`."""
    _, _, size, count, _ = _FOOTER.unpack(source.pread(FOOTER_BYTES, header_offset))
    return _parse(source.pread(size, header_offset + FOOTER_BYTES), count)


def _parse(items: bytes, count: int) -> Block:
    pairs: list[tuple[str, list[str]]] = []
    has_cover, position = False, 0
    # Some taggers write a wrong count: the end of the items counts as well.
    while len(pairs) < count and position + _ITEM.size < len(items):
        size, flags = _ITEM.unpack_from(items, position)
        key_end = items.find(b"\x00", position + _ITEM.size)
        if key_end < 0 or key_end + 1 + size > len(items):
            break
        key = items[position + _ITEM.size : key_end].decode("utf-8", "replace")
        position = key_end + 1 + size
        if (flags >> 1) & 3 == BINARY:
            has_cover = has_cover or key.casefold().startswith("cover art")
            count -= 1
            continue
        pairs.append((key, items[key_end + 1 : position].decode("utf-8", "replace").split("\x00")))
    values: dict[str, list[str]] = {}
    add_freeform(values, pairs, APE)
    message = f"an APEv2 tag has {count} texts, {len(pairs)} can be read"
    broken = len(pairs) < count and position < len(items) and not items[position:].startswith(MAGIC)
    return Block(values, has_cover, (Problem(ErrorKind.MALFORMED_TAGS, message),) if broken else ())
