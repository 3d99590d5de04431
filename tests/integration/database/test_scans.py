from __future__ import annotations

import os

import pytest

from soniquescan.database import scans
from soniquescan.errors import UsageError
from soniquescan.report import ScanStatus
from tests.tracks import conclude, load, make_album, make_albumartist, make_error, make_track, scan


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
    ((root_id, *row),) = connection.execute("SELECT id, path, device, scanned_at FROM roots").fetchall()
    assert [str(tmp_path), tmp_path.stat().st_dev, None] == row
    assert first.roots == second.roots == {root: (root_id, root, tmp_path.stat().st_dev)}


def test_a_root_is_on_the_device_of_its_last_scan(connection, tmp_path):
    """Not of one that has only begun, which may find that the disk is away; nor of one that has walked another."""
    root, device = os.fsencode(tmp_path), tmp_path.stat().st_dev
    connection.execute("INSERT INTO roots (path, device) VALUES (%s, 1)", [str(tmp_path)])
    for walked, expected in ((device + 1, 1), (device, device)):
        begun = scans.begin(connection, [root], {})
        assert begun.roots[root].device == 1
        conclude(connection, begun.id, roots=[root], devices=[walked])
        query = "SELECT device, scanned_at IS NOT NULL FROM roots"
        assert connection.execute(query).fetchall() == [(expected, True)]


def test_a_folder_inside_a_root_says_nothing_of_that(connection, tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    scans.begin(connection, [os.fsencode(tmp_path)], {})
    connection.execute("UPDATE roots SET device = 1")
    begun = scans.begin(connection, [os.fsencode(inside)], {})
    assert begun.roots[os.fsencode(inside)][1:] == (os.fsencode(tmp_path), 1)
    conclude(connection, begun.id, roots=[os.fsencode(inside)], devices=[inside.stat().st_dev])
    assert connection.execute("SELECT device, scanned_at FROM roots").fetchall() == [(1, None)]


def test_a_root_that_is_away_keeps_its_device(connection, tmp_path):
    root = os.fsencode(tmp_path)
    begun = scans.begin(connection, [root], {})
    tmp_path.rmdir()
    conclude(connection, begun.id, roots=[root])
    assert connection.execute("SELECT device FROM roots").fetchall() == [begun.roots[root][2:]]


def test_a_new_root_takes_over_those_inside_it(connection):
    jazz, rock = b"/music/jazz", b"/music2/rock"
    scan(connection, [make_track("/music/jazz/1")], roots=[jazz])
    scan(connection, [make_track("/music2/rock/1", root_id=2)], roots=[rock])
    outer = scans.begin(connection, [b"/music"], {}).roots[b"/music"]
    query = "SELECT id, path, scanned_at IS NOT NULL FROM roots ORDER BY path"
    assert connection.execute(query).fetchall() == [(outer.id, "/music", False), (2, "/music2/rock", True)]
    query = "SELECT path, root_id FROM tracks ORDER BY path"
    assert connection.execute(query).fetchall() == [("/music/jazz/1", outer.id), ("/music2/rock/1", 2)]


def test_the_root_of_all_takes_over_every_other(connection):
    scans.begin(connection, [b"/music"], {})
    outer = scans.begin(connection, [b"/"], {}).roots[b"/"]
    assert connection.execute("SELECT id FROM roots").fetchall() == [(outer.id,)]


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
    before, after = (scans.begin(connection, [path], {}).roots[path] for path in (known, root))
    assert same == (before == after)
    assert after.path == (known if same else root)


def test_a_folder_inside_two_roots_belongs_to_the_outer(connection):
    scans.begin(connection, [b"/music/jazz"], {})
    connection.execute("INSERT INTO roots (path) VALUES ('/music')")  # as an old version may have left them
    begun = scans.begin(connection, [b"/music/jazz"], {})
    assert begun.roots[b"/music/jazz"].path == b"/music"


def test_a_root_longer_than_an_index_entry_is_known_again(connection):
    root = b"/" + os.urandom(4000).replace(b"/", b"_").replace(b"\0", b"_")
    first, second = (scans.begin(connection, [root], {}).roots[root] for _ in range(2))
    assert first == second


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


def test_what_an_interrupted_scan_leaves_is_settled_by_the_next(connection):
    load(connection, [make_track(f"/a/{name}", artists=(name,), album=make_album()) for name in ("A", "B")])
    scan(connection, [])
    assert connection.execute("SELECT albumartist FROM albums").fetchall() == [("Various Artists",)]
    assert connection.execute("SELECT FROM unsettled").fetchall() == []


def test_a_scan_that_began_and_did_not_end_is_interrupted_at_the_next_begin(connection):
    dead_id = scans.begin(connection, [b"/music"], {}).id
    alive_id = scans.begin(connection, [b"/music"], {}).id
    query = "SELECT id, status, finished_at IS NOT NULL FROM scans ORDER BY id"
    assert connection.execute(query).fetchall() == [(dead_id, "interrupted", True), (alive_id, "running", False)]


def test_what_a_killed_scan_has_not_found_is_forgotten_at_the_next_begin(connection):
    scan(connection, [make_track()])
    load(connection, [], absent=["/music/Album/01.flac"])
    scan(connection, [])
    assert connection.execute("SELECT missing_since FROM tracks").fetchall() == [(None,)]


def test_a_folder_that_cannot_be_read_is_refused_unless_tracks_are_known_there(connection, tmp_path):
    away = os.fsencode(tmp_path / "away")
    scans.require_roots(connection, [os.fsencode(tmp_path)])
    with pytest.raises(UsageError, match="away': No such file"):
        scans.require_roots(connection, [away])
    scan(connection, [make_track(away + b"/1"), make_track(away + b"2/1")])
    scans.require_roots(connection, [away])
    connection.execute("UPDATE tracks SET missing_since = now() WHERE path LIKE '%/away/1'")
    with pytest.raises(UsageError):
        scans.require_roots(connection, [away])
