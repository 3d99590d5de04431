"""What a scan would change, found out without writing anything and without opening a single file.

One process does it all: walking and comparing a million files takes seconds, and there is nothing else to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

import psycopg
from psycopg.rows import TupleRow

from soniquescan.database import Database, scans
from soniquescan.database.connection import connect, wrap_errors
from soniquescan.database.known import KnownFiles
from soniquescan.database.migrations import migrate
from soniquescan.database.session import Session
from soniquescan.messages import FileError
from soniquescan.report import ChangeKind
from soniquescan.settings import ScanSettings
from soniquescan.stages.compare import Comparison, Recognised, Root
from soniquescan.stages.discover import Root as RootToWalk
from soniquescan.stages.discover import discover
from soniquescan.text import path_to_text


class Change(NamedTuple):
    """What a scan would note; as in `scan_changes`."""

    kind: ChangeKind
    path: str
    detail: dict[str, str]


@contextmanager
def preview(settings: ScanSettings, database: Database) -> Iterator[Preview]:
    """Yield what a scan would change, which is found out while it is read, within the block.

    All is done in one transaction that is rolled back, so the schema may be missing or old. The table of files that
    were not found is a temporary one: a scan that runs at the same time has its own rows there.
    """
    with (
        closing(connect(database.conninfo, application_name="soniquescan: preview")) as connection,
        wrap_errors(),
        connection.transaction(force_rollback=True),
    ):
        migrate(connection)
        connection.execute("CREATE TEMPORARY TABLE absent_files (LIKE soniquescan.absent_files)")
        scans.require_roots(connection, settings.roots)
        yield Preview(settings, connection)


class Preview:
    """Iterated, yields the changes; `found`, `unchanged` and `guarded` are known afterwards."""

    def __init__(self, settings: ScanSettings, connection: psycopg.Connection[TupleRow]) -> None:
        self.found = 0  # files
        self.unchanged = 0  # of those
        self.guarded: tuple[str, ...] = ()  # as `ScanReport.guarded`
        self._settings = settings
        self._connection = connection

    def __iter__(self) -> Iterator[Change]:
        """Yield what would be added, changed, moved, missing or restored, and what the walk itself could not read."""
        # What would be read again without having changed may come out the same.
        known = KnownFiles(Session.over(self._connection), full=False, retry_errors=False)
        roots = [
            Root(number, path, scans.last_device(self._connection, path), scans.device_of(path))
            for number, path in enumerate(self._settings.roots)
        ]
        comparison = Comparison(known, roots)
        known_problems = scans.known_problems(self._connection)
        walked = discover([RootToWalk(root.id, root.path) for root in roots], exclude=self._settings.exclude)
        for item in comparison.walk(walked):
            if not isinstance(item, FileError):
                yield Change(ChangeKind(item.kind), path_to_text(item.file.path), {})
            elif (item.path, item.kind) not in known_problems:
                yield Change(ChangeKind.FAILED, path_to_text(item.path), {"kind": item.kind, "message": item.message})
        recognised = comparison.recognise()
        yield from map(_recognised, recognised)
        for item in comparison.not_recognised(recognised):
            yield Change(ChangeKind(item.kind), path_to_text(item.file.path), {})
        yield from self._absent(comparison, known, recognised)

    def _absent(self, comparison: Comparison, known: KnownFiles, recognised: list[Recognised]) -> Iterator[Change]:
        left = {move.track.path for move in recognised if move.is_moved}
        known.save_absent((path, is_excluded) for path, is_excluded in comparison.absent() if path not in left)
        compared = comparison.outcome(recognised)
        self.unchanged = compared.unchanged
        self.found = sum(root.found_files for root in compared.roots)
        refused = scans.refusals(self._connection, compared, allow_missing=self._settings.allow_missing)
        self.guarded = tuple(refused.values())
        for path in scans.list_lost(self._connection, refused):
            yield Change(ChangeKind.MISSING, path, {})


def _recognised(move: Recognised) -> Change:
    path = path_to_text(move.file.path)
    if move.is_moved:
        return Change(ChangeKind.MOVED, path, {"old_path": path_to_text(move.track.path)})
    return Change(ChangeKind.RESTORED, path, {})
