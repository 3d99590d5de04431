"""ID3v1, the last 128 bytes of a file: https://id3.org/ID3v1. `soniquescan.tags.id3` is the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from soniquescan.memo import Memo
from soniquescan.tags.id3 import read_id3v1

if TYPE_CHECKING:
    from soniquescan.tags.content import Values

_FIRST_NAMES: Final = {"title", "artist", "album", "date"}
_FIRST_BYTES: Final = 97  # of those, and of the letters in front of them

# Comment, number and genre → what they say. They come again with each album, where titles do not.
_rest: Final[Memo[bytes, Values]] = Memo(lambda raw: read_id3v1(bytes(_FIRST_BYTES) + raw).values)


def add(values: Values, raw: bytes) -> None:
    """Add what the tag says and no other one in the file has said."""
    # An ID3v2 tag has the first as a rule: 0.5 µs instead of 4.
    said = _rest[raw[_FIRST_BYTES:]] if values.keys() >= _FIRST_NAMES else read_id3v1(raw).values
    for name, texts in said.items():
        if name not in values:
            values[name] = texts
