"""Discover: walk the roots and yield what each folder holds that may be audio, with its `stat`.

Folders are walked depth first, in the order of their names as bytes, each (device, inode) once: so loops of
symbolic links end, and the same tree gives the same folders in the same order every time.
"""

from __future__ import annotations

import os
import stat
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import NamedTuple

from soniquescan import ignore
from soniquescan.extensions import AUDIO_EXTENSIONS, COMPANION_EXTENSIONS, ends_as_audio
from soniquescan.foldersahead import FoldersAhead
from soniquescan.ignore import PatternFileError, Rules
from soniquescan.messages import ErrorKind, FileError, FoundFolder
from soniquescan.text import is_plain, path_to_text, printable, spell_name

STAGE = "discover"

# Folders that NAS and desktop systems keep for themselves; like dot folders they are not the user's music.
SYSTEM_FOLDERS = frozenset({b"@eaDir", b"#recycle", b"$RECYCLE.BIN", b"System Volume Information", b"lost+found"})

# A folder's picture, best first; names are compared in lower case.
COVER_NAMES = tuple(
    name + extension for name in (b"cover", b"folder", b"front") for extension in (b".jpg", b".jpeg", b".png", b".webp")
)

_DOT = ord(".")
_name_of = attrgetter("name")


class Root(NamedTuple):
    """A folder to scan, and its row in `roots`."""

    id: int
    path: bytes


class _Contents(NamedTuple):
    """What one folder holds, in the order of names."""

    lines: list[bytes]  # of files: name, size_bytes, mtime_ns, ctime_ns, inode; names as they are
    folders: list[bytes]  # paths, as in the next three
    covers: dict[bytes, bytes]  # by lower-case name
    pattern_files: list[bytes]  # one or none
    errors: list[FileError]


def discover(roots: Sequence[Root], *, exclude: Sequence[str] = ()) -> Iterator[FoundFolder | FileError]:
    """Yield each folder under `roots` with what may be audio in it; what cannot be read becomes a `FileError`.

    A folder's errors come before the folder. One that cannot be opened is an error only. So is one whose
    `.soniqueignore` cannot be read: as nobody knows what it leaves out, nothing there is looked at.
    A picture that patterns leave out is the folder's cover all the same: patterns are about tracks.
    """
    entered: defaultdict[int, set[int]] = defaultdict(set)  # device → inodes of folders
    ahead = FoldersAhead(is_file=ends_as_audio, is_folder=_is_walked)
    for root in roots:
        try:
            rules = ignore.rules_above(root.path, exclude)
        except PatternFileError as exc:
            yield _not_walked(root.path, exc)
        else:
            yield from _walk(root, rules, entered, ahead)


def _walk(
    root: Root, rules: Rules | None, entered: defaultdict[int, set[int]], ahead: FoldersAhead
) -> Iterator[FoundFolder | FileError]:
    waiting = [(root.path, rules)]
    while waiting:
        folder, rules = waiting.pop()
        was_looked_at = ahead.wait(folder)
        try:
            device = _enter(folder, entered)
            if device is None:
                continue
            entries, broken_off = _list(folder)
        except OSError as exc:
            yield _error(folder, exc)
            continue
        started_s = time.perf_counter()
        contents = _look_at(entries, device)
        if not was_looked_at:
            ahead.note(time.perf_counter() - started_s, len(contents.lines))
        excluded: list[bytes] = []
        try:
            if contents.pattern_files or broken_off is not None:  # that listing may have missed the file
                rules = ignore.rules_within(rules, folder)
        except PatternFileError as exc:
            yield FileError(exc.path, STAGE, exc.kind, exc.message, None, None, None)
            yield _not_walked(folder, exc)
            continue
        if rules is not None:
            contents, excluded = _leave_out(contents, folder, rules)
        if broken_off is not None:
            yield _error(folder, broken_off)
        yield from contents.errors
        cover_path = _best_cover(contents.covers)
        lines = _join_lines(contents.lines, cover_path)
        yield FoundFolder(folder, root.id, device, cover_path, len(contents.lines), lines, tuple(excluded))
        waiting += [(path, rules) for path in reversed(contents.folders)]
        ahead.look(path for path, _ in reversed(waiting))


def _enter(folder: bytes, entered: defaultdict[int, set[int]]) -> int | None:
    """Return the folder's device, or None if it was entered before."""
    status = os.stat(folder)  # noqa: PTH116  # paths are bytes here, which pathlib does not take
    inodes = entered[status.st_dev]
    if status.st_ino in inodes:
        return None
    inodes.add(status.st_ino)
    return status.st_dev


def _list(folder: bytes) -> tuple[list[os.DirEntry[bytes]], OSError | None]:
    """Return what is in a folder in the order of names, and what broke the listing off, if anything did."""
    iterator = os.scandir(folder)
    entries: list[os.DirEntry[bytes]] = []
    broken_off = None
    try:
        entries.extend(iterator)
    except OSError as exc:  # what was listed before it counts all the same
        broken_off = exc
    entries.sort(key=_name_of)
    return entries, broken_off


def _is_walked(name: bytes) -> bool:
    return name[0] != _DOT and name not in SYSTEM_FOLDERS


def _look_at(entries: list[os.DirEntry[bytes]], device: int) -> _Contents:
    """Sort out what a folder holds.

    A scan that finds nothing new spends most of its time in this loop and in the system calls that it makes: every
    look-up counts, so what is not simply an audio file is left to another function.
    """
    contents = _Contents([], [], {}, [], [])
    lines = contents.lines
    for entry in entries:
        name = entry.name
        try:
            has_audio_name = name[-4:] in AUDIO_EXTENSIONS or name[-5:] in AUDIO_EXTENSIONS
            if has_audio_name and name[0] != _DOT and entry.is_file():
                status = entry.stat()
            elif (other := _look_closer(entry, contents)) is not None:
                status = other
            else:
                continue
        except OSError as exc:
            contents.errors.append(_error(entry.path, exc, is_link=entry.is_symlink()))
            continue
        line = b"%b\t%d\t%d\t%d\t%d" % (name, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        if status.st_dev != device:
            line += b"@%d" % status.st_dev
        lines.append(line)
    return contents


def _look_closer(entry: os.DirEntry[bytes], contents: _Contents) -> os.stat_result | None:
    """Return an entry's `stat` if it is a file that may be audio, else put it where it belongs."""
    name = entry.name
    if name[0] == _DOT:
        if name == ignore.FILE_NAME:
            contents.pattern_files.append(entry.path)
        return None
    if entry.is_dir():
        if _is_walked(name):
            contents.folders.append(entry.path)
        return None
    extension = os.path.splitext(name)[1].lower()  # noqa: PTH122  # paths are bytes here, which pathlib does not take
    if extension in COMPANION_EXTENSIONS:
        if name.lower() in COVER_NAMES:
            contents.covers.setdefault(name.lower(), entry.path)
        return None
    status = entry.stat()
    if stat.S_ISREG(status.st_mode):
        return status
    if extension in AUDIO_EXTENSIONS:
        contents.errors.append(_not_regular(entry.path, status.st_mode))
    return None


def _leave_out(contents: _Contents, folder: bytes, rules: Rules) -> tuple[_Contents, list[bytes]]:
    """Return what is left of a folder by its patterns, and the names of what they leave out."""
    is_excluded = rules.in_folder(folder)
    excluded = []

    def is_kept(name: bytes, *, is_folder: bool = False) -> bool:
        if is_excluded(name, is_folder):
            excluded.append(name)
            return False
        return True

    lines = [line for line in contents.lines if is_kept(line.rsplit(b"\t", 4)[0])]
    errors = [error for error in contents.errors if is_kept(_name(error.path))]
    folders = [path for path in contents.folders if is_kept(_name(path), is_folder=True)]
    return contents._replace(lines=lines, folders=folders, errors=errors), excluded


def _name(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]


def _best_cover(covers: dict[bytes, bytes]) -> bytes | None:
    return next((covers[name] for name in COVER_NAMES if name in covers), None) if covers else None


def _join_lines(lines: list[bytes], cover_path: bytes | None) -> bytes:
    """Return the lines of a folder as one text, with names spelled as the database has them, and that of the cover."""
    if not lines:
        return b""
    end = b"\t" if cover_path is None else b"\t" + _name(cover_path)  # a name that is plain
    text = (end + b"\n").join(lines) + end
    if is_plain(text, separators=6 * len(lines) - 1):
        return text
    spelled = []
    for line in lines:
        name, *numbers = line.rsplit(b"\t", 4)
        spelled.append(b"\t".join([spell_name(name), *numbers]))
    return (end + b"\n").join(spelled) + end


def _not_regular(path: bytes, mode: int) -> FileError:
    names = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}
    message = f"not a regular file but {names.get(stat.S_IFMT(mode), 'something else')}; it was not opened"
    return FileError(path, STAGE, ErrorKind.NOT_A_REGULAR_FILE, message, None, None, None)


def _not_walked(folder: bytes, exc: PatternFileError) -> FileError:
    message = f"not looked into, as nobody knows what to leave out: {printable(path_to_text(exc.path))}: {exc.message}"
    return FileError(folder, STAGE, exc.kind, message, None, None, None)


def _error(path: bytes, exc: OSError, *, is_link: bool = False) -> FileError:
    kind = ErrorKind.of_os_error(exc)
    message = exc.strerror or str(exc)
    if is_link and kind is ErrorKind.NOT_FOUND:
        kind, message = ErrorKind.DANGLING_LINK, "a symbolic link to a file that does not exist"
    return FileError(path, STAGE, kind, message, None, None, None)
