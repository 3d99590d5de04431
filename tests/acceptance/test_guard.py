"""A disk that is away must never cost a library: when nothing is marked as missing, and what is said then."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.acceptance.rescans import ALL_TABLES, as_text, changes, library, put, query, scan, versions

# Root may read everything; without these it is like others.
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
needs_setpriv = pytest.mark.skipif(
    os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root can read everything, and setpriv is not here"
)
# Tables that a scan writes though it finds nothing new: its own row, moments, and what could not be read meanwhile.
WRITTEN_ANYWAY = {"scans", "roots", "file_errors", "added_tracks"}


def fill(folder, files):
    return [put(folder / f"{number:03}.flac") for number in range(files)]


def unwritten(dsn):
    """Return every row that a scan which finds nothing new leaves alone."""
    return versions(dsn, [table for table in ALL_TABLES if table not in WRITTEN_ANYWAY])


def missing_in(dsn, folder):
    return sum(row.path.startswith(as_text(folder) + "/") for row in library(dsn).missing.values())


def lines_about(ended, *folders):
    """Return one line about each folder, in any order, or fail."""
    lines = ended.said.splitlines()
    found = [[line for line in lines if as_text(folder) in line] for folder in folders]
    assert [len(of_folder) for of_folder in found] == [1] * len(folders), ended.said
    assert len(lines) == len(folders), ended.said
    return [of_folder[0] for of_folder in found]


# --- which roots are guarded --------------------------------------------------------------------------------------


def test_the_guard_looks_at_each_root_alone(tmp_path, database):
    """All of these are scanned at once, since one root's guard must not concern another."""
    names = ("emptied", "gone", "over", "border", "few", "moved", "fine")
    emptied, gone, over, border, few, moved, fine = roots = [tmp_path / name for name in names]
    for root in (emptied, gone, fine):
        fill(root, 3)
    for root, kept, lost in ((over, 62, 22), (border, 63, 21), (few, 20, 20), (moved, 54, 30)):
        fill(root / "kept", kept)
        fill(root / "lost", lost)
    assert scan(*roots, dsn=database).code == 0
    before = library(database)

    emptied.rename(tmp_path / "aside emptied")
    emptied.mkdir()
    gone.rename(tmp_path / "aside gone")
    for root in (over, border, few):
        (root / "lost").rename(tmp_path / f"aside {root.name}")
    (moved / "lost").rename(moved / "found")
    (fine / "000.flac").unlink()
    new = put(fine / "new.flac")
    ended = scan(*roots, dsn=database)

    assert ended.code == 4
    assert (ended.report["status"], ended.report["exit_code"]) == ("completed", 4)
    lines = lines_about(ended, emptied, gone, over)
    assert all("--allow-missing" in line for line in lines[::2])
    assert len(ended.report["guarded"]) == 3
    assert [missing_in(database, root) for root in roots] == [0, 0, 0, 21, 20, 0, 1]
    assert ended.report["tracks_missing"] == 42
    assert ended.report["tracks_moved"] == 30
    after = library(database)
    for path, row in before.live.items():
        if path.startswith((f"{emptied}/", f"{gone}/", f"{over}/")):
            assert after.live[path] == row
    assert as_text(new) in after.live
    kinds = [(kind, path.startswith(str(over))) for kind, path, _ in changes(database, ended.report["scan_id"])]
    assert ("missing", True) not in kinds

    emptied.rmdir()
    for root in (emptied, gone):
        (tmp_path / f"aside {root.name}").rename(root)
    (tmp_path / "aside over").rename(over / "lost")
    rows = unwritten(database)
    back = scan(*roots, dsn=database)
    assert (back.code, back.said) == (0, "")
    assert unwritten(database) == rows
    assert query(database, "SELECT * FROM file_errors") == query(database, "SELECT * FROM added_tracks") == []
    assert (back.report["files_processed"], back.report["tracks_unknown"]) == (0, 0)


def test_a_guarded_scan_keeps_its_other_changes_and_says_its_line_each_time(tmp_path, database):
    """New files of a guarded root are loaded; once it is back they are settled as ever."""
    music = tmp_path / "music"
    fill(music / "lost", 30)
    fill(music / "kept", 10)
    scan(music, dsn=database)
    (music / "lost").rename(tmp_path / "aside")
    new = put(music / "new.flac")

    ended = scan(music, dsn=database)
    again = scan(music, dsn=database)

    assert (ended.code, again.code) == (4, 4)
    lines_about(ended, music)
    lines_about(again, music)
    assert changes(database, ended.report["scan_id"]) == [("added", as_text(new), {})]
    assert changes(database, again.report["scan_id"]) == []
    assert len(library(database).missing) == 0


def test_a_file_that_comes_while_the_guard_holds_is_still_known_as_moved_when_it_is_meant(tmp_path, database):
    """A library copied to another folder of the root, then the old folder deleted, with the guard in between."""
    music = tmp_path / "music"
    old = fill(music / "old", 30)
    scan(music, dsn=database)
    before = library(database)
    shutil.copytree(music / "old", tmp_path / "copy")
    shutil.rmtree(music / "old")
    assert scan(music, dsn=database).code == 4  # the root is empty
    (tmp_path / "copy").rename(music / "new")

    ended = scan(music, dsn=database)

    assert ended.code == 0
    assert ended.report["tracks_moved"] == 30
    after = library(database)
    assert all(after[music / "new" / file.name].id == before[file].id for file in old)


def test_a_copy_of_a_file_on_a_disk_that_is_away_is_not_taken_for_it(tmp_path, database):
    """It may be the last one that is left, but as long as the guard holds nothing is known to be gone."""
    away, here = tmp_path / "away", tmp_path / "here"
    files = fill(away, 3)
    fill(here, 3)
    scan(away, here, dsn=database)
    before = library(database)
    shutil.copy2(files[0], here / "copy.flac")
    away.rename(tmp_path / "aside")
    away.mkdir()

    ended = scan(away, here, dsn=database)

    assert ended.code == 4
    assert changes(database, ended.report["scan_id"]) == [("added", as_text(here / "copy.flac"), {})]
    after = library(database)
    assert all(after[file] == before[file] for file in files)
    away.rmdir()
    (tmp_path / "aside").rename(away)
    back = scan(away, here, dsn=database)
    assert (back.code, changes(database, back.report["scan_id"])) == (0, [])


def test_allow_missing_says_that_it_is_meant(tmp_path, database):
    emptied, over = tmp_path / "emptied", tmp_path / "over"
    fill(emptied, 3)
    fill(over / "kept", 3)
    fill(over / "lost", 30)
    scan(emptied, over, dsn=database)
    for file in emptied.iterdir():
        file.unlink()
    (over / "lost").rename(tmp_path / "aside")

    ended = scan(emptied, over, "--allow-missing", dsn=database)

    assert (ended.code, ended.said, ended.report["guarded"]) == (0, "", [])
    assert (missing_in(database, emptied), missing_in(database, over)) == (3, 30)
    assert ended.report["tracks_missing"] == 33

    (tmp_path / "aside").rename(over / "lost")
    restored = scan(emptied, over, dsn=database)
    assert restored.code == 0
    assert (restored.report["tracks_restored"], restored.report["files_processed"]) == (30, 0)
    assert (missing_in(database, emptied), missing_in(database, over)) == (3, 0)


def test_a_root_that_was_never_there_is_an_error_and_not_a_guard(tmp_path, database):
    fill(tmp_path / "music", 1)
    ended = scan(tmp_path / "music", tmp_path / "nowhere", dsn=database)
    assert ended.code == 1
    assert "nowhere" in ended.said
    assert len(ended.said.splitlines()) == 1


def test_an_empty_root_that_had_no_tracks_is_fine(tmp_path, database):
    (tmp_path / "notes").write_text("not audio")
    assert scan(tmp_path, dsn=database).code == 0
    (tmp_path / "notes").unlink()
    assert scan(tmp_path, dsn=database).code == 0
    assert query(database, "SELECT * FROM other_files") == []


def test_a_folder_inside_a_root_is_guarded_on_its_own(tmp_path, database):
    music = tmp_path / "music"
    fill(music / "jazz", 3)
    fill(music / "rock", 30)
    scan(music, dsn=database)
    shutil.rmtree(music / "jazz")
    (music / "jazz").mkdir()

    assert scan(music / "jazz", dsn=database).code == 4
    assert library(database).missing == {}
    ended = scan(music, dsn=database)  # 3 of 33 are no disk that is away
    assert (ended.code, ended.report["tracks_missing"]) == (0, 3)


def test_scanning_one_folder_never_touches_its_neighbours(tmp_path, database):
    """Not even the one whose name only begins the same, nor files that are gone from there."""
    jazz, rock, begins_the_same = tmp_path / "jazz", tmp_path / "rock", tmp_path / "jazz 2"
    gone, changed, linked, moved = fill(rock, 4)
    also_gone, _ = fill(begins_the_same, 2)
    fill(jazz, 2)
    scan(tmp_path, dsn=database)
    before = library(database)
    gone.unlink()
    also_gone.unlink()
    os.utime(changed)
    os.link(linked, jazz / "linked.flac")
    moved.rename(jazz / "moved.flac")

    ended = scan(jazz, dsn=database)

    after = library(database)
    assert changes(database, ended.report["scan_id"]) == [
        ("added", as_text(jazz / "linked.flac"), {}),
        ("moved", as_text(jazz / "moved.flac"), {"old_path": as_text(moved)}),
    ]
    assert after[jazz / "moved.flac"].id == before[moved].id
    for file in (gone, changed, linked, also_gone):
        assert after[file] == before[file]
    assert after.missing == {}


# --- devices ------------------------------------------------------------------------------------------------------


def test_a_root_on_another_device_marks_nothing(tmp_path, other_disk, database):
    """The folder is there and full, but it is another disk than last time, and a file is not on it."""
    music, disk = tmp_path / "music", tmp_path / "disk"
    files = fill(disk, 3)
    music.symlink_to(disk)
    scan(music, dsn=database)
    music.unlink()
    for file in files[1:]:
        shutil.copy2(file, other_disk)
    music.symlink_to(other_disk)

    for _ in range(2):  # it is no less away for having been away before
        ended = scan(music, dsn=database)
        assert ended.code == 4
        assert "another device" in lines_about(ended, music)[0]
        assert library(database).missing == {}

    shutil.copy2(files[0], other_disk)
    ended = scan(music, dsn=database)
    assert (ended.code, ended.said) == (0, "")
    (other_disk / "000.flac").unlink()
    assert scan(music, dsn=database).code == 0  # it is the device of last time now
    assert len(library(database).missing) == 1


def test_a_disk_inside_a_root_that_is_away_marks_nothing(tmp_path, other_disk, database):
    """Three tracks of a hundred: far fewer than the guard allows, but all that were on that disk."""
    music = tmp_path / "music"
    here = fill(music / "here", 97)
    fill(other_disk, 3)
    (music / "disk").symlink_to(other_disk)
    scan(music, dsn=database)
    before = library(database)
    (music / "disk").unlink()
    here[0].unlink()

    ended = scan(music, dsn=database)
    assert ended.code == 4
    lines_about(ended, music)
    assert {path for path in before.live if path not in library(database).live} == set()

    (music / "disk").symlink_to(other_disk)
    ended = scan(music, dsn=database)
    assert (ended.code, ended.report["tracks_missing"]) == (0, 1)


def test_tracks_behind_a_link_that_leads_nowhere_are_unknown(tmp_path, other_disk, database):
    music = tmp_path / "music"
    fill(music / "here", 3)
    fill(other_disk / "there", 2)
    (music / "disk").symlink_to(other_disk / "there")
    scan(music, dsn=database)
    (other_disk / "there").rename(other_disk / "away")

    ended = scan(music, "--max-error-rate", "100%", dsn=database)
    assert (ended.code, ended.report["tracks_unknown"], ended.report["tracks_missing"]) == (0, 2, 0)
    assert library(database).missing == {}


def test_an_unmounted_root_marks_nothing(tmp_path, namespace, database):
    music, disk = tmp_path / "music", tmp_path / "disk"
    music.mkdir()
    fill(disk, 3)
    subprocess.run([*namespace, "mount", "--bind", disk, music], check=True)
    assert scan(music, dsn=database, prefix=namespace).code == 0
    rows = unwritten(database)

    subprocess.run([*namespace, "umount", music], check=True)
    away = scan(music, dsn=database, prefix=namespace)
    assert away.code == 4
    lines_about(away, music)
    assert unwritten(database) == rows

    subprocess.run([*namespace, "mount", "--bind", disk, music], check=True)
    back = scan(music, dsn=database, prefix=namespace)
    assert (back.code, back.said) == (0, "")
    assert unwritten(database) == rows


def test_a_mount_inside_a_root_that_is_away_marks_nothing(tmp_path, namespace, database):
    music = tmp_path / "music"
    fill(music / "here", 97)
    (music / "nas").mkdir()
    subprocess.run([*namespace, "mount", "-t", "tmpfs", "none", music / "nas"], check=True)
    source = fill(tmp_path / "source", 3)
    subprocess.run([*namespace, "cp", "-p", *source, music / "nas"], check=True)
    assert scan(music, dsn=database, prefix=namespace).report["files_loaded"] == 100
    rows = unwritten(database)

    subprocess.run([*namespace, "umount", music / "nas"], check=True)
    away = scan(music, dsn=database, prefix=namespace)
    assert away.code == 4
    lines_about(away, music)
    assert unwritten(database) == rows


# --- what cannot be read ------------------------------------------------------------------------------------------


@needs_setpriv
def test_what_cannot_be_looked_at_is_unknown(tmp_path, database):
    """A folder that cannot be listed, one whose files cannot be asked about, and a file that cannot be opened."""
    locked, listed_only, file, deleted = fill(tmp_path / "music", 4)
    locked, listed_only = tmp_path / "music/locked", tmp_path / "music/listed only"
    fill(locked / "deep", 3)
    fill(listed_only, 2)
    scan(tmp_path, dsn=database, prefix=WITHOUT_PRIVILEGES)
    before = library(database)
    deleted.unlink()
    file.chmod(0)
    modes = {locked: 0, listed_only: 0o400}
    for folder, mode in modes.items():
        folder.chmod(mode)
    try:
        ended = scan(tmp_path, "--max-error-rate", "100%", dsn=database, prefix=WITHOUT_PRIVILEGES)
    finally:
        for folder in modes:
            folder.chmod(0o755)

    assert (ended.code, ended.report["tracks_unknown"], ended.report["tracks_missing"]) == (0, 5, 1)
    after = library(database)
    assert [row.path for row in after.missing.values()] == [as_text(deleted)]
    assert {path: row for path, row in before.live.items() if path != as_text(deleted)} == after.live
    kinds = dict(query(database, "SELECT path, kind FROM file_errors"))
    assert kinds[as_text(locked)] == kinds[as_text(file)] == "permission_denied"

    file.chmod(0o644)
    back = scan(tmp_path, dsn=database, prefix=WITHOUT_PRIVILEGES)
    assert (back.code, back.report["tracks_unknown"]) == (0, 0)
    assert query(database, "SELECT * FROM file_errors") == []


@needs_setpriv
@pytest.mark.parametrize("options", [(), ("--allow-missing",)], ids=["", "allow missing"])
def test_a_root_that_cannot_be_read_marks_nothing(options, tmp_path, database):
    locked, fine = tmp_path / "locked", tmp_path / "fine"
    fill(locked, 3)
    gone, _ = fill(fine, 2)
    scan(locked, fine, dsn=database, prefix=WITHOUT_PRIVILEGES)
    before = library(database)
    gone.unlink()
    locked.chmod(0)
    try:
        ended = scan(locked, fine, *options, "--max-error-rate", "100%", dsn=database, prefix=WITHOUT_PRIVILEGES)
    finally:
        locked.chmod(0o755)

    assert ended.code == 4
    lines_about(ended, locked)
    after = library(database)
    assert [row.path for row in after.missing.values()] == [as_text(gone)]
    assert all(after.live[path] == row for path, row in before.live.items() if path.startswith(f"{locked}/"))
