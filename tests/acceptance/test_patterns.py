"""What `--exclude` and `.soniqueignore` leave out is as if it were not there, and comes back unread."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.acceptance.rescans import Opened, as_text, changes, contents, differences, library, put, query, scan


@pytest.fixture
def music(tmp_path, database):
    """A library of which most lies in the folder `demos`, scanned once without a pattern."""
    folder = tmp_path / "music"
    for name in ("keep/a.flac", "keep/b.flac", "keep/live/a.flac", "c.flac"):
        put(folder / name)
    for number in range(30):
        put(folder / f"demos/{number:02}.flac")
    (folder / "demos/notes").write_text("not audio")
    assert scan(folder, dsn=database).code == 0
    return folder


def rescan(folder, *options, dsn):
    """Scan, and return the changes as (kind, path in the folder)."""
    ended = scan(folder, *options, dsn=dsn)
    assert (ended.code, ended.said) == (0, "")
    found = changes(dsn, ended.report["scan_id"])
    assert [detail for *_, detail in found if detail] == []
    return sorted((kind, os.path.relpath(path, folder)) for kind, path, _ in found)


def demos(kind):
    return [(kind, f"demos/{number:02}.flac") for number in range(30)]


def test_what_is_excluded_goes_missing_unguarded_and_comes_back_unread(music, database, fresh_database):
    before = library(database)
    assert rescan(music, "--exclude", "demos/", dsn=database) == demos("missing")
    assert rescan(music, "--exclude", "demos/", dsn=database) == []
    fresh = fresh_database()
    scan(music, "--exclude", "demos/", dsn=fresh)
    assert differences(contents(database), contents(fresh)) == {}

    with Opened(music) as opened:
        assert rescan(music, dsn=database) == demos("restored")
    after = library(database)
    assert {path: row.id for path, row in after.live.items()} == {path: row.id for path, row in before.live.items()}
    assert opened.files == {as_text(music / "demos/notes")}
    fresh = fresh_database()
    scan(music, dsn=fresh)
    assert differences(contents(database), contents(fresh)) == {}


def test_a_library_of_which_everything_is_excluded_is_meant(music, database):
    assert len(rescan(music, "--exclude", "*.flac", dsn=database)) == 34
    assert len(rescan(music, dsn=database)) == 34


def test_patterns_are_those_of_gitignore(music, database):
    """Anchored ones, negation, and several options; each is relative to the root."""
    found = rescan(music, "--exclude", "/a.flac", "--exclude", "b.flac", "--exclude", "keep/*/", dsn=database)
    assert found == [("missing", "keep/b.flac"), ("missing", "keep/live/a.flac")]
    found = rescan(music, "--exclude", "*.flac", "--exclude", "!a.flac", "--exclude", "!/demos/*", dsn=database)
    assert found == [("missing", "c.flac"), ("restored", "keep/live/a.flac")]


def test_an_ignore_file_counts_for_its_folder_and_what_is_in_it(music, database):
    ignore = music / ".soniqueignore"
    ignore.write_text("# not for others\n/demos\n\n*.wav\n")
    (music / "keep/.soniqueignore").write_text("a.flac\n!live/a.flac\n")
    assert rescan(music, dsn=database) == sorted([*demos("missing"), ("missing", "keep/a.flac")])
    assert rescan(music, dsn=database) == []

    ignore.unlink()
    (music / "keep/.soniqueignore").write_text("live\n")
    expected = [*demos("restored"), ("restored", "keep/a.flac"), ("missing", "keep/live/a.flac")]
    assert rescan(music, dsn=database) == sorted(expected)


def test_the_guard_still_counts_what_is_not_excluded(music, database):
    """All but one of what no pattern leaves out has gone, with 30 excluded files beside it."""
    for number in range(30):
        put(music / f"more/{number:02}.flac")
    scan(music, dsn=database)
    (music / "more").rename(music.parent / "away")

    ended = scan(music, "--exclude", "demos", dsn=database)
    assert ended.code == 4
    assert {row.path for row in library(database).missing.values()} == {
        as_text(music / path) for _, path in demos("missing")
    }


def test_a_file_that_moves_into_an_excluded_folder_is_missing_and_out_of_one_is_restored(music, database):
    """What is left out is not looked at, so that the file is still there is not known."""
    before = library(database)
    put(music / "demos/never seen.flac")
    (music / "c.flac").rename(music / "demos/c.flac")
    assert rescan(music, "--exclude", "demos", dsn=database) == sorted([*demos("missing"), ("missing", "c.flac")])

    (music / "demos/c.flac").rename(music / "d.flac")
    (music / "demos/never seen.flac").rename(music / "e.flac")
    os.link(music / "demos/00.flac", music / "f.flac")
    ended = scan(music, "--exclude", "demos", dsn=database)
    found = changes(database, ended.report["scan_id"])
    assert {(kind, os.path.basename(path)) for kind, path, _ in found} >= {("added", "e.flac")}
    assert library(database)[music / "d.flac"].id == before[music / "c.flac"].id


def test_a_copy_of_what_is_excluded_is_not_taken_for_it(music, database):
    shutil.copy2(music / "demos/00.flac", music / "copy.flac")
    assert rescan(music, "--exclude", "demos", dsn=database) == sorted([*demos("missing"), ("added", "copy.flac")])


def test_errors_of_what_is_excluded_are_forgotten(music, database):
    """As they are of what is deleted: `errors` lists what can be mended."""
    broken = music / "keep/broken.flac"
    broken.write_bytes(b"no audio")
    scan(music, dsn=database)
    assert query(database, "SELECT path FROM file_errors") == [(as_text(broken),)]
    rescan(music, "--exclude", "broken.*", dsn=database)
    assert query(database, "SELECT path FROM file_errors") == []
