from __future__ import annotations

import os

import pytest

from soniquescan.database import scans
from soniquescan.database.connection import connect
from soniquescan.report import ScanStatus
from tests.tracks import load, make_album, make_albumartist, make_error, make_track, scan


def test_a_scan_is_noted_from_begin_to_finish(connection):
    begun = scans.begin(connection, [b"/music/\xff"], {"workers": 2})
    query = "SELECT id, status, roots, settings, counters, finished_at FROM scans"
    running = (begun.id, "running", ["/music/\uf7ff"], {"workers": 2}, None, None)
    assert [running] == connection.execute(query).fetchall()
    scans.finish(connection, begun.id, ScanStatus.INTERRUPTED, {"files": 3})
    ((*row, finished_at),) = connection.execute(query).fetchall()
    assert [begun.id, "interrupted", ["/music/\uf7ff"], {"workers": 2}, {"files": 3}] == row
    assert finished_at is not None


def test_a_root_is_known_again(connection, tmp_path):
    root = os.fsencode(tmp_path)
    first, second = (scans.begin(connection, [root], {}) for _ in range(2))
    assert first.id < second.id
    assert first.root_ids == second.root_ids
    rows = connection.execute("SELECT id, path, device FROM roots").fetchall()
    assert [(first.root_ids[root], str(tmp_path), tmp_path.stat().st_dev)] == rows


def test_the_device_of_a_root_is_that_of_the_last_scan(connection, tmp_path):
    scans.begin(connection, [os.fsencode(tmp_path)], {})
    connection.execute("UPDATE roots SET device = 1")
    scans.begin(connection, [os.fsencode(tmp_path)], {})
    assert [(tmp_path.stat().st_dev,)] == connection.execute("SELECT device FROM roots").fetchall()


def test_a_folder_inside_a_root_says_nothing_of_its_device(connection, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    scans.begin(connection, [os.fsencode(tmp_path)], {})
    connection.execute("UPDATE roots SET device = 1")
    scans.begin(connection, [os.fsencode(inside)], {})
    assert connection.execute("SELECT device FROM roots").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("known", "root", "same"),
    [
        (b"/music", b"/music/jazz", True),
        (b"/music", b"/music", True),
        (b"/", b"/music", True),
        (b"/music", b"/music2", False),
        (b"/music/jazz", b"/music", False),
        (b"/mus_c", b"/music/jazz", False),
        (b"/mus%", b"/music/jazz", False),
    ],
)
def test_a_folder_inside_a_root_belongs_to_it(connection, known, root, same):
    before, after = (scans.begin(connection, [path], {}).root_ids[path] for path in (known, root))
    assert same == (before == after)


def test_a_folder_inside_two_roots_belongs_to_the_outer(connection):
    scans.begin(connection, [b"/music/jazz"], {})
    outer = scans.begin(connection, [b"/music"], {}).root_ids[b"/music"]
    assert {b"/music/jazz": outer} == scans.begin(connection, [b"/music/jazz"], {}).root_ids


def test_a_root_longer_than_an_index_entry_is_known_again(connection):
    root = b"/" + os.urandom(4000).replace(b"/", b"_").replace(b"\0", b"_")
    ids = [scans.begin(connection, [root], {}).root_ids[root] for _ in range(2)]
    assert ids[0] == ids[1]


def test_the_library_is_counted(connection):
    album = make_album(albumartists=(make_albumartist("C"),))
    scan(connection, [make_track("/1", artists=("A", "B"), genres=("Pop",), album=album)])
    assert scans.count_library(connection) == (3, 1, 1)


def test_errors_are_those_of_the_scan_that_met_them(connection):
    load(connection, [make_error("/0", "empty")])
    scan_id = load(
        connection, [make_error(f"/{kind}/{n}", kind) for kind, n in (("empty", 1), ("empty", 2), ("corrupt", 3))]
    )
    by_kind = "SELECT kind, count(*) FROM file_errors WHERE scan_id = %s GROUP BY kind"
    assert dict(connection.execute(by_kind, [scan_id])) == {"empty": 2, "corrupt": 1}


@pytest.mark.parametrize(
    ("path", "stays"),
    [("/music/gone.mp3", False), ("/music", False), ("/music2/other.mp3", True), ("/other/music/a.mp3", True)],
)
def test_errors_under_its_roots_that_a_scan_does_not_meet_are_over(connection, path, stays):
    scan(connection, [make_error(path), make_error("/music/still.mp3")])
    scan(connection, [make_error("/music/still.mp3")])
    left = [left for (left,) in connection.execute("SELECT path FROM file_errors").fetchall()]
    assert sorted(["/music/still.mp3", *([path] if stays else [])]) == sorted(left)


def test_an_interrupted_scan_forgets_no_errors(connection):
    load(connection, [make_error("/music/1")])
    load(connection, [])
    assert connection.execute("SELECT path FROM file_errors").fetchall() == [("/music/1",)]


def test_what_an_interrupted_scan_leaves_is_settled_by_the_next(connection):
    load(connection, [make_track(f"/a/{name}", artists=(name,), album=make_album()) for name in ("A", "B")])
    scan(connection, [])
    assert connection.execute("SELECT albumartist FROM albums").fetchall() == [("Various Artists",)]
    assert connection.execute("SELECT FROM unsettled").fetchall() == []


def test_a_scan_whose_process_died_is_interrupted_at_the_next_begin(database, connection):
    with connect(database, application_name="dead") as dead:
        dead_id = scans.begin(dead, [b"/music"], {}).id
    alive_id = scans.begin(connection, [b"/music"], {}).id
    with connect(database, application_name="next") as following:
        scans.begin(following, [b"/music"], {})
    rows = dict(connection.execute("SELECT id, status FROM scans WHERE finished_at IS NOT NULL OR id = %s", [alive_id]))
    assert rows == {dead_id: "interrupted", alive_id: "running"}
