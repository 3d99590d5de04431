"""ID3v2 (2.2, 2.3 and 2.4): how a tag is built; and ID3v1. What its frames say is in `id3frames`.

Specifications: https://id3.org/id3v2-00, https://id3.org/id3v2.3.0, https://id3.org/id3v2.4.0-structure,
https://id3.org/ID3v1.
mutagen's reader is not used here: it copies the rest of the tag at every frame and compares each new value of
a frame with all others (50,000 comments took it minutes), it inflates compressed frames without limit, and it
drops a frame for one bad byte.
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from mutagen import id3

from soniquescan.memo import MEMO_ENTRIES
from soniquescan.messages import ErrorKind
from soniquescan.tags.content import Block, Problem
from soniquescan.tags.id3frames import PICTURES, Frames
from soniquescan.tags.normalise import GENRES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soniquescan.tags.source import Source

MAGIC: Final = b"ID3"
HEADER_BYTES: Final = 10
V22: Final = 2
V23: Final = 3
V24: Final = 4
# Flags of a tag.
UNSYNCHRONISED: Final = 0x80
EXTENDED: Final = 0x40
FOOTER: Final = 0x10
HIGH_BIT: Final = 0x80  # never set in a synchsafe number's bytes

# Name, size and flags of a frame.
_LAYOUT_V22: Final = struct.Struct(">3s3s")
_LAYOUT: Final = struct.Struct(">4s4sH")

# ID3v2.2's three-letter frames → their names since 2.3: mutagen's classes derive from each other.
NAMES_SINCE_2_3: Final = {name: str(frame.__mro__[1].__name__) for name, frame in id3.Frames_2_2.items()}

ID3V1_BYTES: Final = 128
_ID3V1: Final = struct.Struct("<3x30s30s30s4s30sB")


class Header(NamedTuple):
    """A tag's first ten bytes."""

    version: int
    flags: int
    body_bytes: int  # extended header, frames and padding, as claimed
    end: int  # offset in the file of what follows the tag, as claimed


class _FrameFlags(NamedTuple):
    """What the bits of a frame's flags say: ID3v2.3, section 3.3.1; ID3v2.4, section 4.1."""

    compressed: int
    encrypted: int
    grouped: int  # a byte in front of the content
    sized: int  # four bytes in front of the content
    unsynchronised: int


_FRAME_FLAGS: Final = {
    V23: _FrameFlags(compressed=0x80, encrypted=0x40, grouped=0x20, sized=0x80, unsynchronised=0),
    V24: _FrameFlags(compressed=0x08, encrypted=0x04, grouped=0x40, sized=0x01, unsynchronised=0x02),
}


def header_at(source: Source, offset: int) -> Header | None:
    """Return the header of the ID3v2 tag at `offset`, or None where there is none."""
    raw = source.pread(HEADER_BYTES, offset)
    if len(raw) < HEADER_BYTES or not raw.startswith(MAGIC) or raw[3] not in (V22, V23, V24):
        return None
    version, flags, size = raw[3], raw[5], _synchsafe(raw[6:])
    footer_bytes = HEADER_BYTES if version == V24 and flags & FOOTER else 0
    return Header(version, flags, size, offset + HEADER_BYTES + size + footer_bytes)


def _synchsafe(raw: bytes) -> int:
    """Return a number of which each byte holds seven bits; where one holds eight, it is a plain number."""
    if max(raw) >= HIGH_BIT:
        return int.from_bytes(raw)
    return raw[0] << 21 | raw[1] << 14 | raw[2] << 7 | raw[3]


def frames_end(source: Source, offset: int, header: Header) -> int:
    """Return where the last frame ends that fits into the file, for a tag that claims more than there is."""
    layout = _frame_layout(header)
    position = offset + HEADER_BYTES
    while True:
        raw = source.pread(layout.size, position)
        if len(raw) < layout.size:
            return position
        name, size, *_ = layout.unpack(raw)
        end = position + layout.size + int.from_bytes(size)
        if not name.isalnum() or end > source.size_bytes:
            return position
        position = end


def read_id3v2(source: Source, offset: int, header: Header) -> Block:
    """Return the tag whose `header` stands at `offset`."""
    body = source.pread(header.body_bytes, offset + HEADER_BYTES)
    found = Frames()
    if len(body) < header.body_bytes:
        message = f"an ID3 tag claims {header.body_bytes} bytes, the file has {len(body)} of them"
        found.problems.append(Problem(ErrorKind.TRUNCATED, message))
    if header.version < V24 and header.flags & UNSYNCHRONISED:
        body = _resynchronise(body)
    for name, frame in _split(header, body, found):
        found.read(name, frame)
    return found.block()


def _resynchronise(raw: bytes) -> bytes:
    return raw.replace(b"\xff\x00", b"\xff")


def _frame_layout(header: Header) -> struct.Struct:
    return _LAYOUT_V22 if header.version == V22 else _LAYOUT


def _extended_header_bytes(header: Header, body: bytes) -> int:
    """Return the size of the extended header; some taggers set its flag and write none."""
    if header.version == V22 or not header.flags & EXTENDED or body[:4].decode("latin-1") in id3.Frames:
        return 0
    return _synchsafe(body[:4]) if header.version == V24 else len(body[:4]) + int.from_bytes(body[:4])


def _split(header: Header, body: bytes, found: Frames) -> Iterator[tuple[str, bytes]]:
    """Yield each frame's name and content, without what its flags put around it."""
    layout = _frame_layout(header)
    unsynchronised = header.version == V24 and header.flags & UNSYNCHRONISED
    position, length = _extended_header_bytes(header, body), len(body)
    while position + layout.size <= length:
        raw_name, raw_size, *flags = layout.unpack_from(body, position)
        if not raw_name.strip(b"\x00"):
            return  # padding
        position += layout.size
        end = position + _frame_bytes(header, body, position, raw_size)
        if (name := _frame_name(raw_name)) is not None:
            if end > length and not found.problems:
                found.problem(f"the ID3 frame {name} claims {end - position} bytes, {length - position} are left")
            frame = body[position:end]
            is_wrapped = unsynchronised or (flags and flags[0])
            yield name, _unwrap(header, flags[0], name, frame, found) if is_wrapped else frame
        position = end


@lru_cache(MEMO_ENTRIES)
def _frame_name(raw: bytes) -> str | None:
    """Return a frame's name since 2.3; some taggers write the three letters of 2.2, and a NUL, into 2.3."""
    name = raw.rstrip(b"\x00 ").decode("latin-1")
    if not name.isascii() or not name.isalnum():
        return None
    return NAMES_SINCE_2_3.get(name, name)


def _frame_bytes(header: Header, body: bytes, position: int, raw: bytes) -> int:
    """Return a frame's size. iTunes wrote plain sizes into ID3v2.4, where they should be synchsafe."""
    plain = int.from_bytes(raw)
    if header.version < V24 or plain < HIGH_BIT:
        return plain
    size = _synchsafe(raw)
    return plain if not _frame_follows(body, position + size) and _frame_follows(body, position + plain) else size


def _frame_follows(body: bytes, position: int) -> bool:
    name = body[position : position + 4]
    return position == len(body) or (bool(name) and (not any(name) or name.decode("latin-1") in id3.Frames))


def _unwrap(header: Header, flags: int, name: str, frame: bytes, found: Frames) -> bytes:
    """Return a frame's content without encryption, compression and so on; empty where that cannot be done."""
    bits = _FRAME_FLAGS[header.version]
    if flags & bits.encrypted:
        return b""
    frame = frame[bool(flags & bits.grouped) + 4 * bool(flags & bits.sized) :]
    if header.version == V24 and (flags & bits.unsynchronised or header.flags & UNSYNCHRONISED):
        frame = _resynchronise(frame)
    return _inflate(name, frame, found) if flags & bits.compressed else frame


def _inflate(name: str, frame: bytes, found: Frames) -> bytes:
    if name in PICTURES:
        return frame  # nobody looks into it
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(frame, found.inflatable_bytes)
    except zlib.error:
        found.problem(f"the compressed ID3 frame {name} cannot be read")
        return b""
    found.inflatable_bytes = max(1, found.inflatable_bytes - len(content))  # 0 would mean without limit
    if inflater.unconsumed_tail:
        found.problem(f"the compressed ID3 frame {name} is too large")
        return b""
    return content


def read_id3v1(raw: bytes) -> Block:
    """Return the tag in the last 128 bytes of a file."""
    title, artist, album, year, comment, genre = _ID3V1.unpack(raw)
    texts = {"title": title, "artist": artist, "album": album, "date": year, "comment": comment}
    if comment[28] == 0 and comment[29]:  # ID3v1.1
        texts["comment"] = comment[:28]
        texts["tracknumber"] = b"%d" % comment[29]
    values = {name: [text.partition(b"\x00")[0].decode("latin-1").strip()] for name, text in texts.items()}
    if genre < len(GENRES):
        values["genre"] = [GENRES[genre]]
    return Block({name: texts for name, texts in values.items() if texts[0]})
