"""Discover: walk the roots and yield each file that may hold audio, with its `stat`.

Folders are walked depth first, in the order of their names as bytes, each (device, inode) once: so loops of
symbolic links end, and the same tree gives the same files in the same order every time.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from soniquescan.messages import ErrorKind, FileError, FoundFile
from soniquescan.tags import AUDIO_EXTENSIONS, COMPANION_EXTENSIONS

STAGE = "discover"

# Folders that NAS and desktop systems keep for themselves; like dot folders they are not the user's music.
SYSTEM_FOLDERS = frozenset({b"@eaDir", b"#recycle", b"$RECYCLE.BIN", b"System Volume Information", b"lost+found"})

# A folder's picture, best first; names are compared in lower case.
COVER_NAMES = tuple(
    name + extension for name in (b"cover", b"folder", b"front") for extension in (b".jpg", b".jpeg", b".png", b".webp")
)


class Root(NamedTuple):
    """A folder to scan, and its row in `roots`."""

    id: int
    path: bytes


@dataclass
class _Listing:
    """What one folder holds, in the order of names."""

    files: list[os.DirEntry[bytes]] = field(default_factory=list)  # all that is no folder, covers aside
    folders: list[bytes] = field(default_factory=list)
    errors: list[FileError] = field(default_factory=list)
    cover_path: bytes | None = None


def discover(roots: Sequence[Root]) -> Iterator[FoundFile | FileError]:
    """Yield what may be audio under `roots`; what cannot be read becomes a `FileError`."""
    entered: set[tuple[int, int]] = set()
    for root in roots:
        yield from _walk(root, entered)


def _walk(root: Root, entered: set[tuple[int, int]]) -> Iterator[FoundFile | FileError]:
    waiting = [root.path]
    while waiting:
        folder = waiting.pop()
        try:
            status = os.stat(folder)  # noqa: PTH116  # paths are bytes here, which pathlib does not take
        except OSError as exc:
            yield _error(folder, exc)
            continue
        if (status.st_dev, status.st_ino) in entered:
            continue
        entered.add((status.st_dev, status.st_ino))
        listing = _list(folder)
        yield from listing.errors
        for entry in listing.files:
            found = _found(entry, root.id, listing.cover_path)
            if found is not None:
                yield found
        waiting += reversed(listing.folders)


def _list(folder: bytes) -> _Listing:
    listing = _Listing()
    entries: list[os.DirEntry[bytes]] = []
    try:
        with os.scandir(folder) as iterator:
            entries.extend(iterator)
    except OSError as exc:  # what was listed before it counts all the same
        listing.errors.append(_error(folder, exc))
    entries.sort(key=lambda entry: entry.name)
    covers: dict[bytes, bytes] = {}
    for entry in entries:
        if entry.name.startswith(b".") or entry.name in SYSTEM_FOLDERS:
            continue
        if _is_folder(entry):
            listing.folders.append(entry.path)
        elif entry.name.lower() in COVER_NAMES:
            covers.setdefault(entry.name.lower(), entry.path)
        else:
            listing.files.append(entry)
    listing.cover_path = next((covers[name] for name in COVER_NAMES if name in covers), None)
    return listing


def _is_folder(entry: os.DirEntry[bytes]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link loop, a stale handle: `_found` meets it again and says so
        return False


def _found(entry: os.DirEntry[bytes], root_id: int, cover_path: bytes | None) -> FoundFile | FileError | None:
    """Return the entry as a file or an error, or None for what is certainly no audio."""
    extension = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122  # bytes, as above
    if extension in COMPANION_EXTENSIONS:
        return None
    try:
        status = entry.stat()
    except OSError as exc:
        return _error(entry.path, exc, is_link=entry.is_symlink())
    if not stat.S_ISREG(status.st_mode):
        return _not_regular(entry.path, status.st_mode) if extension in AUDIO_EXTENSIONS else None
    return FoundFile(
        path=entry.path,
        root_id=root_id,
        size_bytes=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
        device=status.st_dev,
        cover_path=cover_path,
    )


def _not_regular(path: bytes, mode: int) -> FileError:
    names = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}
    message = f"not a regular file but {names.get(stat.S_IFMT(mode), 'something else')}; it was not opened"
    return FileError(path, STAGE, ErrorKind.NOT_A_REGULAR_FILE, message, None, None)


def _error(path: bytes, exc: OSError, *, is_link: bool = False) -> FileError:
    kind = ErrorKind.of_os_error(exc)
    message = exc.strerror or str(exc)
    if is_link and kind is ErrorKind.NOT_FOUND:
        kind, message = ErrorKind.DANGLING_LINK, "a symbolic link to a file that does not exist"
    return FileError(path, STAGE, kind, message, None, None)
