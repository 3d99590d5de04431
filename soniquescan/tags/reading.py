"""An open file → its tags and stream properties."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from soniquescan.errors import FileReadError
from soniquescan.messages import AudioStream, ErrorKind, TrackTags
from soniquescan.tags import apefamily, around, detect, fast
from soniquescan.tags.aiff import read_aiff
from soniquescan.tags.asf import read_asf
from soniquescan.tags.build import clean, track_tags
from soniquescan.tags.content import Content, Problem, io_error, one_line
from soniquescan.tags.dsd import read_dff, read_dsf
from soniquescan.tags.flac import read_flac
from soniquescan.tags.midi import read_midi
from soniquescan.tags.mp4 import read_mp4
from soniquescan.tags.mpeg import read_aac, read_ac3, read_mp3
from soniquescan.tags.ogg import read_ogg
from soniquescan.tags.riff import read_wav
from soniquescan.tags.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable

_READERS: Final[dict[str, Callable[[Source], Content]]] = {
    "mp3": read_mp3,
    "flac": read_flac,
    "ogg": read_ogg,
    "mp4": read_mp4,
    "asf": read_asf,
    "wav": read_wav,
    "aiff": read_aiff,
    "aac": read_aac,
    "ac3": read_ac3,
    "dsf": read_dsf,
    "dff": read_dff,
    "midi": read_midi,
    **apefamily.READERS,
}


class FileMetadata:
    """What a file holds."""

    def __init__(self, stream: AudioStream, tags: TrackTags, problems: tuple[Problem, ...]) -> None:
        self.stream = stream  # all None but the container where `problems` has a no_audio_stream
        self.tags = tags
        self.problems = problems  # what is wrong with it, though it makes a track


def read(fd: int, size_bytes: int, path: bytes) -> FileMetadata:
    """Return what the file behind `fd` holds; `path` only tells what its first bytes leave open.

    `fd` is of a regular file of `size_bytes`; it stays open, its position is undefined afterwards.
    Raises FileReadError where there is no track to make.
    """
    if not size_bytes:
        raise FileReadError(ErrorKind.EMPTY, "the file is empty")
    try:
        source = Source(fd, size_bytes, path)
        found = fast.read(source)
        if found is not None:
            return FileMetadata(found.stream, track_tags(found.values, has_cover=found.has_cover), ())
        return read_by_reference(source)
    except OSError as exc:
        raise io_error(exc) from exc


def read_by_reference(source: Source) -> FileMetadata:
    """Return what a file holds as the readers around mutagen say, which know every format and every oddity.

    Raises FileReadError where there is no track to make, OSError where the storage fails.
    """
    content = _content(source)
    values = clean(content.values)
    if content.stream is None and not values and not content.has_cover:
        raise _failure(content)
    stream = content.stream or AudioStream(content.container, *[None] * (len(AudioStream._fields) - 1))
    problems = tuple(Problem(kind, one_line(message)) for kind, message in content.problems)
    return FileMetadata(stream, track_tags(values, has_cover=content.has_cover), problems)


def _content(source: Source) -> Content:
    source.around = around.find(source)
    head = source.pread(detect.MAGIC_BYTES, source.around.start)
    container = detect.container_of(head) or detect.container_by_name(source.path)
    if container is None and source.around.start:
        container = "mp3"  # what follows an ID3 tag as a rule; a few bytes of junk may come first
    if container is None:
        raise FileReadError(ErrorKind.UNSUPPORTED_FORMAT, f"no audio format that can be read: {_shown(source, head)}")
    return _READERS[container](source)


def _shown(source: Source, head: bytes) -> str:
    extension = os.path.splitext(source.path)[1]  # noqa: PTH122  paths are bytes
    return one_line(f"{os.fsdecode(extension) or 'the file'} begins with {head[:8]!r}")


def _failure(content: Content) -> FileReadError:
    """Return the error of a file of which nothing could be read: its first problem says why."""
    kinds = {problem.kind: problem for problem in reversed(content.problems)}
    message = "; ".join(dict.fromkeys(problem.message for problem in content.problems)) or "nothing can be read"
    kind = ErrorKind.TRUNCATED if ErrorKind.TRUNCATED in kinds else ErrorKind.CORRUPT
    return FileReadError(kind, one_line(message))
