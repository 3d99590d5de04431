"""PostgreSQL's binary COPY format: https://www.postgresql.org/docs/current/sql-copy.html, "File Formats".

A file is HEADER, rows and TRAILER; a row is the number of its fields, then the fields; a field is the number of its
bytes, then these. Rows are spelled by the processes that read files, so that they cross to the database as bytes:
to send them as tuples and have psycopg spell them takes 85 µs a track where this takes 20.
"""

from __future__ import annotations

import struct
from binascii import unhexlify
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"
NULL: Final = b"\xff\xff\xff\xff"

Unfit = struct.error  # what is raised for a number that does not fit, or that is none

_pack_length: Final = Struct("!i").pack
_pack_int4: Final = Struct("!ii").pack
_FIELDS: Final = Struct("!h").pack
# What small numbers are spelled as: looked up in a tenth of the time that it takes to spell them.
_SMALL: Final = 1_024
_LENGTHS: Final = [_pack_length(size) for size in range(_SMALL)]
_INT4S: Final = [_pack_int4(4, number) for number in range(_SMALL)]
_UUID_BYTES: Final = 16
_UUID_LENGTH: Final = _LENGTHS[_UUID_BYTES]
_JSONB_VERSION: Final = b"\x01"
_TEXT_OID: Final = 25  # pg_type.oid, the same in all versions
_UUID_OID: Final = 2950
# An array: dimensions, whether there are nulls, type of the items; length and first index; each item as a field.
_ARRAY: Final = Struct("!iiiii").pack
_ARRAY_HEAD_BYTES: Final = 20
_EMPTY_ARRAY: Final = Struct("!iii").pack


def _length(size: int) -> bytes:
    return _LENGTHS[size] if size < _SMALL else _pack_length(size)


def int4(value: int) -> bytes:
    """Return a number of four bytes; raises Unfit for one that does not fit."""
    return _INT4S[value] if 0 <= value < _SMALL else _pack_int4(4, value)


int8: Final[Callable[[int], bytes]] = partial(Struct("!iq").pack, 8)
float8: Final[Callable[[float], bytes]] = partial(Struct("!id").pack, 8)


def raw(value: bytes) -> bytes:
    """Return a text that is UTF-8 already."""
    return _length(len(value)) + value


def text(value: str) -> bytes:
    """Return a text; raises UnicodeEncodeError where it is none."""
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def jsonb(value: str) -> bytes:
    """Return a text of JSON."""
    return raw(_JSONB_VERSION + value.encode())


def boolean(value: bool) -> bytes:  # noqa: FBT001  the one thing it is about
    """Return true or false."""
    return b"\x00\x00\x00\x01\x01" if value else b"\x00\x00\x00\x01\x00"


def uuid(value: str | bytes) -> bytes:
    """Return a UUID that is given as its 16 bytes or as text; raises ValueError for what is none."""
    id_bytes = value if isinstance(value, bytes) else unhexlify(value.replace("-", ""))
    if len(id_bytes) != _UUID_BYTES:
        raise ValueError(f"no UUID: {value!r}")
    return _UUID_LENGTH + id_bytes


def texts(values: Sequence[str]) -> bytes:
    """Return an array of texts."""
    return _array(_TEXT_OID, [text(value) for value in values])


def uuids(values: Sequence[str | bytes]) -> bytes:
    """Return an array of UUIDs."""
    return _array(_UUID_OID, [uuid(value) for value in values])


def _array(oid: int, items: list[bytes]) -> bytes:
    count = len(items)
    if count == 1:  # as it mostly is
        return raw(_ONE_ITEM[oid] + items[0])
    head = _ARRAY(1, 0, oid, count, 1) if items else _EMPTY_ARRAY(0, 0, oid)
    return raw(head + b"".join(items))


_ONE_ITEM: Final = {oid: _ARRAY(1, 0, oid, 1, 1) for oid in (_TEXT_OID, _UUID_OID)}


def fields(spells: tuple[Callable[[Any], bytes], ...], values: tuple[Any, ...]) -> bytes:
    """Return values as fields, each spelled by the function in its place; None is NULL."""
    if len(spells) != len(values):
        raise ValueError(f"{len(values)} values for {len(spells)} columns")
    spelled: list[bytes] = []
    for place, value in enumerate(values):
        spelled.append(NULL if value is None else spells[place](value))
    return b"".join(spelled)


def row(spells: tuple[Callable[[Any], bytes], ...], values: tuple[Any, ...]) -> bytes:
    """Return a whole row."""
    return start(len(spells)) + fields(spells, values)


def start(columns: int) -> bytes:
    """Return how a row of so many columns begins."""
    return _FIELDS(columns)


def read_rows(data: bytes) -> Iterator[list[bytes | None]]:
    """Yield the fields of each row; None is NULL."""
    position = 0
    while position < len(data):
        count = int.from_bytes(data[position : position + 2])
        position += 2
        fields: list[bytes | None] = []
        for _ in range(count):
            size = int.from_bytes(data[position : position + 4], signed=True)
            position += 4
            fields.append(data[position : position + size] if size >= 0 else None)
            position += max(0, size)
        yield fields


def read_uuids(field: bytes) -> list[bytes]:
    """Return the UUIDs of an array that has been made by `uuids`."""
    item_bytes = len(_UUID_LENGTH) + _UUID_BYTES
    return [field[end - _UUID_BYTES : end] for end in range(_ARRAY_HEAD_BYTES + item_bytes, len(field) + 1, item_bytes)]
