"""The tag blocks that stand around a container: ID3v2 and APEv2 in front of it, APEv2 and ID3v1 behind it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from soniquescan.tags import apev2, id3
from soniquescan.tags.source import Around

if TYPE_CHECKING:
    from soniquescan.tags.content import Content
    from soniquescan.tags.source import Source

MAX_LEADING_TAGS: Final = 16  # Windows Media Player stacks ID3 tags; more than a few are no music

# Lyrics3v2, between APEv2 and ID3v1: its size in six digits, then this. https://id3.org/Lyrics3v2
LYRICS_END: Final = b"LYRICS200"
_LYRICS_SIZE_BYTES: Final = 6
_LYRICS_FOOTER_BYTES: Final = _LYRICS_SIZE_BYTES + len(LYRICS_END)
TAIL_BYTES: Final = apev2.FOOTER_BYTES + _LYRICS_FOOTER_BYTES + id3.ID3V1_BYTES


def find(source: Source) -> Around:
    """Return where the tag blocks are."""
    id3v2, start = _leading_id3v2(source)
    after_apev2 = apev2.end_of_leading_tag(source, start)
    leading_apev2, start = (None, start) if after_apev2 is None else (start, after_apev2)
    tail = source.pread(TAIL_BYTES, max(0, source.size_bytes - TAIL_BYTES))
    id3v1 = tail[-id3.ID3V1_BYTES :] if tail[-id3.ID3V1_BYTES :].startswith(b"TAG") else b""
    end = source.size_bytes - len(id3v1) - _lyrics_bytes(tail[: len(tail) - len(id3v1)])
    footer = apev2.footer_before(source, end)
    if footer is not None:
        tag_start = apev2.start_of_tag(source, footer)
        end = tag_start if tag_start >= start else footer
    return Around(id3v2, leading_apev2, footer, id3v1, start, end)


def _leading_id3v2(source: Source) -> tuple[tuple[tuple[int, id3.Header], ...], int]:
    tags: list[tuple[int, id3.Header]] = []
    start = 0
    while len(tags) < MAX_LEADING_TAGS and (header := id3.header_at(source, start)) is not None:
        tags.append((start, header))
        start = header.end if header.end <= source.size_bytes else id3.frames_end(source, start, header)
    return tuple(tags), start


def _lyrics_bytes(tail: bytes) -> int:
    digits = tail[-_LYRICS_FOOTER_BYTES : -len(LYRICS_END)]
    return int(digits) + _LYRICS_FOOTER_BYTES if tail.endswith(LYRICS_END) and digits.isdigit() else 0


def add_tags(source: Source, content: Content) -> None:
    """Add what these blocks say and no earlier block has said: ID3v2 wins, then APEv2, then ID3v1."""
    around = source.around
    for offset, header in around.id3v2:
        content.add_tags(partial(id3.read_id3v2, source, offset, header))
    if around.leading_apev2 is not None:
        content.add_tags(partial(apev2.read_leading_apev2, source, around.leading_apev2))
    if around.apev2 is not None:
        content.add_tags(partial(apev2.read_apev2, source, around.apev2))
    if around.id3v1:
        content.add_tags(partial(id3.read_id3v1, around.id3v1))
