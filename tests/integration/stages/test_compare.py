"""The comparison of a walk with what a real database knows: what is read, what is recognised, what is not there."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import pytest

from soniquescan.database.known import KnownFiles
from soniquescan.database.session import Session
from soniquescan.messages import Compared, ErrorKind, FileError, FoundFile, FoundFolder, NotAudio
from soniquescan.stages.compare import Comparison, Root, ToRead, compare
from soniquescan.text import path_to_text, spell_name
from tests.tracks import load, make_album, make_credit, make_error, make_file, make_track, scan

ROOT = b"/music"


def line(file):
    """The line of a file as the walk makes it."""
    cover = b"" if file.cover_path is None else spell_name(os.path.basename(file.cover_path))
    name = spell_name(os.path.basename(file.path))
    return b"%b\t%d\t%d\t%d\t%d\t%b" % (name, file.size_bytes, file.mtime_ns, file.ctime_ns, file.inode, cover)


def walk(*files, folders=(), excluded=(), device=5):
    """The folders of some files, with the root and `folders` even if they hold none."""
    by_folder = {ROOT: [], **{folder: [] for folder in folders}}
    for file in files:
        by_folder.setdefault(os.path.dirname(file.path), []).append(file)
    return [
        FoundFolder(
            path,
            1,
            device,
            next((file.cover_path for file in held), None),
            len(held),
            b"\n".join(map(line, sorted(held, key=lambda file: file.path))),
            tuple(os.path.basename(name) for name in excluded if os.path.dirname(name) == path),
        )
        for path, held in by_folder.items()
    ]


@dataclass
class Outcome:
    """What a comparison came to."""

    read: list = field(default_factory=list)  # paths
    compared: Compared | None = None
    absent: dict = field(default_factory=dict)  # path → whether by a pattern
    paths: dict = field(default_factory=dict)  # track id → path, afterwards


@pytest.fixture
def rescan(connection):
    """A function that compares a walk with the database as the stage does."""

    def rescan(*items, full=False, retry_errors=False, old_device=5, device=5):
        known = KnownFiles(Session.over(connection), full=full, retry_errors=retry_errors)
        outcome = Outcome()
        roots = [Root(1, ROOT, old_device, device)]
        flat = [item for part in items for item in (part if isinstance(part, list) else [part])]
        for item in compare(flat, known=known, roots=roots, scan_id=2):
            match item:
                case FoundFile():
                    outcome.read.append(item.path)
                case Compared():
                    outcome.compared = item
        outcome.absent = dict(connection.execute("SELECT path, is_excluded FROM absent_files").fetchall())
        outcome.paths = dict(connection.execute("SELECT id, path FROM tracks WHERE missing_since IS NULL").fetchall())
        return outcome

    return rescan


def ids(connection):
    return dict(connection.execute("SELECT path, id FROM tracks").fetchall())


def track_of(file, **fields):
    return make_track(file.path, **{name: value for name, value in file._asdict().items() if name != "path"}, **fields)


A = make_file("/music/Album/01.flac", inode=101)
B = make_file("/music/Album/02.flac", inode=102)
C = make_file("/music/Other/01.flac", inode=103, size_bytes=77)


def test_what_has_not_changed_is_not_read(connection, rescan):
    scan(connection, [track_of(A), track_of(B), track_of(C)])

    outcome = rescan(walk(A, B, C))

    assert outcome.read == []
    assert outcome.absent == {}
    assert outcome.compared.unchanged == 3
    assert outcome.compared.roots[0].known_tracks == 3
    assert outcome.compared.roots[0].found_files == 3


@pytest.mark.parametrize("what", ["size_bytes", "mtime_ns", "ctime_ns"])
def test_a_file_whose_stat_has_changed_is_read(connection, rescan, what):
    scan(connection, [track_of(A), track_of(B)])

    outcome = rescan(walk(A._replace(**{what: 12345}), B))

    assert outcome.read == [A.path]
    assert outcome.compared.unchanged == 1


def test_inodes_that_are_numbered_anew_are_no_change(connection, rescan):
    scan(connection, [track_of(A), track_of(B)])

    outcome = rescan(walk(A._replace(inode=7), B._replace(inode=8)))

    assert outcome.read == []
    assert outcome.compared.unchanged == 2


def test_a_cover_that_comes_or_goes_has_the_folder_read(connection, rescan):
    scan(connection, [track_of(A), track_of(C._replace(cover_path=b"/music/Other/cover.jpg"))])

    outcome = rescan(walk(A._replace(cover_path=b"/music/Album/front.png"), C))

    assert sorted(outcome.read) == [A.path, C.path]


def test_new_files_are_read_and_those_not_there_noted(connection, rescan):
    scan(connection, [track_of(A), track_of(B), track_of(C)])
    new = make_file("/music/Album/03.flac", inode=9)

    outcome = rescan(walk(A, new))

    assert outcome.read == [new.path]
    assert outcome.absent == {"/music/Album/02.flac": False, "/music/Other/01.flac": False}


@pytest.mark.parametrize("name", [b"a\tb\nc\\.mp3", b"\xff\xfe.mp3", "\uf780.mp3".encode(), b"\xc3\xa9.mp3"])
def test_odd_names_compare_like_others(connection, rescan, name):
    file = make_file(b"/music/" + name + b"/" + name, inode=4)
    gone = make_file(b"/music/gone" + name, inode=5)
    scan(connection, [track_of(file), track_of(gone)])

    outcome = rescan(walk(file))

    assert outcome.read == []
    assert outcome.absent == {path_to_text(gone.path): False}


def test_numbers_beyond_63_bits_compare_as_they_were_stored(connection, rescan):
    file = A._replace(mtime_ns=2**63 + 5, inode=2**64 - 1)
    scan(connection, [track_of(file)])

    assert rescan(walk(file)).read == []


def test_full_and_older_rules_have_everything_read(connection, rescan):
    scan(connection, [track_of(A), track_of(B)])
    assert rescan(walk(A, B), full=True).read == [A.path, B.path]

    connection.execute("UPDATE tracks SET extractor_version = 0 WHERE path = '/music/Album/02.flac'")
    outcome = rescan(walk(A, B))

    assert outcome.read == [B.path]
    assert outcome.absent == {}


class TestFilesThatHoldNoTrack:
    def test_are_not_read_again(self, connection, rescan):
        bad, text = (make_file(f"/music/{name}", inode=i) for i, name in enumerate(("bad.mp3", "text.xyz")))
        error = make_error(bad.path.decode(), size_bytes=1000, mtime_ns=2, ctime_ns=3)
        scan(connection, [track_of(A), error, NotAudio(text)])

        outcome = rescan(walk(A, bad, text))

        assert outcome.read == []
        assert outcome.compared.unchanged == 3
        assert outcome.compared.roots[0].known_tracks == 1
        assert rescan(walk(A, bad._replace(ctime_ns=9), text)).read == [bad.path]
        assert rescan(walk(A, bad, text), retry_errors=True).read == [bad.path]
        assert rescan(walk(A)).absent == {"/music/bad.mp3": False, "/music/text.xyz": False}

    def test_are_read_again_where_the_failure_may_have_passed(self, connection, rescan):
        bad = make_file("/music/bad.mp3")
        error = make_error("/music/bad.mp3", ErrorKind.IO_ERROR, size_bytes=1000, mtime_ns=2, ctime_ns=3)
        scan(connection, [error])

        assert rescan(walk(bad)).read == [bad.path]

    def test_a_track_with_a_problem_is_a_track(self, connection, rescan):
        problem = make_error("/music/Album/01.flac", ErrorKind.TRUNCATED, size_bytes=1000, mtime_ns=2, ctime_ns=3)
        scan(connection, [track_of(A), problem])

        assert rescan(walk(A)).compared.unchanged == 1
        assert rescan(walk(A), retry_errors=True).read == [A.path]

    def test_a_track_that_can_no_longer_be_read_is_not_tried_again(self, connection, rescan):
        scan(connection, [track_of(A)])
        scan(connection, [make_error("/music/Album/01.flac", size_bytes=1, mtime_ns=2, ctime_ns=30)])

        outcome = rescan(walk(A._replace(size_bytes=1, ctime_ns=30)))

        assert outcome.read == []
        assert outcome.absent == {}


class TestMoves:
    def test_a_renamed_file_keeps_its_track(self, connection, rescan):
        scan(connection, [track_of(A), track_of(B)])
        before = ids(connection)

        outcome = rescan(walk(A, B._replace(path=b"/music/New/2.flac", ctime_ns=99)))

        assert outcome.read == []
        assert outcome.compared.moved == 1
        assert outcome.paths == {
            before["/music/Album/01.flac"]: "/music/Album/01.flac",
            before["/music/Album/02.flac"]: "/music/New/2.flac",
        }

    @pytest.mark.parametrize("what", ["size_bytes", "mtime_ns", "inode", "device"])
    def test_only_the_same_file_counts(self, connection, rescan, what):
        scan(connection, [track_of(A)])
        other = A._replace(path=b"/music/New/1.flac", **{what: 4321})

        outcome = rescan(walk(other, device=other.device))

        assert outcome.read == [other.path]
        assert outcome.absent == {"/music/Album/01.flac": False}

    def test_a_device_that_has_another_number_since_a_reboot_is_the_same(self, connection, rescan):
        scan(connection, [track_of(A)])
        moved = A._replace(path=b"/music/New/1.flac", device=6)

        assert rescan(walk(moved, device=6), old_device=5, device=6).compared.moved == 1

    def test_files_that_change_places_take_their_tracks_along(self, connection, rescan):
        scan(connection, [track_of(A), track_of(B), track_of(C)])
        before = ids(connection)

        outcome = rescan(
            walk(
                A._replace(inode=102, ctime_ns=9),
                B._replace(inode=103, ctime_ns=9, size_bytes=77),
                C._replace(inode=101, ctime_ns=9, size_bytes=1000),
            )
        )

        assert outcome.read == []
        assert outcome.paths == {
            before["/music/Album/02.flac"]: "/music/Album/01.flac",
            before["/music/Other/01.flac"]: "/music/Album/02.flac",
            before["/music/Album/01.flac"]: "/music/Other/01.flac",
        }

    def test_a_chain_leaves_its_end_free_for_a_new_file(self, connection, rescan):
        scan(connection, [track_of(A), track_of(B)])
        before = ids(connection)
        new = A._replace(inode=500, size_bytes=5)

        outcome = rescan(walk(new, B._replace(inode=101, ctime_ns=9), make_file("/music/Album/03.flac", inode=102)))

        assert outcome.read == [A.path]
        assert outcome.paths == {
            before["/music/Album/01.flac"]: "/music/Album/02.flac",
            before["/music/Album/02.flac"]: "/music/Album/03.flac",
        }

    def test_what_takes_the_place_of_a_file_is_not_read_before_that_has_been_found(self, connection):
        scan(connection, [track_of(A), track_of(C)])
        known = KnownFiles(Session.over(connection), full=False, retry_errors=False)
        comparison = Comparison(known, [Root(1, ROOT, 5, 5)])
        found = walk(A._replace(inode=500, ctime_ns=9), C._replace(mtime_ns=9))

        at_once = [item.file.path for item in comparison.walk(found)]
        held = [item.file.path for item in comparison.not_recognised(comparison.recognise())]

        assert (at_once, held) == ([C.path], [A.path])

    def test_a_known_path_keeps_its_track_when_another_file_is_moved_over_it(self, connection, rescan):
        scan(connection, [track_of(A), track_of(B)])

        outcome = rescan(walk(A._replace(inode=102, ctime_ns=9)))

        assert outcome.read == [A.path]
        assert outcome.compared.moved == 0
        assert outcome.absent == {"/music/Album/02.flac": False}

    def test_a_link_is_no_move(self, connection, rescan):
        scan(connection, [track_of(A)])
        link = A._replace(path=b"/music/link.flac")

        outcome = rescan(walk(A, link))

        assert outcome.read == [link.path]
        assert outcome.absent == {}

    def test_what_may_be_one_of_two_is_neither(self, connection, rescan):
        twin = B._replace(inode=101)
        scan(connection, [track_of(A), track_of(twin)])
        new = A._replace(path=b"/music/new.flac")

        outcome = rescan(walk(new))

        assert outcome.read == [new.path]
        assert len(outcome.absent) == 2

    def test_what_two_files_claim_goes_to_neither(self, connection, rescan):
        scan(connection, [track_of(A)])
        new, link = A._replace(path=b"/music/new.flac"), A._replace(path=b"/music/link.flac")

        outcome = rescan(walk(new, link))

        assert sorted(outcome.read) == [link.path, new.path]
        assert outcome.absent == {"/music/Album/01.flac": False}

    def test_nothing_is_moved_from_where_the_walk_could_not_look(self, connection, rescan):
        scan(connection, [track_of(A)])
        new = A._replace(path=b"/music/new.flac")
        unreadable = FileError(b"/music/Album", "discover", ErrorKind.PERMISSION_DENIED, "no", None, None, None)

        outcome = rescan(unreadable, walk(new))

        assert outcome.read == [new.path]
        assert outcome.absent == {}
        assert outcome.compared.unknown == 1

    def test_a_track_of_another_root_moves_only_if_its_file_has_gone(self, connection, rescan, tmp_path):
        outside = tmp_path / "a.flac"
        outside.touch()
        status = outside.stat()
        old = make_file(os.fsencode(outside), inode=status.st_ino, device=5, mtime_ns=status.st_mtime_ns, size_bytes=0)
        scan(connection, [track_of(old)])
        new = old._replace(path=b"/music/a.flac")
        assert rescan(walk(new)).read == [new.path]

        outside.unlink()
        outcome = rescan(walk(new))

        assert outcome.read == []
        assert list(outcome.paths.values()) == ["/music/a.flac"]

    def test_an_album_that_depends_on_its_folder_follows(self, connection, rescan):
        album = make_album("Best Of", release_types=("album", "compilation"), label="X")
        files = [
            A,
            B,
            A._replace(path=b"/music/New/01.flac", cover_path=b"/music/New/cover.jpg"),
            B._replace(path=b"/music/New/02.flac", cover_path=b"/music/New/cover.jpg"),
        ]
        people = (make_credit("Ann", sort_name="A"), make_credit("Bob"))
        scan(connection, [track_of(file, album=album, artists=people) for file in files[:2]])
        rescan(walk(*files[2:]))
        moved = connection.execute(
            "SELECT path, album_id, album_tags_id, cover_name FROM tracks ORDER BY path"
        ).fetchall()

        connection.execute("DELETE FROM tracks")
        load(connection, [track_of(file, album=album, artists=people) for file in files[2:]])

        assert (
            moved
            == connection.execute(
                "SELECT path, album_id, album_tags_id, cover_name FROM tracks ORDER BY path"
            ).fetchall()
        )
        assert [row[0] for row in moved] == ["/music/New/01.flac", "/music/New/02.flac"]


class TestMissingTracks:
    @pytest.fixture(autouse=True)
    def missing(self, connection):
        scan(connection, [track_of(A), track_of(B)])
        connection.execute("UPDATE tracks SET missing_since = now() WHERE path = '/music/Album/01.flac'")

    def test_are_not_there_and_that_is_no_news(self, rescan):
        outcome = rescan(walk(B))

        assert outcome.absent == {}
        assert outcome.compared.roots[0].known_tracks == 1

    def test_are_back_unread_if_the_file_is_as_it_was(self, rescan):
        outcome = rescan(walk(A, B))

        assert outcome.read == []
        assert outcome.compared.restored == 1
        assert sorted(outcome.paths.values()) == ["/music/Album/01.flac", "/music/Album/02.flac"]

    def test_are_read_if_the_file_is_another(self, rescan):
        assert rescan(walk(A._replace(ctime_ns=9), B)).read == [A.path]

    def test_are_back_at_another_path(self, connection, rescan):
        before = ids(connection)

        outcome = rescan(walk(A._replace(path=b"/music/new.flac"), B))

        assert outcome.compared.moved == 1
        assert outcome.paths[before["/music/Album/01.flac"]] == "/music/new.flac"

    def test_that_were_the_same_file_once_do_not_keep_a_track_from_moving(self, connection, rescan):
        connection.execute("UPDATE tracks SET inode = 102 WHERE path = '/music/Album/01.flac'")
        before = ids(connection)

        outcome = rescan(walk(B._replace(path=b"/music/new.flac")))

        assert outcome.read == []
        assert outcome.paths == {before["/music/Album/02.flac"]: "/music/new.flac"}

    def test_do_not_keep_another_track_from_their_path(self, connection, rescan):
        before = ids(connection)

        outcome = rescan(walk(B._replace(path=A.path)))

        assert outcome.read == []
        assert outcome.paths == {before["/music/Album/02.flac"]: "/music/Album/01.flac"}


class TestWhatCannotBeSeen:
    @pytest.mark.parametrize(
        ("kind", "unknown"),
        [
            (ErrorKind.PERMISSION_DENIED, 2),
            (ErrorKind.IO_ERROR, 2),
            (ErrorKind.DANGLING_LINK, 2),
            (ErrorKind.NOT_FOUND, 0),
            (ErrorKind.NOT_A_REGULAR_FILE, 0),
        ],
    )
    def test_a_folder_that_cannot_be_read_leaves_its_tracks(self, connection, rescan, kind, unknown):
        scan(connection, [track_of(A), track_of(B), track_of(C)])

        outcome = rescan(FileError(b"/music/Album", "discover", kind, "why", None, None, None), walk(C))

        assert outcome.compared.unknown == unknown
        assert len(outcome.absent) == 2 - unknown

    def test_so_does_a_file_whose_stat_fails(self, connection, rescan):
        scan(connection, [track_of(A), track_of(B)])

        outcome = rescan(FileError(A.path, "discover", ErrorKind.IO_ERROR, "why", None, None, None), walk(B))

        assert (outcome.compared.unknown, outcome.absent) == (1, {})

    def test_a_root_that_cannot_be_read_says_why(self, connection, rescan):
        scan(connection, [track_of(A)])

        outcome = rescan(FileError(ROOT, "discover", ErrorKind.NOT_FOUND, "No such file", None, None, None))

        assert outcome.compared.roots[0].error == "No such file"
        assert (outcome.compared.unknown, outcome.absent) == (1, {})

    def test_what_patterns_leave_out_is_told_apart(self, connection, rescan):
        scan(connection, [track_of(A), track_of(B), track_of(C)])

        outcome = rescan(walk(B, excluded=[A.path, b"/music/Other"], folders=[b"/music/Album"]))

        assert outcome.absent == {"/music/Album/01.flac": True, "/music/Other/01.flac": True}


def test_a_look_says_what_the_scan_would_call_it(connection):
    scan(connection, [track_of(A), track_of(B)])
    connection.execute("UPDATE tracks SET missing_since = now() WHERE path = '/music/Album/02.flac'")
    known = KnownFiles(Session.over(connection), full=False, retry_errors=False)
    comparison = Comparison(known, [Root(1, ROOT, 5, 5)])

    found = walk(A._replace(mtime_ns=9), B._replace(mtime_ns=9), C)
    kinds = {item.file.path: item.kind for item in comparison.walk(found) if isinstance(item, ToRead)}

    assert kinds == {A.path: "changed", B.path: "restored", C.path: "added"}
