"""FLAC: https://www.rfc-editor.org/rfc/rfc9639.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mutagen.flac import StreamInfo

from soniquescan.messages import ErrorKind
from soniquescan.tags import around
from soniquescan.tags.content import Block, Content, Problem, UnreadableError, stream
from soniquescan.tags.flacframes import missing_samples
from soniquescan.tags.source import Source
from soniquescan.tags.vorbis import comments_bytes, read_comments

if TYPE_CHECKING:
    from soniquescan.messages import AudioStream

MAGIC = b"fLaC"
STREAMINFO, COMMENTS, PICTURE = 0, 4, 6
STREAMINFO_BYTES = 34
MD5_START = 18  # in STREAMINFO, to its end
BLOCK_HEADER_BYTES = 4
MAX_BLOCKS = 10_000  # a block holds 16 MB; a file of empty ones must not keep a worker busy


class _Blocks:
    """What the metadata blocks hold, and where the audio starts."""

    def __init__(self, source: Source) -> None:
        self.streaminfo: bytes | None = None
        self.comments: Block | None = None
        self.has_cover = False
        self.truncated = False
        self._source = source
        position, last = source.around.start + len(MAGIC), False
        for _ in range(MAX_BLOCKS):
            header = source.pread(BLOCK_HEADER_BYTES, position)
            if last or len(header) < BLOCK_HEADER_BYTES:
                break
            last, kind, size = bool(header[0] & 0x80), header[0] & 0x7F, int.from_bytes(header[1:])
            position = self._block(kind, position + BLOCK_HEADER_BYTES, size)
        self.audio_start = position
        self.truncated = not last or position > source.size_bytes

    def _block(self, kind: int, start: int, size: int) -> int:
        """Note a block and return where the next one starts.

        Some taggers write wrong sizes of comments and pictures; libFLAC and mutagen read what is there.
        """
        if kind == STREAMINFO and self.streaminfo is None:
            self.streaminfo = self._source.pread(STREAMINFO_BYTES, start)
        elif kind == PICTURE:
            self.has_cover = True
            return start + max(size, self._picture_bytes(start))
        elif kind == COMMENTS and self.comments is None:
            self.comments = read_comments(self._source.pread(size, start))
            if self.comments.problems:
                raw = self._source.pread(self._source.size_bytes - start, start)
                if not (whole := read_comments(raw)).problems:
                    self.comments = whole
                    return start + max(size, comments_bytes(raw))
        return start + size

    def _picture_bytes(self, start: int) -> int:
        """Return a picture's size as its own fields tell it, or 0 if that is more than the file has."""
        position = start + 4  # its type
        position += 4 + self._number(position)  # MIME type
        position += 4 + self._number(position)  # description
        position += 16  # width, height, depth, colours
        position += 4 + self._number(position)  # data
        return position - start if position <= self._source.size_bytes else 0

    def _number(self, position: int) -> int:
        return int.from_bytes(self._source.pread(4, position))


def read_flac(source: Source) -> Content:
    """Return what a FLAC file says; an ID3 tag around it only fills what its comments lack."""
    content = Content("flac")
    blocks = _Blocks(source)
    content.has_cover = blocks.has_cover
    content.add_stream(lambda: _stream(source, blocks, content))
    if blocks.comments is not None:
        comments = blocks.comments
        content.add_tags(lambda: comments)
    if blocks.truncated:
        content.problems.insert(0, Problem(ErrorKind.TRUNCATED, "the file ends within its metadata"))
    around.add_tags(source, content)
    return content


def _stream(source: Source, blocks: _Blocks, content: Content) -> AudioStream:
    if blocks.streaminfo is None:
        raise UnreadableError("no STREAMINFO block")
    info = StreamInfo(blocks.streaminfo)
    if not blocks.truncated and (missing := missing_samples(source, blocks.audio_start, info)):
        content.problem(ErrorKind.TRUNCATED, f"at least {missing} of {info.total_samples} samples are missing")
    bitrate = (source.size_bytes - blocks.audio_start) * 8 / info.length if info.length else None
    return stream(
        source,
        "flac",
        "flac",
        length_s=info.length,
        bitrate_bps=int(bitrate) if bitrate else None,
        sample_rate_hz=info.sample_rate,
        bits_per_sample=info.bits_per_sample,
        channels=info.channels,
        audio_md5=audio_md5(blocks.streaminfo),
    )


def audio_md5(streaminfo: bytes) -> str | None:
    """Return the MD5 of the decoded audio that a whole STREAMINFO block holds; zeros mean that its encoder left it out.

    Encoders that write to a pipe cannot go back and fill it in.
    """
    md5 = streaminfo[MD5_START:STREAMINFO_BYTES]
    return md5.hex() if any(md5) else None
