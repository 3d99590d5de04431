"""`scan --dry-run` tells what a scan would do and leaves no trace."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess

import pytest

from benchmarks.library.generate import generate
from tests.acceptance.rescans import (
    ENDS_WITHIN_S,
    Opened,
    as_text,
    changes,
    copy_database,
    put,
    query,
    scan,
    scan_line,
    swap,
    versions,
)


def dry_run(*arguments, dsn):
    """Return the exit code, the rows as --json has them, and what was said."""
    done = subprocess.run(
        scan_line("--dry-run", *arguments, dsn=dsn), capture_output=True, text=True, check=False, timeout=ENDS_WITHIN_S
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def kinds_and_paths(rows):
    return sorted((row["kind"], row["path"]) for row in rows)


@pytest.fixture(scope="module")
def changed_library(tmp_path_factory, fresh_database):
    """A library that has changed in every way since it was scanned, and its database."""
    folder, aside = tmp_path_factory.mktemp("dry") / "music", tmp_path_factory.mktemp("aside") / "back.flac"
    database = fresh_database()
    for number in range(12):
        put(folder / f"{number:02}.flac")
    put(folder / "back.flac")
    (folder / "notes").write_text("not audio")
    scan(folder, dsn=database)
    (folder / "back.flac").rename(aside)
    scan(folder, dsn=database)
    aside.rename(folder / "back.flac")
    os.utime(folder / "00.flac")
    (folder / "01.flac").unlink()
    (folder / "02.flac").rename(folder / "renamed.flac")
    swap(folder / "03.flac", folder / "04.flac")
    put(folder / "new.flac")
    return folder, database


@pytest.fixture
def music(changed_library):
    """The folder of that library; nobody changes it any more."""
    return changed_library[0]


@pytest.fixture
def database(changed_library):
    """A copy of its database."""
    return copy_database(changed_library[1])


def test_it_tells_each_kind_of_change_and_writes_nothing(music, database):
    before = versions(database)
    with Opened(music) as opened:
        code, rows, said = dry_run(music, dsn=database)

    assert (code, said) == (0, "")
    told = {
        "added": ["new"], "changed": ["00"], "missing": ["01"], "moved": ["03", "04", "renamed"], "restored": ["back"],
    }  # fmt: skip
    assert kinds_and_paths(rows) == sorted(
        (kind, as_text(music / f"{name}.flac")) for kind, names in told.items() for name in names
    )
    assert {row["path"]: row["detail"] for row in rows if row["kind"] == "moved"} == {
        as_text(music / f"{new}.flac"): {"old_path": as_text(music / f"{old}.flac")}
        for new, old in (("03", "04"), ("04", "03"), ("renamed", "02"))
    }
    assert versions(database) == before
    assert opened.files == set()

    ended = scan(music, dsn=database)
    assert sorted((kind, path) for kind, path, _ in changes(database, ended.report["scan_id"])) == kinds_and_paths(rows)
    assert dry_run(music, dsn=database) == (0, [], "")


def test_its_rows_are_for_people_without_json(music, database):
    line = [
        argument for argument in scan_line("--dry-run", music, dsn=database) if argument not in {"--json", "--quiet"}
    ]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=ENDS_WITHIN_S)

    lines = done.stdout.splitlines()
    assert lines[0].split() == ["kind", "path", "detail"]
    assert sorted(line.split()[0] for line in lines[2:]) == [
        "added", "changed", "missing", "moved", "moved", "moved", "restored",
    ]  # fmt: skip
    assert f"from {music / '02.flac'}" in done.stdout
    assert len(done.stderr.splitlines()) == 1


def test_the_guard_speaks_in_it_too(tmp_path, fresh_database):
    database = fresh_database()
    for number in range(3):
        put(tmp_path / f"music/{number}.flac")
    scan(tmp_path / "music", dsn=database)
    shutil.rmtree(tmp_path / "music")
    before = versions(database)

    code, rows, said = dry_run(tmp_path / "music", dsn=database)
    assert (code, kinds_and_paths(rows)) == (4, [("failed", as_text(tmp_path / "music"))])
    assert len(said.splitlines()) == 1
    assert as_text(tmp_path / "music") in said

    (tmp_path / "music").mkdir()
    assert dry_run(tmp_path / "music", dsn=database)[:2] == (4, [])
    code, rows, said = dry_run(tmp_path / "music", "--allow-missing", dsn=database)
    assert (code, len(rows), said) == (0, 3, "")
    assert versions(database) == before


def test_patterns_count_in_it(music, database):
    _, rows, _ = dry_run(music, "--exclude", "1*.flac", dsn=database)
    assert sorted(row["path"] for row in rows if row["kind"] == "missing") == [
        as_text(music / f"{number}.flac") for number in ("01", "10", "11")
    ]


def test_a_database_that_nothing_was_scanned_into_stays_as_empty(tmp_path, empty_database):
    file = put(tmp_path / "a.flac")

    assert dry_run(tmp_path, dsn=empty_database) == (0, [{"kind": "added", "path": as_text(file), "detail": {}}], "")
    assert query(empty_database, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'sonique%%'") == []


def test_a_folder_that_is_not_there_is_one_line_and_exit_code_1(tmp_path, database):
    code, rows, said = dry_run(tmp_path / "absent", dsn=database)
    assert (code, rows) == (1, None)
    assert said.startswith("soniquescan: error: cannot scan ")
    assert len(said.splitlines()) == 1


def test_it_works_while_a_scan_runs(tmp_path, music, database):
    generate(tmp_path / "many", files=600)
    line = scan_line(tmp_path / "many", dsn=database)
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        try:
            while not query(database, "SELECT 1 FROM scans WHERE status = 'running'"):
                assert running.poll() is None
            running.send_signal(signal.SIGSTOP)
            assert query(database, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != [(0,)]
            code, rows, said = dry_run(music, dsn=database)
            assert query(database, "SELECT status FROM scans ORDER BY id DESC LIMIT 1") == [("running",)]
        finally:
            running.send_signal(signal.SIGCONT)
        running.communicate(timeout=ENDS_WITHIN_S)
    assert (code, said, len(rows)) == (0, "", 7)
    assert running.returncode == 0
