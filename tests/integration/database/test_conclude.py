"""The end of a scan: what is missing, what has only moved, what is over, and when a disk is rather away."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from soniquescan.database.connection import connect
from soniquescan.database.purge import purge
from soniquescan.messages import ErrorKind
from tests.tracks import (
    MBID,
    OTHER_MBID,
    changes,
    conclude,
    load,
    make_album,
    make_albumartist,
    make_credit,
    make_error,
    make_file,
    make_other,
    make_stream,
    make_track,
    recognise,
    scan,
    snapshot,
)

OLD, NEW, OTHER, LAST = (f"/music/{name}/1.flac" for name in ("old", "new", "other", "last"))


@pytest.fixture
def fresh_connection(fresh_database):
    """A connection to another database than `connection`."""
    with connect(fresh_database(), application_name="tests") as connection:
        yield connection


def rows(connection, query, *parameters):
    return connection.execute(query, parameters).fetchall()


def ids(connection):
    """Return the id of each track that is there, by path."""
    return dict(rows(connection, "SELECT path, id FROM tracks WHERE missing_since IS NULL"))


def missing(connection):
    query = "SELECT path FROM tracks WHERE missing_since IS NOT NULL ORDER BY path"
    return [path for (path,) in rows(connection, query)]


def left(connection):
    """Return the paths of files that are known and hold no track."""
    query = "SELECT path FROM file_errors UNION ALL SELECT path FROM other_files ORDER BY path"
    return [path for (path,) in rows(connection, query)]


def rescan(connection, items=(), *, roots=(b"/music",), ending=None, **options):
    """Scan; return what was told and the conclusion, both of which stay when the end comes twice.

    `options` are those of `load`, `ending` those of `conclude`.
    """
    scan_id = load(connection, items, roots=roots, **options)
    conclusion = conclude(connection, scan_id, roots=roots, **(ending or {}))
    told = changes(connection, scan_id)
    assert conclusion == conclude(connection, scan_id, roots=roots, **(ending or {}))
    assert told == changes(connection, scan_id)
    assert rows(connection, "SELECT FROM unsettled") == []
    return told, conclusion


EMPTY = {"found_files": 0}
UNREADABLE = {"found_files": 0, "error": "Input/output error"}
MEANT = {"allow_missing": True}


# Missing tracks ------------------------------------------------------------------------------------------------------


def test_a_track_that_was_not_found_is_missing(connection):
    scan(connection, [make_track(OLD), make_track(OTHER)])
    before = rows(connection, "SELECT id, path, added_at, updated_at FROM tracks ORDER BY id")
    assert rescan(connection, absent=[OLD]) == ([(OLD, "missing", {})], (0, 0, 1, ()))
    assert missing(connection) == [OLD]
    assert before == rows(connection, "SELECT id, path, added_at, updated_at FROM tracks ORDER BY id")
    assert rows(connection, "SELECT path FROM library") == [(OTHER,)]
    assert rescan(connection) == ([], (0, 0, 0, ()))


def test_a_track_is_missing_since_it_was_first_not_found(connection):
    scan(connection, [make_track(OLD)])
    scan(connection, [], absent=[OLD])
    before = rows(connection, "SELECT missing_since FROM tracks")
    assert rescan(connection, absent=[OLD]) == ([], (0, 0, 0, ()))
    assert before == rows(connection, "SELECT missing_since FROM tracks")


def test_a_path_told_twice_is_one_loss(connection):
    """A track with a problem is known twice."""
    scan(connection, [make_track(OLD)])
    assert rescan(connection, absent=[OLD, OLD])[1].missing == 1


def test_a_track_left_out_by_a_pattern_is_missing_however_many_are(connection):
    paths = [f"/music/{number}" for number in range(30)]
    scan(connection, [make_track(path) for path in paths])
    _, conclusion = rescan(connection, excluded=paths, ending=EMPTY)
    assert conclusion == (0, 0, 30, ())


def test_a_track_with_problems_is_read_again_when_it_comes_back(connection):
    """Its problems are forgotten when it is not there, so they have to be found again."""
    scan(connection, [make_track(OLD), make_error(OLD, ErrorKind.TRUNCATED), make_track(OTHER)])
    scan(connection, [], absent=[OLD, OTHER])
    query = "SELECT path FROM tracks WHERE extractor_version = 0"
    assert rows(connection, query) == [(OLD,)]


# Moves recognised by their contents -----------------------------------------------------------------------------------

MD5 = "5eb63bbbe01eeed093cb22bb8f5acdc3"
OTHER_MD5 = "0" * 31 + "1"


def flac(path, md5=MD5, **fields):
    return make_track(path, stream=make_stream(audio_md5=md5), **{"title": path, "size_bytes": len(path), **fields})


def mp3(path, size_bytes=1000, length_ms=2000, **fields):
    return make_track(path, stream=make_stream(length_ms=length_ms), size_bytes=size_bytes, **fields)


def gold(**fields):
    return make_album("Gold", albumartists=(make_albumartist("ABBA"),), **fields)


TAGS = {"artists": ("A",), "genres": ("Pop",), "album": make_album("Gold")}

RULES = {
    "audio": (flac(OLD, artists=("A",)), flac(NEW, artists=("B",), genres=("Pop",))),
    "release track": (
        mp3(OLD, musicbrainz_trackid=MBID, title="a"),
        mp3(NEW, musicbrainz_trackid=MBID, title="b", length_ms=9),
    ),
    "tags": (
        mp3(OLD, title="a", **TAGS, inode=1, cover_path=b"/music/cover.jpg"),
        mp3(NEW, title="a", **TAGS, mtime_ns=9, ctime_ns=9, device=9),
    ),
    "no length": (mp3(OLD, length_ms=None, title="a"), mp3(NEW, length_ms=None, title="a")),
    "all": (flac(OLD, musicbrainz_trackid=MBID), flac(NEW, musicbrainz_trackid=MBID)),
}


@pytest.mark.parametrize(("old", "new"), RULES.values(), ids=RULES.keys())
@pytest.mark.parametrize("when", ["at once", "later", "after an interruption"])
def test_a_new_file_with_the_contents_of_one_that_is_gone_is_that(connection, fresh_connection, old, new, when):
    scan(connection, [old, make_track(OTHER, size_bytes=1, artists=("X",))])
    ((track_id, added_at),) = rows(connection, "SELECT id, added_at FROM tracks WHERE path = %s", OLD)
    if when == "later":
        scan(connection, [], absent=[OLD])
    if when == "after an interruption":
        load(connection, [new], absent=[OLD])
        told, conclusion = rescan(connection, absent=[OLD])
    else:
        told, conclusion = rescan(connection, [new], absent=[OLD] if when == "at once" else [])
    assert told == [(NEW, "moved", {"old_path": OLD})]
    assert conclusion == (1, when != "after an interruption", 0, ())
    assert rows(connection, "SELECT FROM scan_changes WHERE kind IN ('added', 'changed')") == []
    query = "SELECT id, added_at, updated_at > added_at, missing_since FROM tracks WHERE path = %s"
    assert rows(connection, query, NEW) == [(track_id, added_at, True, None)]
    assert rows(connection, "SELECT FROM added_tracks") == []
    scan(fresh_connection, [new, make_track(OTHER, size_bytes=1, artists=("X",))])
    assert snapshot(fresh_connection) == snapshot(connection)


DIFFERENT = {
    "size": (mp3(OLD, musicbrainz_trackid=MBID, title="a"), mp3(NEW, 1001, musicbrainz_trackid=MBID, title="a")),
    "release track": (mp3(OLD, musicbrainz_trackid=MBID), mp3(NEW, musicbrainz_trackid=OTHER_MBID)),
    "length": (mp3(OLD, title="a"), mp3(NEW, title="a", length_ms=9)),
    "title": (mp3(OLD, title="a"), mp3(NEW, title="b")),
    "tags": (mp3(OLD, tags={"a": ["b"]}), mp3(NEW)),
    "people": (mp3(OLD, artists=("A",)), mp3(NEW, artists=("B",))),
    "genres": (mp3(OLD, genres=("Pop",)), mp3(NEW, genres=("Rock",))),
    "album": (mp3(OLD, album=make_album("Gold")), mp3(NEW, album=make_album("Gold", label="x"))),
    "album artists": (mp3(OLD, album=make_album("Gold")), mp3(NEW, album=gold(albumartist=None))),
    "audio": (flac(OLD), flac(NEW, OTHER_MD5)),
}


@pytest.mark.parametrize(("old", "new"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_other_contents_are_an_addition_and_a_loss(connection, old, new):
    scan(connection, [old])
    told, conclusion = rescan(connection, [new], absent=[OLD])
    assert told == [(NEW, "added", {}), (OLD, "missing", {})]
    assert conclusion == (0, 0, 1, ())


UNCLEAR = {
    "one new, two old": ([flac(OLD), flac(OTHER)], [flac(NEW)]),
    "two new, one old": ([flac(OLD)], [flac(NEW), flac(LAST)]),
    "two of each": ([mp3(OLD), mp3(OTHER)], [mp3(NEW), mp3(LAST)]),
    "another by each rule": (
        [flac(OLD, size_bytes=1), flac(OTHER, OTHER_MD5, size_bytes=1, musicbrainz_trackid=MBID)],
        [flac(NEW, size_bytes=1, musicbrainz_trackid=MBID)],
    ),
    "two new by two rules": (
        [flac(OLD, size_bytes=1, musicbrainz_trackid=MBID)],
        [flac(NEW, size_bytes=1), flac(LAST, OTHER_MD5, size_bytes=1, musicbrainz_trackid=MBID)],
    ),
    "clear by one rule, not by another": (
        [flac(OLD, size_bytes=1, musicbrainz_trackid=MBID), flac(OTHER, size_bytes=2)],
        [flac(NEW, size_bytes=1, musicbrainz_trackid=MBID)],
    ),
}


@pytest.mark.parametrize(("old", "new"), UNCLEAR.values(), ids=UNCLEAR.keys())
def test_it_is_never_guessed_which_one_has_moved(connection, old, new):
    scan(connection, old)
    before = ids(connection)
    told, conclusion = rescan(connection, new, absent=list(before))
    assert sorted(kind for _, kind, _ in told) == ["added"] * len(new) + ["missing"] * len(old)
    assert conclusion == (0, 0, len(old), ())


def test_a_copy_is_an_addition(connection):
    scan(connection, [flac(OLD)])
    assert rescan(connection, [flac(NEW)])[0] == [(NEW, "added", {})]
    assert rescan(connection, absent=[OLD])[0] == [(OLD, "missing", {})]


def test_what_a_pattern_leaves_out_has_not_moved(connection):
    scan(connection, [flac(OLD)])
    assert rescan(connection, [flac(NEW)], excluded=[OLD])[0] == [(NEW, "added", {}), (OLD, "missing", {})]


def test_a_track_added_by_a_killed_scan_and_gone_again_is_what_has_moved(connection):
    scan(connection, [])
    load(connection, [flac(OLD)])
    track_id = ids(connection)[OLD]
    assert rescan(connection, [flac(NEW)], absent=[OLD])[0] == [(NEW, "moved", {"old_path": OLD})]
    assert ids(connection) == {NEW: track_id}


def test_a_track_whose_place_is_no_audio_any_more_may_have_moved(connection):
    scan(connection, [flac(OLD)])
    track_id = ids(connection)[OLD]
    told, conclusion = rescan(connection, [flac(NEW), make_other(OLD)])
    assert told == [(NEW, "moved", {"old_path": OLD})]
    assert conclusion == (1, 1, 0, ())
    assert ids(connection) == {NEW: track_id}


def test_a_folder_of_ten_moves_to_another_root(connection):
    scan(connection, [flac(f"/music/{n}", f"{n:032x}") for n in range(10)])
    before = ids(connection)
    roots = (b"/music", b"/more")
    moved = [flac(f"/more/{n}", f"{n:032x}", root_id=2) for n in range(10)]
    told, conclusion = rescan(connection, moved, roots=roots, absent=list(before), ending=EMPTY)
    assert conclusion == (10, 10, 0, ())
    assert told == [(f"/more/{n}", "moved", {"old_path": f"/music/{n}"}) for n in range(10)]
    assert ids(connection) == {f"/more/{n}": before[f"/music/{n}"] for n in range(10)}
    assert rows(connection, "SELECT DISTINCT root_id FROM tracks") == [(2,)]


# The guard ------------------------------------------------------------------------------------------------------------


def paths(folder, number):
    return [f"{folder}/{n:02}" for n in range(number)]


def lines(conclusion):
    return [line.partition(":")[0] for line in conclusion.guarded]


def test_when_too_many_would_go_missing_none_is_marked(connection):
    known = paths("/music", 84)
    scan(connection, [make_track(path, size_bytes=n) for n, path in enumerate(known)])
    told, conclusion = rescan(connection, absent=known[:22])
    assert (told, lines(conclusion), missing(connection)) == ([], ["/music"], [])
    assert rescan(connection, absent=known[:21])[1] == (0, 0, 21, ())
    told, conclusion = rescan(connection, absent=known[21:], ending=MEANT)
    assert (len(told), conclusion, missing(connection)) == (63, (0, 0, 63, ()), known)


def test_what_has_moved_does_not_count(connection):
    known = paths("/music/old", 40)
    scan(connection, [flac(path, f"{n:032x}") for n, path in enumerate(known)])
    moved = [flac(path.replace("old", "new"), f"{n:032x}") for n, path in enumerate(known[:20])]
    assert rescan(connection, moved, absent=known)[1] == (20, 20, 20, ())


def test_a_folder_is_guarded_without_the_others(connection):
    jazz, rock = paths("/music/jazz", 30), paths("/music/rock", 100)
    scan(connection, [make_track(path, size_bytes=n) for n, path in enumerate(jazz + rock)])
    roots = (b"/music/jazz", b"/music/rock")
    _, conclusion = rescan(connection, absent=[*jazz, rock[0]], roots=roots)
    assert (lines(conclusion), conclusion.missing, missing(connection)) == (["/music/jazz"], 1, [rock[0]])


def test_a_folder_whose_name_another_begins_with_is_not_that(connection):
    music = paths("/music", 30)
    scan(connection, [make_track(path, size_bytes=n) for n, path in enumerate([*music, "/music2/1"])])
    _, conclusion = rescan(connection, absent=[*music, "/music2/1"], roots=(b"/music", b"/music2"))
    assert (lines(conclusion), missing(connection)) == (["/music"], ["/music2/1"])


def test_the_root_of_all_is_guarded_as_any(connection):
    scan(connection, [make_track(OLD)], roots=[b"/"])
    assert lines(rescan(connection, absent=[OLD], roots=[b"/"], ending=EMPTY)[1]) == ["/"]


def test_an_empty_folder_that_had_tracks_is_not_believed(connection):
    scan(connection, [make_track(OLD)])
    _, conclusion = rescan(connection, absent=[OLD], ending=EMPTY)
    assert (lines(conclusion), missing(connection)) == (["/music"], [])


@pytest.mark.parametrize("allow_missing", [False, True])
def test_a_folder_that_cannot_be_read_is_told_and_left_alone(connection, allow_missing):
    scan(connection, [make_track(OLD), make_error("/music/bad.mp3")])
    scanned_at = rows(connection, "SELECT scanned_at FROM roots")
    told, conclusion = rescan(connection, ending={**UNREADABLE, "allow_missing": allow_missing})
    assert (told, lines(conclusion)) == ([], ["/music"])
    assert scanned_at == rows(connection, "SELECT scanned_at FROM roots")
    assert len(rows(connection, "SELECT FROM file_errors")) == 1


@pytest.fixture
def root(tmp_path):
    """A folder that is there, and thus on a device."""
    return os.fsencode(tmp_path)


def test_a_root_on_another_device_is_believed_only_if_all_is_there(connection, root):
    path, device = f"{os.fsdecode(root)}/1", os.stat(root).st_dev
    everywhere = {"roots": (root,), "ending": {"devices": (5, device)}}
    scan(connection, [make_track(path)], roots=(root,))
    connection.execute("UPDATE roots SET device = 99")
    _, conclusion = rescan(connection, absent=[path], **everywhere)
    assert (lines(conclusion), missing(connection)) == ([os.fsdecode(root)], [])
    assert rows(connection, "SELECT device FROM roots") == [(99,)]
    assert rescan(connection, **everywhere)[1].guarded == ()
    assert rows(connection, "SELECT device FROM roots") == [(device,)]
    assert rescan(connection, absent=[path], **everywhere)[1].missing == 1


def test_a_disk_that_came_back_during_the_walk_was_away_all_the_same(connection, root):
    path = f"{os.fsdecode(root)}/1"
    scan(connection, [make_track(path)], roots=(root,))
    assert rescan(connection, absent=[path], roots=(root,))[1].guarded != ()
    assert (
        rescan(connection, absent=[path], roots=(root,), ending={"devices": (5, os.stat(root).st_dev)})[1].guarded == ()
    )


def test_a_disk_below_the_root_that_is_away_is_noticed(connection):
    nested = [make_track(f"/music/usb/{n}", device=7, size_bytes=n) for n in range(3)]
    scan(connection, [make_track(f"/music/{n}", size_bytes=n) for n in range(100, 200)] + nested)
    absent = [f"/music/usb/{n}" for n in range(3)]
    told, conclusion = rescan(connection, absent=[*absent, "/music/100"])
    assert (told, lines(conclusion)) == ([], ["/music"])
    # One of them is there, but on a device that has another number since a reboot.
    assert rescan(connection, absent=absent[:2])[1] == (0, 0, 2, ())
    assert rescan(connection, absent=absent[2:], ending={"devices": (5, 7)})[1] == (0, 0, 1, ())


def test_under_a_guarded_folder_nothing_is_forgotten(connection):
    met = make_error("/music/loop", ErrorKind.LINK_LOOP, stage="discover")
    scan(connection, [make_track(OLD), make_error("/music/bad.mp3"), met, make_other("/music/notes")])
    absent = [OLD, "/music/bad.mp3", "/music/notes"]
    assert rescan(connection, absent=absent, ending=EMPTY)[1].guarded != ()
    assert left(connection) == ["/music/bad.mp3", "/music/loop", "/music/notes"]
    assert rescan(connection, absent=absent, ending=EMPTY | MEANT)[1].missing == 1
    assert left(connection) == []


def test_what_looks_moved_from_a_guarded_folder_is_a_copy_until_the_loss_is_meant(connection):
    known = paths("/music/old", 40)
    scan(connection, [flac(path, f"{n:032x}") for n, path in enumerate(known)])
    before = ids(connection)
    copies = [flac(path.replace("old", "new"), f"{n:032x}") for n, path in enumerate(known[:5])]
    told, conclusion = rescan(connection, copies, absent=known)
    assert [kind for _, kind, _ in told] == ["added"] * 5
    assert (lines(conclusion), conclusion[:3]) == (["/music"], (0, 0, 0))
    assert before == {path: track_id for path, track_id in ids(connection).items() if path in known}
    assert rescan(connection, absent=known, ending=MEANT)[1] == (5, 0, 35, ())
    assert ids(connection) == {path.replace("old", "new"): before[path] for path in known[:5]}


def test_what_is_new_may_turn_out_to_have_moved_once_the_loss_is_meant(connection):
    scan(connection, [flac(OLD)])
    track_id = ids(connection)[OLD]
    told, _ = rescan(connection, [flac(NEW)], ending=UNREADABLE)
    assert told == [(NEW, "added", {})]
    told, conclusion = rescan(connection, absent=[OLD])
    assert (told, conclusion) == ([(NEW, "moved", {"old_path": OLD})], (1, 0, 0, ()))
    assert ids(connection) == {NEW: track_id}
    assert len(rows(connection, "SELECT FROM scan_changes WHERE kind = 'added'")) == 1  # it was told, and is history


# What is over ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "stays"),
    [("/music/gone", False), ("/music", False), ("/music2/other", True), ("/other/music/a", True)],
)
def test_what_the_walk_does_not_meet_again_under_its_folders_is_over(connection, path, stays):
    met = [make_error("/music/still", ErrorKind.DANGLING_LINK, stage="discover")]
    scan(connection, [*met, make_error(path, ErrorKind.LINK_LOOP, stage="discover")])
    scan(connection, met)
    assert sorted(["/music/still", *([path] if stays else [])]) == left(connection)


@pytest.mark.parametrize(("path", "stays"), [("/music/gone", False), ("/music2/gone", True)])
def test_what_was_wrong_with_a_file_is_over_when_that_is_gone(connection, path, stays):
    """Files that failed are not read again, so that nothing was met of them says nothing."""
    others = ["/music/still", "/music/text"]
    scan(connection, [make_error(path), make_other(path + ".txt"), make_error(others[0]), make_other(others[1])])
    scan(connection, [], absent=[path, path + ".txt"])
    assert sorted([*others, *([path, path + ".txt"] if stays else [])]) == left(connection)


def test_a_file_left_out_by_a_pattern_is_forgotten(connection):
    scan(connection, [make_error("/music/bad.mp3"), make_other("/music/text")])
    scan(connection, [], excluded=["/music/bad.mp3", "/music/text"])
    assert left(connection) == []


def test_an_interrupted_scan_forgets_nothing(connection):
    load(connection, [make_error("/music/1", stage="discover"), make_track(OLD), make_other("/music/text")])
    load(connection, [], absent=[OLD, "/music/text"])
    assert left(connection) == ["/music/1", "/music/text"]
    assert missing(connection) == []


# Nothing to do -------------------------------------------------------------------------------------------------------


def test_when_nothing_has_changed_only_the_scan_and_its_root_are_noted(connection):
    items = [make_track(OLD), make_error("/music/bad.mp3"), make_other("/music/text"), make_track(OTHER)]
    scan(connection, items)
    scan(connection, [], absent=[OTHER])
    tables = ("tracks", "file_errors", "other_files", "scan_changes", "absent_files", "added_tracks", "unsettled")
    before = {table: rows(connection, f"SELECT xmin, * FROM {table}") for table in tables}
    scanned_at = rows(connection, "SELECT scanned_at FROM roots")
    assert rescan(connection) == ([], (0, 0, 0, ()))
    assert before == {table: rows(connection, f"SELECT xmin, * FROM {table}") for table in tables}
    assert scanned_at < rows(connection, "SELECT scanned_at FROM roots")


# Many scans of a folder that changes ---------------------------------------------------------------------------------


class File(NamedTuple):
    """A file of the folder below: what a track is made of, and where it lies."""

    contents: int
    inode: int
    ctime_ns: int


class Folder:
    """A folder of music that people work on between scans."""

    NAMES = tuple(f"/music/{folder}/{name}.flac" for folder in ("A", "A/CD1", "B") for name in range(4))

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.now = 100
        self.files = {}
        for name in self.NAMES[::2]:
            self.create(name, self.tick())

    def tick(self):
        self.now += 1
        return self.now

    def create(self, name, contents):
        self.files[name] = File(contents, inode=self.tick(), ctime_ns=self.tick())

    def change(self):
        """Do something to one file or two."""
        choose = self.random.choice
        old, new = choose(sorted(self.files)), choose(self.NAMES)
        match choose(("create", "edit", "touch", "move", "move", "swap", "copy away", "delete")):
            case "create":
                self.create(new, self.tick())
            case "edit":
                self.files[old] = File(self.tick(), self.files[old].inode, self.tick())
            case "touch":
                self.files[old] = self.files[old]._replace(ctime_ns=self.tick())
            case "move" if new != old:
                self.files[new] = self.files.pop(old)._replace(ctime_ns=self.tick())
            case "swap" if new in self.files:
                self.files[old], self.files[new] = self.files[new], self.files[old]
            case "copy away" if new != old:  # as to another disk
                self.create(new, self.files.pop(old).contents)
            case "delete" if len(self.files) > 1:
                del self.files[old]

    def track(self, name):
        """Return what is read of a file: titles, people, albums and covers as its contents have it."""
        file = self.files[name]
        source = random.Random(file.contents)
        artists = (None, make_credit("ABBA"), make_credit("Abba", MBID), make_credit("Cher"))
        return make_track(
            name,
            title=f"{file.contents}",
            artists=tuple(filter(None, source.sample(artists, 2))),
            genres=tuple(source.sample(("Pop", "pop", "Rock"), source.randint(0, 2))),
            album=source.choice((None, make_album("Gold"), gold(), gold(musicbrainz_albumid=OTHER_MBID))),
            stream=make_stream(audio_md5=f"{file.contents:032x}"),
            size_bytes=file.contents,
            mtime_ns=file.contents,
            **self.found(name),
        )

    def found(self, name):
        folder = os.path.dirname(name)
        cover = b"/music/A/cover.jpg" if folder == "/music/A" else None
        return {"ctime_ns": self.files[name].ctime_ns, "inode": self.files[name].inode, "cover_path": cover}

    def scan(self, connection, *, is_killed):
        """Scan the folder, if killed then with half of what is to be read; batches are written twice."""
        recognised, read, absent = self.compared(connection)
        if is_killed:
            load(connection, read[: len(read) // 2], recognised=recognised, absent=absent, twice=True)
            return
        options = {"recognised": recognised, "absent": absent, "twice": True, "ending": MEANT}
        told, conclusion = rescan(connection, read, **options)
        assert len(told) == len({(path, kind) for path, kind, _ in told})
        assert conclusion.missing == sum(kind == "missing" for _, kind, _ in told)

    def compared(self, connection):
        """Return what a comparison comes to: tracks that have moved, files to be read, paths that are not there."""
        query = "SELECT path, size_bytes, inode, ctime_ns FROM tracks WHERE missing_since IS NULL"
        known = {path: File(*file) for path, *file in rows(connection, query)}
        places = {file[:2]: name for name, file in known.items()}
        moves = {}
        for name, file in self.files.items():
            old = places.get(file[:2])
            if old not in {None, name} and (old not in self.files or self.files[old].inode != file.inode):
                moves[name] = old
        # A place is free only if its own track leaves it, too.
        while taken := [new for new in moves if new in known and new not in moves.values()]:
            del moves[taken[0]]
        track_ids = ids(connection)
        recognised = [
            recognise(track_ids[old], make_file(new, **self.found(new)), self.track(new).tags.album)
            for new, old in moves.items()
        ]
        differ = [name for name in sorted(self.files) if name not in moves and self.files[name] != known.get(name)]
        return recognised, list(map(self.track, differ)), [name for name in known if name not in self.files]


@pytest.mark.parametrize("seed", range(15))
def test_many_scans_of_a_folder_that_changes_end_where_one_does(connection, fresh_connection, seed):
    folder = Folder(seed)
    for _ in range(6):
        folder.scan(connection, is_killed=folder.random.random() < 0.3)
        for _ in range(folder.random.randint(1, 5)):
            folder.change()
    folder.scan(connection, is_killed=False)
    assert set(ids(connection)) == set(folder.files)
    purge(connection, datetime.now(UTC))
    scan(fresh_connection, [folder.track(name) for name in folder.files])
    assert snapshot(fresh_connection) == snapshot(connection)
