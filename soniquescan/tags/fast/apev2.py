"""APEv2 at a file's end: https://wiki.hydrogenaud.io/index.php?title=APEv2_specification.

What an item says depends on its bytes alone, and most of a file's items are those of the file before: the bytes are
the key to what they said there. `soniquescan.tags.apev2` is the reference.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from soniquescan.memo import Memo
from soniquescan.tags.apev2 import BINARY, FOOTER_BYTES, HAS_HEADER
from soniquescan.tags.fast.answers import Declined
from soniquescan.tags.freeform import READ_AS_ONE
from soniquescan.tags.mapping import APE

if TYPE_CHECKING:
    from soniquescan.tags.content import Values
    from soniquescan.tags.source import Source

_footer: Final = struct.Struct("<12xIII8x").unpack  # size, count of items, flags
_item: Final = struct.Struct("<II").unpack_from
_ITEM_BYTES: Final = 8

_WINDOW_BYTES: Final = 8 * 1024  # read at once: texts as a rule, and the start of a picture behind them


def read(source: Source, footer: bytes, end: int) -> tuple[int, Values, bool]:
    """Return where the tag starts that ends with `footer` at `end`, what it says, and whether it has a cover.

    A tag whose texts are all blank is there without any.
    """
    size, count, flags = _footer(footer)
    start = end - size
    if size < FOOTER_BYTES or start < 0:
        raise Declined
    values, has_cover = _read_items(source, start, end - FOOTER_BYTES, count)
    if len(set(map(str.casefold, values))) < len(values):
        raise Declined  # two spellings of one key: the first in the file counts
    return start - (FOOTER_BYTES if flags & HAS_HEADER else 0), values, has_cover


def _read_items(source: Source, start: int, end: int, count: int) -> tuple[Values, bool]:
    values: Values = {}
    has_cover = False
    items, position = source.pread(min(end - start, _WINDOW_BYTES), start), 0
    for _ in range(count):
        first = position
        size, flags = _item(items, first)
        key_end = items.index(b"\x00", first + _ITEM_BYTES)
        position = key_end + 1 + size
        if (flags >> 1) & 3 == BINARY:
            has_cover = has_cover or _key(items[first + _ITEM_BYTES : key_end]).casefold().startswith("cover art")
            if start + position > end:
                raise Declined
            if start + len(items) < end:
                start += position
                items, position = source.pread(min(end - start, _WINDOW_BYTES), start), 0
        else:
            name, texts = _said[items[first:position]]
            values[name] = values[name] + texts if name in values else texts
    return values, has_cover


def _key(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _read_item(raw: bytes) -> tuple[str, list[str]]:
    """Return the tag and the texts of an item."""
    size, _ = _item(raw)
    raw_key, _, value = raw[_ITEM_BYTES:].partition(b"\x00")
    if len(value) != size:
        raise Declined  # its end is not there
    key = _key(raw_key)
    name = APE.get(key) or APE.get(key.casefold()) or key
    if name in READ_AS_ONE:
        raise Declined
    return name, [text for text in value.decode("utf-8", "replace").split("\x00") if text.strip()]


_said: Final = Memo(_read_item)
