"""A library that goes through several scans, with many things done to it at once, each in a folder of its own.

A case is a generator. It makes its folder, then changes it, and each time yields what the next scan must say about it;
what it is sent is the library after that scan. So fifty things to test cost as many scans as one.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from soniquescan.text import text_to_path
from tests.acceptance.rescans import (
    STAT_COLUMNS,
    Opened,
    as_text,
    changes,
    contents,
    differences,
    library,
    query,
    scan,
)


class Expected(NamedTuple):
    """A row of `scan_changes`, or (without a kind) only that a file is opened."""

    kind: str | None
    path: str
    detail: dict
    is_read: bool


def added(path):
    return Expected("added", as_text(path), {}, is_read=True)


def changed(path, *, is_read=True, **columns):
    """Say old and new value of each column but those of the file's stat, which are known."""
    return Expected("changed", as_text(path), columns, is_read)


def moved(path, old, *, is_read=False):
    return Expected("moved", as_text(path), {"old_path": as_text(old)}, is_read)


def missing(path):
    return Expected("missing", as_text(path), {}, is_read=False)


def restored(path, *, is_read, **columns):
    return Expected("restored", as_text(path), columns, is_read)


def failed(path, kind, message, *, is_read=True):
    return Expected("failed", as_text(path), {"kind": kind, "message": message}, is_read)


def opened(path):
    return Expected(None, as_text(path), {}, is_read=True)


class Journey:
    """Takes all cases through their steps together, a scan for each."""

    def __init__(self, cases, folder, fresh_database):
        self.root = folder
        self.dsn = fresh_database()
        self.failures = {}
        self.scans = []  # how each scan ended
        self.counted = []  # rows of scan_changes by kind, and files opened, for each scan
        self.differences = []  # from a fresh scan, for each scan
        self._fresh_database = fresh_database
        self._seen = None
        self._expected = {}
        self._running = {}
        for case in cases:
            home = folder / case.__name__
            home.mkdir(parents=True)
            self._running[case.__name__] = case(home)
        self._step = 0
        while self._advance():
            self._scan()

    def _advance(self):
        """Let each case do its next step; tell whether one has."""
        self._expected = {}
        for name, steps in list(self._running.items()):
            try:
                self._expected[name] = steps.send(self._seen)
            except StopIteration:
                del self._running[name]
            except Exception as failure:  # noqa: BLE001  # one case must not spoil the others
                self._fail(name, failure)
        return bool(self._running)

    def _fail(self, name, failure):
        failure.add_note(f"seen after scan {self._step} of {name}")
        self.failures.setdefault(name, failure)
        self._running.pop(name, None)

    def _scan(self):
        self._step += 1
        before = self._seen
        with Opened(self.root) as files:
            ended = scan(self.root, "--max-error-rate", "100%", dsn=self.dsn)
        self.scans.append(ended)
        assert ended.report is not None, ended.said
        self._seen = after = library(self.dsn)
        found = changes(self.dsn, ended.report["scan_id"])
        kinds = [kind for kind, *_ in found]
        self.counted.append({kind: kinds.count(kind) for kind in kinds} | {"read": len(files.files)})
        for name in (path.name for path in self.root.iterdir() if path.is_dir()):
            home = as_text(self.root / name) + "/"
            expected = self._expected.get(name, [])
            try:
                assert rows_under(found, home) == rows_expected(expected, before, after)
                if before is not None:  # a first scan opens everything
                    assert {path for path in files.files if path.startswith(home)} == {
                        row.path for row in expected if row.is_read
                    }
                    assert untouched(before, after, home, expected)
                assert stats_are_true(after, home, failed_paths(self.dsn))
            except Exception as failure:  # noqa: BLE001  # as above
                self._fail(name, failure)
        fresh = self._fresh_database()
        assert scan(self.root, "--max-error-rate", "100%", dsn=fresh).report["status"] == "completed"
        self.differences.append(differences(contents(self.dsn), contents(fresh)))


def rows_under(found, home):
    return [row for row in found if row[1].startswith(home)]


def rows_expected(expected, before, after):
    rows = []
    for row in expected:
        detail = dict(row.detail)
        if row.kind in {"changed", "restored"}:
            old, new = previous(before, after.live[row.path]), after.live[row.path]
            for column in STAT_COLUMNS:
                if getattr(old, column) != getattr(new, column):
                    detail[column] = {"old": getattr(old, column), "new": getattr(new, column)}
        if row.kind is not None:
            rows.append((row.kind, row.path, detail))
    return sorted(rows, key=repr)


def previous(before, row):
    assert row.id in before.by_id, f"{row.path} has a new id"
    return before.by_id[row.id]


def untouched(before, after, home, expected):
    """Tell whether the rows that no change is about are as they were, down to their version."""
    told = {row.path for row in expected} | {row.detail.get("old_path") for row in expected}
    for row in before.by_id.values():
        if row.path.startswith(home) and row.path not in told:
            assert after.by_id[row.id] == row
    return True


def failed_paths(dsn):
    return {path for (path,) in query(dsn, "SELECT path FROM file_errors")}


def stats_are_true(after, home, failed):
    """Tell whether rows are those of the files that are there; where one cannot be read, the row is that of before."""
    for path, row in after.live.items():
        if path.startswith(home) and path not in failed:
            status = os.stat(text_to_path(path))
            assert (row.size_bytes, row.mtime_ns, row.ctime_ns) == (
                status.st_size,
                status.st_mtime_ns,
                status.st_ctime_ns,
            ), path
            assert (row.inode, row.device) == (status.st_ino, status.st_dev), path
    return True
