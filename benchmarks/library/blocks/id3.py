"""ID3v1, ID3v2.2, ID3v2.3 and ID3v2.4 (https://id3.org), as taggers write them.

In v2.4 values are separated by NUL. Before it there is no standard: MusicBrainz ids and genres are joined by "/"
here, as Picard does, other lists by NUL, as Mp3tag does, since "/" would take AC/DC apart.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from benchmarks.library.genres import id3v1_genre
from benchmarks.library.mapping import ROWS, V22

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.library.messages import Cover, Tags

_KEYS = {row.name: row.id3 for row in ROWS}
_JOINED_BY_SLASH = ("musicbrainz_", "genre")
_V22, _V24 = 2, 4
_LATIN1, _UTF16, _UTF8 = 0, 1, 3
_ENCODINGS = {_LATIN1: ("latin-1", b"\0"), _UTF16: ("utf-16", b"\0\0"), _UTF8: ("utf-8", b"\0")}
_V23_NAMES = {"TDOR": "TORY", "TIPL": "IPLS", "TMCL": "IPLS"}
_PADDING = bytes(512)


def syncsafe(number: int) -> bytes:
    """Return `number` in four bytes of seven bits."""
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def v2(tags: Tags, version: int, cover: Cover | None = None) -> bytes:
    """Return an ID3v2 tag of minor version 2, 3 or 4."""
    body = b"".join(_frame(name, content, version) for name, content in _contents(tags, version))
    if cover is not None:
        body += _frame("APIC", _picture(cover, version), version)
    body += _PADDING
    return b"ID3" + bytes((version, 0, 0)) + syncsafe(len(body)) + body


def v1(tags: Tags) -> bytes:
    """Return an ID3v1.1 tag; values must fit, see `tagging.held`."""

    def field(name: str, size: int) -> bytes:
        return tags.get(name, [""])[0].encode("latin-1").ljust(size, b"\0")

    texts = field("title", 30) + field("artist", 30) + field("album", 30) + field("date", 4) + field("comment", 28)
    number = int(tags.get("tracknumber", ["0"])[0])
    return b"TAG" + texts + bytes((0, number, id3v1_genre(tags.get("genre", [""])[0])))


def _frame(name: str, content: bytes, version: int) -> bytes:
    if version == _V22:
        return V22.get(name, "PIC").encode() + len(content).to_bytes(3, "big") + content
    size = syncsafe(len(content)) if version == _V24 else struct.pack(">I", len(content))
    return name.encode() + size + b"\0\0" + content


def _contents(tags: Tags, version: int) -> Iterator[tuple[str, bytes]]:
    """Yield frame id and content, in the order of `tags`; frames that gather several names come last."""
    numbers: dict[str, dict[str, str]] = {}
    people: dict[str, list[str]] = {}
    for name, values in tags.items():
        base, _, qualifier = name.partition(":")
        key = _KEYS.get(base, f"TXXX:{name}")
        frame, _, detail = key.partition(":")
        if "#" in key:
            frame, _, half = key.partition("#")
            numbers.setdefault(frame, {})[half] = values[0]
        elif frame in ("TIPL", "TMCL"):
            frame = frame if version == _V24 else _V23_NAMES[frame]
            people.setdefault(frame, []).extend(text for value in values for text in (detail or qualifier, value))
        else:
            yield from _single(frame, detail or qualifier, name, values, version)
    for frame, halves in numbers.items():
        yield frame, _text(["/".join(filter(None, (halves.get("1", "0"), halves.get("2"))))], version)
    for frame, names in people.items():
        yield frame, _text(names, version, end=True)


def _single(frame: str, detail: str, name: str, values: list[str], version: int) -> Iterator[tuple[str, bytes]]:
    if frame in ("TDRC", "TDOR") and version < _V24:
        yield from _date(frame, values[0], version)
    elif frame in ("COMM", "USLT"):
        yield frame, _described(detail, values, version, language=b"eng")
    elif frame == "TXXX":
        yield frame, _described(detail, _joined(name, values, version), version)
    elif frame == "UFID":
        yield frame, detail.encode() + b"\0" + values[0].encode()
    elif frame == "WCOP" and (len(values) > 1 or "://" not in values[0]):
        yield "TXXX", _described("LICENSE", values, version)
    elif frame.startswith("W"):
        yield from ((frame, value.encode("latin-1")) for value in values)
    else:
        yield frame, _text(_joined(name, values, version), version)


def _date(frame: str, date: str, version: int) -> Iterator[tuple[str, bytes]]:
    """TYER and TDAT (DDMM) are what v2.3 has; an original date is a year only."""
    year, *rest = date.split("-")
    yield ("TORY" if frame == "TDOR" else "TYER"), _text([year], version)
    if rest and frame == "TDRC":
        month, day = rest
        yield "TDAT", _text([day + month], version)


def _joined(name: str, values: list[str], version: int) -> list[str]:
    return ["/".join(values)] if version < _V24 and name.startswith(_JOINED_BY_SLASH) else values


def _encoding(texts: list[str], version: int) -> int:
    if version == _V24:
        return _UTF8
    try:
        "".join(texts).encode("latin-1")
    except UnicodeEncodeError:
        return _UTF16
    return _LATIN1


def _text(values: list[str], version: int, *, end: bool = False) -> bytes:
    encoding = _encoding(values, version)
    codec, nul = _ENCODINGS[encoding]
    return bytes((encoding,)) + nul.join(value.encode(codec) for value in values) + (nul if end else b"")


def _described(description: str, values: list[str], version: int, language: bytes = b"") -> bytes:
    encoding = _encoding([description, *values], version)
    codec, nul = _ENCODINGS[encoding]
    return bytes((encoding,)) + language + nul.join(text.encode(codec) for text in (description, *values))


def _picture(cover: Cover, version: int) -> bytes:
    kind = b"JPG" if version == _V22 else cover.mime.encode() + b"\0"
    return b"\0" + kind + b"\x03\0" + cover.data
