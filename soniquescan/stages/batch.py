"""Batch: put what was read of files together, a transaction's worth at a time, with each artist, album and genre once.

A batch is complete in itself: it holds each artist, album and genre that its tracks refer to, whatever was in the
batches before. So nothing here grows with the library, and any batch can be written again or taken apart.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from soniquescan.extensions import EXTRACTOR_VERSION
from soniquescan.messages import (
    Batch,
    FileError,
    FileErrorRow,
    Names,
    NotAudio,
    OtherFileRow,
    ReadFiles,
    Tracks,
)
from soniquescan.text import path_to_text, signed

# Tracks a transaction. The server's time a track on 2 cores, 60,000 tracks: 90 µs at 250, 54 at 1,000, 44 at 2,000, 36
# at 5,000, 40 at 10,000.
BATCH_TRACKS = 5_000
# Those of the first transaction; the next ones have twice as many each. So the database is at work while few files have
# been read: 10,000 are loaded in 0.97 of the time.
FIRST_TRACKS = 1_000
# Bytes a transaction: 1,000 a track are usual, so this cuts only where comments or lyrics are very long.
BATCH_BYTES = 8_000_000
# How long a batch may be in the making: where storage is slow, so much is lost at most when a scan is killed.
BATCH_S = 10.0


def batch(lists: Iterable[ReadFiles], *, scan_id: int) -> Iterator[Batch]:
    """Yield the rows of all files in batches; what came of one file stays together, as it comes in one list."""
    most_tracks = min(FIRST_TRACKS, BATCH_TRACKS)
    builder = BatchBuilder(scan_id, most_tracks)
    for files in lists:
        builder.add(files)
        if builder.is_full:
            yield builder.finish()
            most_tracks = min(2 * most_tracks, BATCH_TRACKS)
            builder = BatchBuilder(scan_id, most_tracks)
    if not builder.is_empty:
        yield builder.finish()


class BatchBuilder:
    """One batch while it is made."""

    def __init__(self, scan_id: int, most_tracks: int) -> None:
        self._scan_id = scan_id
        self._most_tracks = most_tracks
        self._due_s = time.monotonic() + BATCH_S
        self._bytes = 0
        self._paths: set[bytes] = set()  # of the tracks
        self._tracks = Tracks.none()
        self._names = Names.none()
        self._file_errors: dict[tuple[bytes, str], FileErrorRow] = {}  # by path and kind
        self._other_files: dict[bytes, OtherFileRow] = {}  # by path

    @property
    def is_full(self) -> bool:
        """Whether the batch is large or old enough for a transaction."""
        rows = len(self._paths) + len(self._file_errors) + len(self._other_files)
        return rows >= self._most_tracks or self._bytes >= BATCH_BYTES or time.monotonic() >= self._due_s

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self._paths or self._file_errors or self._other_files)

    def finish(self) -> Batch:
        """Return the batch."""
        return Batch(
            self._scan_id,
            self._tracks,
            self._names,
            list(self._file_errors.values()),
            list(self._other_files.values()),
            recognised=[],
        )

    def add(self, files: ReadFiles) -> None:
        """Add what has come of some files."""
        for column, new in zip(self._tracks, self._unknown(files.tracks), strict=True):
            column.extend(new)
        self._names.add(files.names)
        self._bytes += sum(map(len, files.tracks.rows))
        self._bytes += sum([len(row) for kind in files.names for row in kind.values()])
        for error in files.errors:
            self._add_error(error)
        for other in files.others:
            self._add_other(other)

    def _unknown(self, tracks: Tracks) -> Tracks:
        """Return the tracks whose paths are not there yet, each once; from now on they are."""
        if len(set(tracks.paths)) < len(tracks.paths) or not self._paths.isdisjoint(tracks.paths):
            places = {path: place for place, path in enumerate(tracks.paths) if path not in self._paths}
            tracks = tracks.at(places.values())
        self._paths.update(tracks.paths)
        return tracks

    def _add_error(self, error: FileError) -> None:
        """Add what is wrong with a file; of one kind only the first."""
        row = FileErrorRow(
            path_to_text(error.path),
            self._scan_id,
            error.stage,
            error.kind,
            error.message,
            error.size_bytes,
            None if error.mtime_ns is None else signed(error.mtime_ns),
            None if error.ctime_ns is None else signed(error.ctime_ns),
            EXTRACTOR_VERSION,
        )
        self._bytes += len(row.path) + len(row.message)
        self._file_errors.setdefault((error.path, error.kind), row)

    def _add_other(self, other: NotAudio) -> None:
        """Add a file that is to be remembered as no audio."""
        file = other.file
        row = OtherFileRow(
            path_to_text(file.path), file.size_bytes, signed(file.mtime_ns), signed(file.ctime_ns), EXTRACTOR_VERSION
        )
        self._bytes += len(row.path)
        self._other_files[file.path] = row
