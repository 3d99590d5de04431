"""What a container's reader finds in a file, before any rule of ours is applied, and the border to mutagen."""

from __future__ import annotations

import errno
import io
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from mutagen import MutagenError

from soniquescan.errors import FileReadError
from soniquescan.messages import AudioStream, ErrorKind
from soniquescan.tags.source import BUFFER_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typing_extensions import Buffer

    from soniquescan.tags.source import Source

T = TypeVar("T")

Info = Any  # mutagen's stream properties, of which each class has attributes of its own
Values = dict[str, list[str]]  # Picard name, or else the file's own key as spelled → values in the file's order

INTEGER_LIMIT: Final = 2**31  # what PostgreSQL's integers go up to
MESSAGE_CHARACTERS: Final = 200


class Problem(NamedTuple):
    """Something wrong with a file that makes a track all the same."""

    kind: ErrorKind
    message: str


class UnreadableError(Exception):
    """A part of a file cannot be read; the message says why."""


class _Window(io.RawIOBase):
    """The bytes of a file between two offsets, as a file of their own."""

    def __init__(self, pread: Callable[[int, int], bytes], start: int, end: int) -> None:
        super().__init__()
        self._pread, self._start, self._size, self._position = pread, start, max(0, end - start), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError(errno.EINVAL, "before the start of the file")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Buffer, /) -> int:
        view = memoryview(buffer)
        wanted = max(0, min(len(view), self._size - self._position))
        data = self._pread(wanted, self._start + self._position)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


class _BoundedReader(io.BufferedReader):
    """A buffered file of which no read asks for more than the file holds, whatever sizes the file claims."""

    limit_bytes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.limit_bytes:
            size = self.limit_bytes
        return super().read(size)


def opened(source: Source, *, whole: bool = False) -> io.BufferedReader:
    """Return a file as mutagen wants it: without the tags around its container, or whole."""
    start, end = (0, source.size_bytes) if whole else (source.around.start, source.around.end)
    reader = _BoundedReader(_Window(source.pread, start, end), BUFFER_BYTES)
    reader.limit_bytes = source.size_bytes
    return reader


class Block(NamedTuple):
    """One tag block of a file."""

    values: Values
    has_cover: bool = False
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class Content:
    """What a container's reader found."""

    container: str
    stream: AudioStream | None = None
    values: Values = field(default_factory=dict)
    has_cover: bool = False
    problems: list[Problem] = field(default_factory=list)

    def problem(self, kind: ErrorKind, message: str) -> None:
        """Note something that is wrong."""
        self.problems.append(Problem(kind, message))

    def note_missing(self, missing_bytes: int, claimed_bytes: int) -> None:
        """Note that the file ends before it says itself, unless nothing is missing."""
        if missing_bytes > 0:
            self.problem(ErrorKind.TRUNCATED, f"{missing_bytes} of {claimed_bytes} bytes are missing")

    def add_stream(self, parse: Callable[[], AudioStream]) -> None:
        """Set the stream to what `parse` returns, or note why there is none."""
        try:
            self.stream = attempt(parse)
        except UnreadableError as exc:
            self.problem(ErrorKind.NO_AUDIO_STREAM, str(exc))

    def add_tags(self, parse: Callable[[], Block]) -> None:
        """Add the tags that `parse` returns where an earlier block has not got them, or note what is wrong."""
        try:
            block = attempt(parse)
        except UnreadableError as exc:
            self.problem(ErrorKind.MALFORMED_TAGS, str(exc))
            return
        self.has_cover = self.has_cover or block.has_cover
        self.problems += block.problems
        if not self.values:
            self.values = block.values
            return
        known = {name.casefold() for name in self.values}
        self.values |= {name: values for name, values in block.values.items() if name.casefold() not in known}


def attempt(parse: Callable[[], T]) -> T:
    """Return what `parse` returns; raise UnreadableError for anything that the file's content made it raise.

    The border to mutagen: on some files it raises ValueError, IndexError, ZeroDivisionError, struct.error,
    RecursionError and others besides its own errors, and it wraps I/O errors in its own. Storage that fails
    is told apart and raised as FileReadError, since it says nothing about the file.
    """
    try:
        return parse()
    except (FileReadError, UnreadableError):
        raise
    except MemoryError as exc:
        raise FileReadError(ErrorKind.TOO_LARGE, "needs more memory than a worker may use") from exc
    except Exception as exc:
        storage = next((cause for cause in _causes(exc) if _is_storage_failure(cause)), None)
        if isinstance(storage, OSError):
            raise io_error(storage) from exc
        raise UnreadableError(_said(exc)) from exc


def _said(exc: Exception) -> str:
    """Return what an exception says: mutagen's own errors speak for themselves, others need their names."""
    if isinstance(exc, MutagenError) and str(exc):
        return str(exc)
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__


def _causes(exc: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = exc
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_storage_failure(exc: BaseException) -> bool:
    # EINVAL is what seeking to before the file's start gives, which is the content's fault.
    return isinstance(exc, OSError) and exc.errno not in (None, errno.EINVAL)


def io_error(exc: OSError) -> FileReadError:
    """Return the error of a file whose storage failed."""
    return FileReadError(ErrorKind.IO_ERROR, f"cannot be read: {exc.strerror or exc}")


def one_line(text: str) -> str:
    """Return a message that may quote a file's content as one line that can be shown and is not too long."""
    line = " ".join(text.split())[:MESSAGE_CHARACTERS]
    return "".join(character if character.isprintable() else "\ufffd" for character in line)


def stream(  # noqa: PLR0913  one argument a property
    source: Source,
    container: str,
    codec: str | None,
    *,
    length_s: float | None,
    bitrate_bps: float | None = None,
    sample_rate_hz: int | None = None,
    bits_per_sample: int | None = None,
    channels: int | None = None,
    audio_md5: str | None = None,
) -> AudioStream:
    """Return an AudioStream; zeroes mean "not said", and a missing bit rate is the file's size over its length."""
    length_s = length_s if length_s and length_s > 0 else None
    if not bitrate_bps and length_s:
        bitrate_bps = (source.around.end - source.around.start) * 8 / length_s
    return AudioStream(
        container=container,
        codec=one_line(codec or "") or None,  # of an unknown one, the file's own four characters
        length_ms=fits(length_s and length_s * 1000),
        bitrate_bps=fits(bitrate_bps),
        sample_rate_hz=fits(sample_rate_hz),
        bits_per_sample=fits(bits_per_sample),
        channels=fits(channels),
        audio_md5=audio_md5,
    )


def stream_of(source: Source, container: str, codec: str, info: Info) -> AudioStream:
    """Return an AudioStream of mutagen's properties, as far as that class has them."""
    return stream(
        source,
        container,
        codec,
        length_s=info.length,
        bitrate_bps=getattr(info, "bitrate", None),
        sample_rate_hz=info.sample_rate,
        bits_per_sample=getattr(info, "bits_per_sample", None),
        channels=info.channels,
    )


def fits(number: float | None) -> int | None:
    """Return `number` rounded, or None where it is not positive or does not fit a PostgreSQL integer."""
    return round(number) if number and 0 < number < INTEGER_LIMIT else None
