"""APEv2 tags, with header and footer (https://wiki.hydrogenaud.io/index.php?title=APEv2_specification)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from benchmarks.library.mapping import ROWS

if TYPE_CHECKING:
    from benchmarks.library.messages import Cover, Tags

_KEYS = {row.name: row.ape for row in ROWS}
_VERSION = 2000
_BINARY = 1 << 1
_HAS_HEADER = 1 << 31
_IS_HEADER = 1 << 29
_END_BYTES = 32  # size of the footer, which the tag's own size counts


def tag(tags: Tags, cover: Cover | None = None) -> bytes:
    """Return a whole APEv2 tag."""
    items = [_item(key, "\0".join(values).encode(), 0) for key, values in _gathered(tags).items()]
    if cover is not None:
        items.append(_item("Cover Art (Front)", b"cover.jpg\0" + cover.data, _BINARY))
    body = b"".join(items)

    def end(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII8x", _VERSION, len(body) + _END_BYTES, len(items), flags)

    return end(_HAS_HEADER | _IS_HEADER) + body + end(_HAS_HEADER)


def _item(key: str, value: bytes, flags: int) -> bytes:
    return struct.pack("<II", len(value), flags) + key.encode("ascii") + b"\0" + value


def _gathered(tags: Tags) -> dict[str, list[str]]:
    """Return key → values: a key stands once, and "number/total" is one value."""
    items: dict[str, list[str]] = {}
    for name, values in tags.items():
        base, _, qualifier = name.partition(":")
        key, _, half = _KEYS.get(base, name).partition("#")
        if half == "2":
            items[key] = [f"{items.get(key, ['0'])[0]}/{values[0]}"]
        else:
            suffix = f" ({qualifier})" if qualifier else ""
            items.setdefault(key, []).extend(value + suffix for value in values)
    return items
