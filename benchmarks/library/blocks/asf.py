"""The header objects of an ASF file that hold tags (Advanced Systems Format Specification, revision 01.20.05).

The first Title, Author, Copyright and Description go into the Content Description Object, the first value of every
other name into the Extended Content Description Object, and what is left (further values, pictures, whose size needs
more than 16 bits) into the Metadata Library Object.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from benchmarks.library.mapping import ROWS

if TYPE_CHECKING:
    from benchmarks.library.messages import Cover, Tags

_KEYS = {row.name: row.asf for row in ROWS}
_DESCRIBED = ("Title", "Author", "Copyright", "Description", "Rating")
_UNICODE, _BYTES = 0, 1

_CONTENT_DESCRIPTION = "75B22633-668E-11CF-A6D9-00AA0062CE6C"
_EXTENDED_CONTENT_DESCRIPTION = "D2D0A440-E307-11D2-97F0-00A0C95EA850"
_METADATA_LIBRARY = "44231C94-9498-49D1-A141-1D134E457054"
_HEADER_EXTENSION = "5FBF03B5-A92E-11CF-8EE3-00C00C205365"
_HEADER_EXTENSION_CLOCK = "ABD3D211-A9BA-11CF-8EE6-00C00C205365"


class _Attribute(NamedTuple):
    name: str
    kind: int
    value: bytes


def guid(text: str) -> bytes:
    """Return a GUID as ASF stores it."""
    return UUID(text).bytes_le


def asf_object(name: str, content: bytes) -> bytes:
    """Return an object: GUID, 64 bit size, content."""
    return guid(name) + struct.pack("<Q", len(content) + 24) + content


def utf16(text: str) -> bytes:
    """Return `text` as ASF stores it, NUL-terminated."""
    return text.encode("utf-16-le") + b"\0\0"


def objects(tags: Tags, cover: Cover | None = None) -> list[bytes]:
    """Return the header objects that hold `tags`."""
    described: dict[str, bytes] = {}
    extended: dict[str, _Attribute] = {}
    library: list[_Attribute] = []
    for attribute in _attributes(tags):
        if attribute.name in _DESCRIBED and attribute.name not in described:
            described[attribute.name] = attribute.value
        elif attribute.name not in extended and attribute.name not in _DESCRIBED:
            extended[attribute.name] = attribute
        else:
            library.append(attribute)
    if cover is not None:
        library.append(_Attribute("WM/Picture", _BYTES, _picture(cover)))
    texts = [described.get(name, b"") for name in _DESCRIBED]
    return [
        asf_object(_CONTENT_DESCRIPTION, struct.pack("<5H", *map(len, texts)) + b"".join(texts)),
        asf_object(_EXTENDED_CONTENT_DESCRIPTION, _extended(list(extended.values()))),
        _extension(asf_object(_METADATA_LIBRARY, _library(library))),
    ]


def _attributes(tags: Tags) -> list[_Attribute]:
    attributes: list[_Attribute] = []
    halves: dict[str, str] = {}
    for name, values in tags.items():
        key, _, half = _KEYS.get(name, name).partition("#")
        if half:
            halves[half] = values[0]
        else:
            attributes += [_Attribute(key, _UNICODE, utf16(value)) for value in values]
    if halves:
        disc = "/".join(filter(None, (halves.get("1", "0"), halves.get("2"))))
        attributes.append(_Attribute("WM/PartOfSet", _UNICODE, utf16(disc)))
    return attributes


def _picture(cover: Cover) -> bytes:
    return struct.pack("<BI", 3, len(cover.data)) + utf16(cover.mime) + utf16("") + cover.data


def _extended(attributes: list[_Attribute]) -> bytes:
    body = b"".join(
        struct.pack("<H", len(name := utf16(attribute.name)))
        + name
        + struct.pack("<HH", attribute.kind, len(attribute.value))
        + attribute.value
        for attribute in attributes
    )
    return struct.pack("<H", len(attributes)) + body


def _library(attributes: list[_Attribute]) -> bytes:
    body = b"".join(
        struct.pack("<HHHHI", 0, 0, len(name := utf16(attribute.name)), attribute.kind, len(attribute.value))
        + name
        + attribute.value
        for attribute in attributes
    )
    return struct.pack("<H", len(attributes)) + body


def _extension(content: bytes) -> bytes:
    return asf_object(_HEADER_EXTENSION, guid(_HEADER_EXTENSION_CLOCK) + struct.pack("<HI", 6, len(content)) + content)
