"""ASF (WMA): Microsoft's Advanced Systems Format specification, revision 01.20."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mutagen.asf import ASF, ASFInfo, ASFTags

from soniquescan.messages import ErrorKind
from soniquescan.tags import mapping
from soniquescan.tags.content import Block, Content, Info, UnreadableError, attempt, opened, stream
from soniquescan.tags.detect import ASF_HEADER
from soniquescan.tags.freeform import add_freeform
from soniquescan.tags.source import Source
from soniquescan.tags.waveformat import codec_of

if TYPE_CHECKING:
    from soniquescan.messages import AudioStream

_TEXT_TYPES = (0, 2, 3, 4, 5)  # Unicode, bool, dword, qword, word: all but byte arrays and GUIDs
_PICTURE = "WM/Picture"

STREAM_PROPERTIES = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_FORMAT_TAG_AT = 24 + 54  # after the object's header and the stream's fixed properties
_FILE_SIZE_AT = 24 + 16  # after the object's header and the file's id


class _ASF(ASF):
    """mutagen's reader, of which the parts that it has read remain when it fails."""

    def __init__(self) -> None:
        """Do not load anything yet."""


def read_asf(source: Source) -> Content:
    """Return what an ASF file says."""
    content = Content("asf")
    asf = _ASF()
    asf.info, asf.tags, asf._tags = ASFInfo(), ASFTags(), {}  # noqa: SLF001
    try:
        attempt(lambda: asf.load(opened(source)))
        tags = list(asf.tags)
    except UnreadableError as exc:
        content.problem(ErrorKind.MALFORMED_TAGS, str(exc))
        tags = [*asf.tags, *(pair for pairs in asf._tags.values() for pair in pairs)]  # noqa: SLF001
    header = source.pread(int.from_bytes(source.pread(8, len(ASF_HEADER)), "little"), 0)
    claimed = int.from_bytes(_field(header, FILE_PROPERTIES, _FILE_SIZE_AT, 8), "little")
    content.note_missing(claimed - source.size_bytes, claimed)
    content.add_stream(lambda: _stream(source, asf.info, _field(header, STREAM_PROPERTIES, _FORMAT_TAG_AT, 2)))
    content.add_tags(lambda: _tags(tags))
    return content


def _field(header: bytes, guid: bytes, offset: int, size: int) -> bytes:
    """Return a field of the first object of a kind; mutagen does not keep these."""
    start = header.find(guid)
    return header[start + offset : start + offset + size] if start >= 0 else b""


def _stream(source: Source, info: Info, format_tag: bytes) -> AudioStream:
    if not info.sample_rate and not info.length:
        raise UnreadableError("no audio stream")
    return stream(
        source,
        "asf",
        codec_of(int.from_bytes(format_tag, "little")) if format_tag else None,
        length_s=info.length,
        bitrate_bps=info.bitrate,
        sample_rate_hz=info.sample_rate,
        channels=info.channels,
    )


def _tags(tags: list[tuple[str, Any]]) -> Block:
    pairs = [(name, str(value.value)) for name, value in tags if value.TYPE in _TEXT_TYPES]
    values: dict[str, list[str]] = {}
    add_freeform(values, ((name, [_plain(text)]) for name, text in pairs), mapping.ASF)
    return Block(values, any(name == _PICTURE for name, _ in tags))


def _plain(text: str) -> str:
    return {"True": "1", "False": "0"}.get(text, text)
