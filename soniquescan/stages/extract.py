"""Extract: open each file found and read its tags and stream properties."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final

from soniquescan import rows, tags
from soniquescan.errors import FileReadError
from soniquescan.extensions import AUDIO_EXTENSIONS, ends_as_audio
from soniquescan.messages import (
    ErrorKind,
    FileError,
    FoundFile,
    Names,
    NotAudio,
    ReadFiles,
    Track,
    Tracks,
)
from soniquescan.openfiles import OpenFiles

STAGE: Final = "extract"

_open_files: Final = OpenFiles()  # of the list that this worker has in hand


def open_ahead(item: FoundFile | FileError) -> None:
    """Have a file of the list that comes next opened, and its first blocks fetched."""
    if isinstance(item, FoundFile):
        _open_files.open_ahead(item)


def extract(items: Iterable[FoundFile | FileError]) -> Iterator[Track | FileError | NotAudio]:
    """Yield each file's `Track` and what is wrong with it, or `NotAudio`; what is no file to read passes through."""
    for item in items:
        if isinstance(item, FoundFile):
            yield from _extract_one(item)
        else:
            yield item


def _extract_one(file: FoundFile) -> list[Track | FileError | NotAudio]:
    try:
        return _read(file)
    except FileReadError as exc:
        return [_error(file, ErrorKind(exc.kind), exc.message)]
    except OSError as exc:
        return [_error(file, ErrorKind.of_os_error(exc), exc.strerror or str(exc))]
    except MemoryError:
        return [_error(file, ErrorKind.TOO_LARGE, "reading it needs more memory than a worker may use")]
    except Exception as exc:  # noqa: BLE001  # the border of one file: our own mistakes must not end the scan
        return [_error(file, ErrorKind.INTERNAL, f"internal error: {exc!r}")]


def _read(found: FoundFile) -> list[Track | FileError | NotAudio]:
    fd = _open_files.take(found.path)
    try:
        file = _as_opened(found, os.fstat(fd))
        if not (_promises_audio(file.path) or tags.is_audio(os.pread(fd, tags.HEAD_BYTES, 0))):
            return [NotAudio(file)]
        metadata = tags.read(fd, file.size_bytes, file.path)
    finally:
        os.close(fd)
    track = Track(file, metadata.stream, metadata.tags)
    if not metadata.problems:
        return [track]
    return [track, *(_error(file, problem.kind, problem.message) for problem in metadata.problems)]


def _promises_audio(path: bytes) -> bool:
    return ends_as_audio(path) or os.path.splitext(path)[1].lower() in AUDIO_EXTENSIONS  # noqa: PTH122  # the path is bytes


def _as_opened(found: FoundFile, status: os.stat_result) -> FoundFile:
    """Return the file with the `stat` of the moment it was opened: it may have been replaced since it was found."""
    if not stat.S_ISREG(status.st_mode):
        raise FileReadError(ErrorKind.NOT_A_REGULAR_FILE, "replaced, since it was found, by what is no regular file")
    opened = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
    if found[2:7] == opened:  # size_bytes to device
        return found
    path, root_id, *_, cover_path, number = found
    return FoundFile(path, root_id, *opened, cover_path, number)


def lost(item: FoundFile | FileError, how: str | None) -> FileError:
    """Return the error of a file whose worker died (`how`) while it read it, or that took too long (None)."""
    if not isinstance(item, FoundFile):
        return item
    if how is None:
        return _error(item, ErrorKind.TIMEOUT, "took longer than --file-timeout to read")
    return _error(item, ErrorKind.WORKER_DIED, f"the worker that read it was lost ({how})")


def weigh(result: Track | FileError | NotAudio) -> int:
    """Return about how many bytes of text a result holds, where that can be much."""
    match result:
        case Track(_, _, tags):
            return rows.weigh(tags)
        case FileError():
            return len(result.message)
        case _:
            return 0


def pack(results: Iterable[Track | FileError | NotAudio]) -> ReadFiles:
    """Return the results of a list of files as they are sent: as rows, with what several tracks refer to there once.

    One file after the other is read, and then one after the other is spelled: a processor's caches hold the code of
    either, but not of both, and a list takes 4 % less time so.
    """
    tracks, names = Tracks.none(), Names.none()
    packed = ReadFiles(tracks, names, [], [])
    for result in rows.spell(results):
        match result:
            case rows.SpelledTrack():
                tracks.paths.append(result.path)
                tracks.rows.append(result.row)
                tracks.artists.append(result.artists)
                tracks.genres.append(result.genres)
                if result.album is not None:
                    names.add_album(result.album)
                names.artists.update(result.artist_names)
                names.genres.update(result.genre_names)
            case FileError():
                packed.errors.append(result)
            case _:
                packed.others.append(result)
    return packed


def _error(file: FoundFile, kind: ErrorKind, message: str) -> FileError:
    return FileError(file.path, STAGE, kind, message, file.size_bytes, file.mtime_ns, file.ctime_ns)
