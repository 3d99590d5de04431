"""Compare: leave out what has not changed, recognise what has only moved, and note what is not there any more.

What the database knows comes folder by folder as the same text of lines that the walk makes (`FoundFolder.lines`), so
a folder in which nothing has changed costs one comparison of two texts. Only where these differ are lines taken apart.

A file is known again under another path by its inode, size and mtime, but whether its track has left the old path is
sure only when all folders were walked: such files are held until then, and so is what has taken the place of a file
that may have gone elsewhere.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import NamedTuple

from soniquescan.database.known import Candidates, KnownFiles, KnownTrack
from soniquescan.messages import (
    Batch,
    Compared,
    ErrorKind,
    FileError,
    FoundFile,
    FoundFolder,
    Names,
    RecognisedRow,
    RootSeen,
    Tracks,
)
from soniquescan.rows import album_of
from soniquescan.text import is_plain, path_to_text, signed, unspell_name

LOOK_UP_FILES = 1_000  # asked for at a time; ten times fewer take 2.5 times as long a file
LOOK_UP_S = 0.05  # or what has come together in this time, so that reading begins soon
RECOGNISED_ROWS = 5_000  # a transaction
FIELDS = 6  # of a line of `FoundFolder.lines`

# Errors of the walk that say nothing about whether a track is still there. A link to nothing may lead to a disk that is
# away; what has vanished, or is a FIFO now, is certainly not there.
_CERTAIN = frozenset({ErrorKind.NOT_FOUND, ErrorKind.NOT_A_REGULAR_FILE})


class Root(NamedTuple):
    """A folder to scan, as the comparison sees it."""

    id: int
    path: bytes
    old_device: int | None  # st_dev when it was last scanned
    device: int | None  # and now


class ToRead(NamedTuple):
    """A file that has to be read, and what the scan will probably call it."""

    file: FoundFile
    kind: str  # "added", "changed" or "restored"


class Recognised(NamedTuple):
    """A file that is known to be a track without being read."""

    file: FoundFile
    track: KnownTrack

    @property
    def is_moved(self) -> bool:
        """Whether it is where it was not before."""
        return self.file.path != self.track.path


class _Held(NamedTuple):
    """A file that is one of some tracks, if that one has left its own path."""

    file: FoundFile
    candidates: Candidates


def compare(
    items: Iterable[FoundFolder | FileError], *, known: KnownFiles, roots: Sequence[Root], scan_id: int
) -> Iterator[FoundFile | FileError | Compared]:
    """Yield the files that have to be read and the walk's errors, at the end what all came to."""
    comparison = Comparison(known, roots)
    for item in comparison.walk(items):
        yield item.file if isinstance(item, ToRead) else item
    recognised = comparison.recognise()
    for batch in batches(recognised, known, scan_id):
        known.recognise(batch)
    for item in comparison.not_recognised(recognised):
        yield item.file
    known.save_absent(comparison.absent())
    yield comparison.outcome(recognised)


class Comparison:
    """One walk against what is known; its methods are called in their order here, each once and to its end."""

    def __init__(self, known: KnownFiles, roots: Sequence[Root]) -> None:
        self._known_files = known
        self._roots = roots
        self._renumbered = {(root.old_device, root.device) for root in roots}
        self._has_tracks = known.has_tracks()
        self._known_tracks: dict[bytes, int] = {}  # by root
        self._found_files: Counter[int] = Counter()  # by root
        # What is left of these at the end was not found. Folder → lines.
        self._known: dict[bytes, bytes] = {}
        self._absent_names: dict[bytes, set[bytes]] = {}  # the same for folders that were asked about
        self._unreadable: dict[bytes, FileError] = {}
        self._excluded: set[bytes] = set()
        self._devices: set[int] = set()
        self._pending: list[FoundFile] = []
        self._pending_since_s = 0.0
        self._held: list[_Held] = []
        self._replacing: list[tuple[FoundFile, int]] = []  # and the track whose file was there before
        self._back: list[Recognised] = []  # at the path from where they were missing
        self._replaced: set[int] = set()  # tracks at whose path is another file now
        self._unchanged = 0
        self._unknown = 0
        self._number = 0  # of the last file that differs

    def walk(self, items: Iterable[FoundFolder | FileError]) -> Iterator[ToRead | FileError]:
        """Yield what has to be read, and errors as they come."""
        for root in self._roots:
            known = self._known_files.load(root.path)
            self._known |= known.folders
            self._known_tracks[root.path] = known.tracks
        for item in items:
            if isinstance(item, FileError):
                if item.kind not in _CERTAIN or item.path in self._known_tracks:
                    self._unreadable.setdefault(item.path, item)
                yield item
                continue
            yield from self._walk_folder(item)
        yield from self._decide()

    def _walk_folder(self, folder: FoundFolder) -> Iterator[ToRead]:
        self._devices.add(folder.device)
        self._found_files[folder.root_id] += folder.files
        for name in folder.excluded:
            self._excluded.add(_join(folder.path, name))
        known = self._known.pop(_key(folder.path), b"")
        if folder.lines == known:
            self._unchanged += folder.files
            return
        left = self._compare_lines(folder, known)
        if left:
            self._known[_key(folder.path)] = left
        if len(self._pending) >= LOOK_UP_FILES or time.monotonic() - self._pending_since_s > LOOK_UP_S:
            yield from self._decide()

    def _compare_lines(self, folder: FoundFolder, known: bytes) -> bytes:
        """Put the files that differ among those to be decided on; return the lines of files that are not there."""
        found_lines = folder.lines.split(b"\n") if folder.lines else []
        if not known:  # 3 µs a file less than below
            self._put(_files(folder, found_lines, self._number + 1))
            return b""
        known_lines = set(known.split(b"\n"))
        by_name: dict[bytes, list[list[bytes]]] = {}
        for line in known_lines:
            name, *fields = line.split(b"\t")
            by_name.setdefault(name, []).append(fields)
        for line in found_lines:
            name, *fields = line.split(b"\t")
            versions = by_name.pop(name, [])
            if all(version[0] for version in versions) and any(_is_same(fields, version) for version in versions):
                self._unchanged += 1
            else:
                self._put([_file(folder, unspell_name(name), fields, self._number + 1)])
        return b"\n".join(b"\t".join([name, *fields]) for name, versions in by_name.items() for fields in versions)

    def _put(self, files: Sequence[FoundFile]) -> None:
        """Put files, numbered on from the last one, among those to be decided on."""
        if not self._pending:
            self._pending_since_s = time.monotonic()
        self._pending += files
        self._number += len(files)

    def _decide(self) -> Iterator[ToRead]:
        """Yield which of the files that differ are to be read at once."""
        files, self._pending = self._pending, []
        if not self._has_tracks:
            yield from (ToRead(file, "added") for file in files)
        elif files:
            for file, candidates in zip(files, self._known_files.look_up(files), strict=True):
                yield from self._decide_on(file, candidates)

    def _decide_on(self, file: FoundFile, candidates: Candidates) -> Iterator[ToRead]:
        here, missing_here, _ = candidates
        elsewhere = [track for track in candidates.elsewhere if self._is_device_of(track, file)]
        is_replaced = here is not None and here.inode != signed(file.inode)
        if here is not None and is_replaced:
            self._replaced.add(here.id)
        if elsewhere and (here is None or is_replaced):
            self._held.append(_Held(file, Candidates(here, missing_here, elsewhere)))
        elif here is not None and is_replaced:  # its track must not be overwritten before its file was looked for
            self._replacing.append((file, here.id))
        elif here is None and missing_here is not None and _is_as_read(file, missing_here):
            self._back.append(Recognised(file, missing_here))
        else:
            yield _to_read(file, candidates)

    def _is_device_of(self, track: KnownTrack, file: FoundFile) -> bool:
        """Tell whether a file is on the device that a track was on, which may have another number since a reboot."""
        return track.device == signed(file.device) or (track.device, signed(file.device)) in self._renumbered

    # --- once all folders were walked -----------------------------------------------------------------------------

    def recognise(self) -> list[Recognised]:
        """Return the tracks that are known again without being read; never one of several that it may be."""
        possible = []
        claims: Counter[int] = Counter()
        for file, candidates in self._held:
            tracks = [track for track in candidates.elsewhere if self._has_left(track)]
            # One that went missing earlier may have been this file once, too.
            tracks = [track for track in tracks if not track.is_missing] or tracks
            claims.update(track.id for track in tracks)
            if len(tracks) == 1:
                possible.append((Recognised(file, tracks[0]), candidates.here))
        certain = [(move, here) for move, here in possible if claims[move.track.id] == 1]
        # The place of another track is free only if that one leaves it, too.
        while True:
            leaving = {move.track.id for move, _ in certain}
            free = [(move, here) for move, here in certain if here is None or here.id in leaving]
            if len(free) == len(certain):
                return [*(move for move, _ in free), *self._back]
            certain = free

    def _has_left(self, track: KnownTrack) -> bool:
        """Tell whether the file of a track is certainly not at its path any more."""
        if track.is_missing or track.id in self._replaced:
            return True
        if any(_is_within(track.path, root.path) for root in self._roots):
            return (
                self._is_absent(track.path) and not self._is_unknown(track.path) and not self._is_left_out(track.path)
            )
        try:
            status = os.stat(track.path)  # noqa: PTH116  # the path is bytes
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return signed(status.st_ino) != track.inode

    def _is_absent(self, path: bytes) -> bool:
        folder, _, name = path.rpartition(b"/")
        if folder not in self._absent_names:
            lines = self._known.get(folder, b"").split(b"\n")
            self._absent_names[folder] = {unspell_name(line.partition(b"\t")[0]) for line in lines}
        return name in self._absent_names[folder]

    def not_recognised(self, recognised: Sequence[Recognised]) -> Iterator[ToRead]:
        """Yield the files that were held and have to be read after all."""
        done = {move.file.path for move in recognised if move.track.is_current and not self._known_files.full}
        for file, candidates in self._held:
            if file.path not in done:
                yield _to_read(file, candidates)
        gone_elsewhere = {move.track.id for move in recognised}
        for file, track_id in self._replacing:
            yield ToRead(file, "added" if track_id in gone_elsewhere else "changed")
        for file, track in self._back:
            if file.path not in done:
                yield _to_read(file, Candidates(None, track, []))

    def absent(self) -> Iterator[tuple[bytes, bool]]:
        """Yield the path of each known file that is not there, and whether it was left out by a pattern."""
        while self._known:
            folder, lines = self._known.popitem()
            folder_is_unknown, folder_is_left_out = self._is_unknown(folder), self._is_left_out(folder)
            for line in lines.split(b"\n"):
                name, _, _, _, inode, _ = line.split(b"\t")
                path = folder + b"/" + unspell_name(name)
                if folder_is_unknown or path in self._unreadable:
                    self._unknown += bool(inode)  # without one it is no track
                else:
                    yield path, folder_is_left_out or path in self._excluded

    def _is_unknown(self, path: bytes) -> bool:
        """Tell whether a path is where the walk could not look."""
        return _has_self_or_parent_in(path, self._unreadable)

    def _is_left_out(self, path: bytes) -> bool:
        """Tell whether a path is where the walk was not to look."""
        return _has_self_or_parent_in(path, self._excluded)

    def outcome(self, recognised: Sequence[Recognised]) -> Compared:
        """Return what it all came to."""
        moved = sum(move.is_moved for move in recognised)
        roots = tuple(
            RootSeen(
                root.path,
                self._known_tracks[root.path],
                self._found_files[root.id],
                None if root.path not in self._unreadable else self._unreadable[root.path].message,
            )
            for root in self._roots
        )
        return Compared(self._unchanged, moved, len(recognised) - moved, self._unknown, roots, frozenset(self._devices))


def batches(recognised: Sequence[Recognised], known: KnownFiles, scan_id: int) -> Iterator[Batch]:
    """Yield the rows of tracks that were recognised.

    A path that one track takes over from another is free only when both are written by one statement, so those come
    first and together, however many there are; the rest come some thousand at a time.
    """
    places = {move.track.path for move in recognised if not move.track.is_missing}
    targets = {move.file.path for move in recognised}
    dependent = [move for move in recognised if move.file.path in places or move.track.path in targets]
    others = [move for move in recognised if not (move.file.path in places or move.track.path in targets)]
    parts = [dependent, *(others[at : at + RECOGNISED_ROWS] for at in range(0, len(others), RECOGNISED_ROWS))]
    for part in parts:
        if part:
            yield _batch(part, known, scan_id)


def _batch(recognised: Sequence[Recognised], known: KnownFiles, scan_id: int) -> Batch:
    elsewhere = [move for move in recognised if move.track.album_tags_id and not _has_kept_album(move)]
    albums = known.albums(str(move.track.album_tags_id) for move in elsewhere)
    new_albums = {
        move.track.id: album_of(albums[str(move.track.album_tags_id)], move.file.path, move.file.cover_path)
        for move in elsewhere
    }
    rows = [
        RecognisedRow(
            move.track.id,
            path_to_text(move.file.path),
            move.file.root_id,
            signed(move.file.ctime_ns),
            signed(move.file.inode),
            signed(move.file.device),
            None if move.file.cover_path is None else path_to_text(os.path.basename(move.file.cover_path)),  # noqa: PTH119
            new_albums[move.track.id].id if move.track.id in new_albums else _id_bytes(move.track.album_tags_id),
        )
        for move in recognised
    ]
    names = Names.none()
    for album in new_albums.values():
        names.add_album(album)
    return Batch(scan_id, Tracks.none(), names, [], [], rows)


def _has_kept_album(move: Recognised) -> bool:
    """Tell whether what a file says about its album is the same as before: that depends on its folder and cover."""
    cover_path = move.file.cover_path
    old_folder, new_folder = (path.rpartition(b"/")[0] for path in (move.track.path, move.file.path))
    cover_name = None if cover_path is None else os.path.basename(cover_path)  # noqa: PTH119  # the path is bytes
    return old_folder == new_folder and cover_name == move.track.cover_name


def _id_bytes(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text.replace("-", ""))


def _to_read(file: FoundFile, candidates: Candidates) -> ToRead:
    if candidates.here is not None:
        return ToRead(file, "changed")
    return ToRead(file, "added" if candidates.missing_here is None else "restored")


def _is_as_read(file: FoundFile, track: KnownTrack) -> bool:
    """Tell whether a file is unchanged since it was read as a track."""
    cover_name = None if file.cover_path is None else os.path.basename(file.cover_path)  # noqa: PTH119  # bytes
    return (
        track.size_bytes == file.size_bytes
        and track.mtime_ns == signed(file.mtime_ns)
        and track.ctime_ns == signed(file.ctime_ns)
        and track.cover_name == cover_name
    )


def _is_same(found: Sequence[bytes], known: Sequence[bytes]) -> bool:
    """Compare size, mtime, ctime and cover of two lines; a file that is no track has no inode and no cover there.

    Inodes say nothing here: some file systems number them anew when they are mounted.
    """
    same_stat = all(a == b or signed(int(a)) == int(b) for a, b in zip(found[:3], known[:3], strict=True))
    return same_stat and (not known[3] or found[4] == known[4])


def _files(folder: FoundFolder, lines: Sequence[bytes], first_number: int) -> list[FoundFile]:
    """Return all files of a folder."""
    separators = len(lines) * (FIELDS - 1) + len(lines) - 1  # tabs, and ends of lines
    unspell = _as_it_is if is_plain(folder.lines, separators=separators) else unspell_name
    files = []
    for number, line in enumerate(lines, first_number):
        name, *fields = line.split(b"\t")
        files.append(_file(folder, unspell(name), fields, number))
    return files


def _as_it_is(name: bytes) -> bytes:
    return name


def _file(folder: FoundFolder, name: bytes, fields: Sequence[bytes], file_number: int) -> FoundFile:
    size_bytes, mtime_ns, ctime_ns, inode, _ = fields
    device = folder.device
    if b"@" in inode:
        inode, _, other_device = inode.partition(b"@")
        device = int(other_device)
    return FoundFile(
        _join(folder.path, name),
        folder.root_id,
        int(size_bytes),
        int(mtime_ns),
        int(ctime_ns),
        int(inode),
        device,
        folder.cover_path,
        file_number,
    )


def _key(folder: bytes) -> bytes:
    """Return a folder's path as the part before a name in it: nothing for the root of all."""
    return folder.rstrip(b"/")


def _join(folder: bytes, name: bytes) -> bytes:
    return _key(folder) + b"/" + name


def _is_within(path: bytes, folder: bytes) -> bool:
    return path.startswith(_key(folder) + b"/")


def _has_self_or_parent_in(path: bytes, paths: Container[bytes]) -> bool:
    while path:
        if path in paths:
            return True
        path = path.rpartition(b"/")[0]
    return b"/" in paths
