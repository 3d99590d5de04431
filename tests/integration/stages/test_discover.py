"""The walk, over real folders, links, FIFOs, sockets and devices."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import unicodedata
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soniquescan import ignore
from soniquescan.extensions import COMPANION_EXTENSIONS
from soniquescan.messages import ErrorKind, FileError, FoundFolder
from soniquescan.stages.discover import SYSTEM_FOLDERS, Root, discover
from soniquescan.text import unspell_name

MEMORY = Path("/dev/shm")  # nearly always another device than that of temporary files


class File(NamedTuple):
    """A line of a `FoundFolder`, taken apart."""

    path: bytes
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int
    cover_path: bytes | None


@pytest.fixture
def music(tmp_path):
    folder = tmp_path / "music"
    folder.mkdir()
    return folder


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def walk(*folders, exclude=()):
    roots = [Root(number, os.fsencode(folder)) for number, folder in enumerate(folders, 1)]
    return list(discover(roots, exclude=exclude))


def files(items):
    """The files of all folders, in the order in which they come."""
    return [file for item in items if isinstance(item, FoundFolder) for file in files_of(item)]


def files_of(folder):
    lines = folder.lines.split(b"\n") if folder.lines else []
    assert len(lines) == folder.files
    return [file_of(folder, line) for line in lines]


def file_of(folder, line):
    name, size_bytes, mtime_ns, ctime_ns, inode, cover = line.split(b"\t")
    number, _, device = inode.partition(b"@")
    assert unspell_name(cover) == os.path.basename(folder.cover_path or b"")
    return File(
        os.path.join(folder.path, unspell_name(name)),
        int(size_bytes),
        int(mtime_ns),
        int(ctime_ns),
        int(number),
        int(device or folder.device),
        folder.cover_path,
    )


def errors(items):
    return [item for item in items if isinstance(item, FileError)]


def folders(items):
    return [item for item in items if isinstance(item, FoundFolder)]


def names(items, folder):
    return [os.fsdecode(item.path).removeprefix(f"{folder}/") for item in items]


def test_a_folder_is_found_with_its_files_and_their_stat(music):
    make(music, "a.mp3", "b.flac")
    a, b = ((music / name).stat() for name in ("a.mp3", "b.flac"))
    expected = FoundFolder(
        path=os.fsencode(music),
        root_id=1,
        device=music.stat().st_dev,
        cover_path=None,
        files=2,
        lines=(
            f"a.mp3\t1\t{a.st_mtime_ns}\t{a.st_ctime_ns}\t{a.st_ino}\t\n"
            f"b.flac\t1\t{b.st_mtime_ns}\t{b.st_ctime_ns}\t{b.st_ino}\t"
        ).encode(),
        excluded=(),
    )
    assert walk(music) == [expected]


def test_files_come_in_the_order_of_their_names_a_folders_own_before_its_subfolders(music):
    make(music, "b/2.mp3", "b/1.mp3", "a/z/1.mp3", "a/1.mp3", "c.mp3", "B/1.mp3")
    expected = ["c.mp3", "B/1.mp3", "a/1.mp3", "a/z/1.mp3", "b/1.mp3", "b/2.mp3"]
    assert expected == names(files(walk(music)), music)


def test_names_are_in_the_order_of_their_bytes_however_they_are_spelled(music):
    raw = [b"a", b"a\x01", b"a\t", b"a ", b"a\\", b"a\xc3\xa9", b"a\xef\x9e\x80", b"a\xff", b"a\xf0\x9f\x8e\xb5"]
    for name in raw:
        Path(os.fsdecode(os.path.join(os.fsencode(music), name))).touch()
    assert [os.path.basename(file.path) for file in files(walk(music))] == sorted(raw)


def test_a_folder_without_files_is_found_too(music):
    make(music, "a/b/c.jpg")
    assert [(item.path, item.files, item.lines) for item in walk(music)] == [
        (os.fsencode(music / folder), 0, b"") for folder in ("", "a", "a/b")
    ]


def test_hidden_and_system_folders_and_dot_files_are_skipped(music):
    make(music, ".hidden/a.mp3", "@eaDir/a.mp3", "#recycle/a.mp3", "$RECYCLE.BIN/a.mp3", "lost+found/a.mp3")
    make(music, "System Volume Information/a.mp3", "._a.mp3", "sub/.b.mp3", "sub/@eaDir/c.mp3", "a.mp3")
    assert names(files(walk(music)), music) == ["a.mp3"]


def test_companion_files_are_not_found_but_unknown_names_are(music):
    make(
        music, "a.jpg", "a.cue", "a.log", "a.m3u8", "A.NFO", "a.mp3", "b.MP3", "no_extension", "c.unknown", "jpg", "mp3"
    )
    expected = ["a.mp3", "b.MP3", "c.unknown", "jpg", "mp3", "no_extension"]
    assert names(files(walk(music)), music) == expected


def test_folders_are_folders_whatever_their_names(music):
    make(music, "a.mp3/b.flac/c.jpg/cover.jpg/1.mp3")
    found = walk(music)
    assert names(files(found), music) == ["a.mp3/b.flac/c.jpg/cover.jpg/1.mp3"]
    assert {item.cover_path for item in found} == {None}


@pytest.mark.parametrize("name", [b"\xff\xfe.mp3", b"a\tb\nc\\.mp3", "\uf780.mp3".encode(), b"\xc3.mp3", b"\xa9.mp3"])
def test_a_name_that_needs_another_spelling_is_found_as_its_bytes(music, name):
    path = os.path.join(os.fsencode(music), name)
    with open(path, "wb"):
        pass
    make(music, "b.mp3")
    assert [file.path for file in files(walk(music))] == sorted([path, os.fsencode(music / "b.mp3")])


# As many as a folder may hold, with what a line of text would stumble over.
raw_names = st.lists(
    st.one_of(
        st.binary(min_size=1, max_size=6),
        st.sampled_from(
            [b"\t", b"\n", b"\\", b"\\N", b"\x01", b"\xc3", b"\xa9", b"\xef\x9e\x80", b".mp3", b".FLAC", b"e"]
        ),
    ),
    min_size=1,
    max_size=5,
).map(lambda parts: b"".join(parts).replace(b"\0", b"0").replace(b"/", b"\t"))


def has_no_meaning(name):
    is_companion = os.path.splitext(name)[1].lower() in COMPANION_EXTENSIONS
    return name.strip(b".") and not is_companion and name != ignore.FILE_NAME and name not in SYSTEM_FOLDERS


@settings(max_examples=50)
@given(st.dictionaries(raw_names.filter(has_no_meaning), st.sampled_from(["file", "folder", "link"])), st.booleans())
def test_lines_say_what_the_file_system_says_whatever_the_names(entries, has_cover):
    with tempfile.TemporaryDirectory() as folder:
        top = os.fsencode(folder)
        if has_cover:
            make(Path(folder), "Cover.JPG")
        for name, kind in entries.items():
            path = os.path.join(top, name)
            if kind == "folder":
                os.mkdir(path)
                path += b"/x"
            if kind == "link":
                os.symlink(sys.executable, path)
            else:
                with open(path, "wb") as file:
                    file.write(name)
        found = walk(folder)
        covers = {top: found[0].cover_path}
        assert files(found) == [file_at(path, covers.get(os.path.dirname(path))) for path in paths_below(top)]
        assert found[0].cover_path == (os.path.join(top, b"Cover.JPG") if has_cover else None)
        assert not errors(found)


def paths_below(top):
    """The paths of all files that are to be found, in order; they are two deep at most."""
    visible = sorted(name for name in os.listdir(top) if not name.startswith(b".") and name != b"Cover.JPG")
    paths = [os.path.join(top, name) for name in visible]
    return [path for path in paths if not os.path.isdir(path)] + [path + b"/x" for path in paths if os.path.isdir(path)]


def file_at(path, cover_path):
    status = os.stat(path)
    return File(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev, cover_path)


def test_names_in_nfc_and_nfd_are_two_files(music):
    make(music, unicodedata.normalize("NFC", "é.mp3"), unicodedata.normalize("NFD", "é.mp3"))
    assert len(files(walk(music))) == 2


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (["front.png", "folder.jpg", "cover.webp"], "cover.webp"),
        (["Folder.JPG", "front.jpg"], "Folder.JPG"),
        (["cover.png", "cover.jpg"], "cover.jpg"),
        (["cover.jpg", "Cover.jpg"], "Cover.jpg"),
        (["back.jpg", "cover.gif"], None),
    ],
)
def test_the_cover_beside_a_file_is_the_best_of_its_folder(music, present, expected):
    make(music, "a.mp3", *present, "sub/b.mp3")
    by_name = {os.path.basename(file.path): file.cover_path for file in files(walk(music))}
    assert by_name[b"a.mp3"] == (os.fsencode(music / expected) if expected else None)
    assert by_name[b"b.mp3"] is None


def test_links_to_files_and_folders_are_followed(music, tmp_path):
    make(tmp_path, "elsewhere/a.mp3", "single.mp3")
    (music / "folder").symlink_to(tmp_path / "elsewhere")
    (music / "file.mp3").symlink_to(tmp_path / "single.mp3")
    found = files(walk(music))
    assert names(found, music) == ["file.mp3", "folder/a.mp3"]
    assert found[0].inode == (tmp_path / "single.mp3").stat().st_ino


@pytest.fixture
def elsewhere(tmp_path):
    """A folder on another device."""
    if not MEMORY.is_dir() or MEMORY.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip(f"{MEMORY} is no other device")
    folder = Path(tempfile.mkdtemp(dir=MEMORY))
    yield folder
    shutil.rmtree(folder)


def test_a_file_on_another_device_than_its_folder_has_the_device_in_its_line(music, elsewhere):
    make(elsewhere, "a.mp3", "folder/b.mp3")
    make(music, "c.mp3")
    (music / "a.mp3").symlink_to(elsewhere / "a.mp3")
    (music / "folder").symlink_to(elsewhere / "folder")
    top, below = walk(music)
    status = (elsewhere / "a.mp3").stat()
    first, second = top.lines.split(b"\n")
    assert first.split(b"\t")[4] == b"%d@%d" % (status.st_ino, status.st_dev)
    assert b"@" not in second
    assert (top.device, below.device) == (music.stat().st_dev, status.st_dev)
    assert b"@" not in below.lines


def test_hard_links_are_files_each(music):
    make(music, "a.mp3")
    (music / "b.mp3").hardlink_to(music / "a.mp3")
    first, second = files(walk(music))
    assert first.inode == second.inode


def test_loops_of_links_end_and_each_folder_is_entered_once(music):
    make(music, "a/1.mp3", "b/2.mp3")
    (music / "a" / "up").symlink_to(music)
    (music / "a" / "other").symlink_to(music / "b")
    (music / "b" / "self").symlink_to(music / "b")
    found = walk(music)
    assert names(files(found), music) == ["a/1.mp3", "a/other/2.mp3"]
    assert names(found[1:], music) == ["a", "a/other"]


def test_a_root_inside_another_adds_nothing_twice(music):
    make(music, "a/1.mp3", "b/2.mp3")
    found = walk(music, music / "a")
    assert names(files(found), music) == ["a/1.mp3", "b/2.mp3"]
    assert {item.root_id for item in found} == {1}


def test_folders_belong_to_their_roots(music):
    make(music, "a/1.mp3", "b/2.mp3")
    assert [item.root_id for item in walk(music / "b", music / "a")] == [1, 2]


def test_a_dangling_link_and_a_link_to_itself_are_errors_that_come_before_their_folder(music):
    make(music, "a.mp3")
    (music / "dangling.mp3").symlink_to(music / "nothing")
    (music / "loop.mp3").symlink_to(music / "loop.mp3")
    (music / "no_extension").symlink_to(music / "nothing")
    (music / "cover.jpg").symlink_to(music / "nothing")
    *found, folder = walk(music)
    assert [(error.kind, os.path.basename(error.path)) for error in found] == [
        (ErrorKind.DANGLING_LINK, b"dangling.mp3"),
        (ErrorKind.LINK_LOOP, b"loop.mp3"),
        (ErrorKind.DANGLING_LINK, b"no_extension"),
    ]
    assert folder.files == 1


def test_what_is_no_regular_file_is_an_error_if_it_is_named_as_audio(music, monkeypatch):
    os.mkfifo(music / "fifo.mp3")
    os.mkfifo(music / "fifo")
    os.mkfifo(music / "mp3")
    (music / "link.FLAC").symlink_to(music / "fifo")
    monkeypatch.chdir(music)  # a socket's address must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.mp3")
        *found, folder = walk(music)
    assert {error.kind for error in found} == {ErrorKind.NOT_A_REGULAR_FILE}
    assert [(os.path.basename(error.path), error.message) for error in found] == [
        (b"fifo.mp3", "not a regular file but a FIFO; it was not opened"),
        (b"link.FLAC", "not a regular file but a FIFO; it was not opened"),
        (b"socket.mp3", "not a regular file but a socket; it was not opened"),
    ]
    assert folder.files == 0


def test_a_device_named_as_audio_is_an_error(music):
    try:
        os.mknod(music / "null.mp3", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes device nodes")
    assert [error.kind for error in errors(walk(music))] == [ErrorKind.NOT_A_REGULAR_FILE]


def test_a_folder_that_cannot_be_read_is_an_error_only_and_the_walk_goes_on(music):
    make(music, "a/1.mp3", "b/2.mp3")
    (music / "a").chmod(0)
    found = walk_as_ordinary_user(music)
    (music / "a").chmod(0o755)
    assert [type(item) for item in found] == [FoundFolder, FileError, FoundFolder]
    assert found[1].kind is ErrorKind.PERMISSION_DENIED
    assert found[1].path == os.fsencode(music / "a")
    assert found[1].stage == "discover"
    assert names(files(found), music) == ["b/2.mp3"]


def test_a_folder_that_can_be_listed_only_has_an_error_for_each_entry(music):
    make(music, "a/1.mp3", "a/unknown", "a/b/2.mp3", "a/cover.jpg")
    (music / "a").chmod(0o444)
    found = walk_as_ordinary_user(music)
    (music / "a").chmod(0o755)
    assert names(errors(found), music) == ["a/1.mp3", "a/unknown", "a/b"]
    assert {error.kind for error in errors(found)} == {ErrorKind.PERMISSION_DENIED}
    assert names(folders(found), music) == [os.fspath(music), "a"]


def walk_as_ordinary_user(folder):
    """Root may read everything: be somebody else."""
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and len(parent.parts) > 2:
            parent.chmod(0o755)
    uid = os.geteuid()
    if uid == 0:
        os.seteuid(65534)
    try:
        return walk(folder)
    finally:
        os.seteuid(uid)


def test_a_root_that_is_gone_is_an_error(tmp_path):
    assert [item.kind for item in walk(tmp_path / "gone")] == [ErrorKind.NOT_FOUND]


@pytest.fixture
def failing_disk(monkeypatch):
    """A function that makes the listing of a folder break off after some entries, as it does when a disk fails."""

    def fail(folder, entries_before):
        def scandir(path):
            iterator = original(path)
            return broken(iterator) if path == os.fsencode(folder) else iterator

        def broken(iterator):
            with iterator:
                for _ in range(entries_before):
                    yield next(iterator)
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        original = os.scandir
        monkeypatch.setattr(os, "scandir", scandir)

    return fail


def test_what_was_listed_before_the_listing_broke_off_counts(music, failing_disk):
    make(music, "a/1.mp3", "a/2.mp3", "a/3.mp3", "b/4.mp3")
    failing_disk(music / "a", 2)
    found = walk(music)
    assert [type(item) for item in found] == [FoundFolder, FileError, FoundFolder, FoundFolder]
    assert (found[1].path, found[1].kind) == (os.fsencode(music / "a"), ErrorKind.IO_ERROR)
    assert [item.files for item in folders(found)] == [0, 2, 1]


def test_patterns_count_though_the_listing_broke_off_before_them(music, failing_disk):
    make(music, "1.mp3", "2.mp3")
    (music / ".soniqueignore").write_text("*.mp3")
    failing_disk(music, 0)
    assert [type(item) for item in walk(music)] == [FileError, FoundFolder]
    (music / ".soniqueignore").write_text("[")
    assert names(walk(music), music) == [".soniqueignore", os.fspath(music)]


def test_patterns_leave_files_and_folders_out_and_say_so(music):
    make(music, "1.mp3", "2.mp3", "2.ogg", "2.jpg", ".2.mp3", "a/live/3.mp3", "a/4.mp3", "b/live", "a/@eaDir/1.mp3")
    (music / "2.unknown").symlink_to(music / "nothing")
    (music / ".soniqueignore").write_text("2.*\nlive/\n@eaDir\n.*")
    found = walk(music)
    assert names(files(found), music) == ["1.mp3", "a/4.mp3", "b/live"]
    assert [item.excluded for item in found] == [(b"2.mp3", b"2.ogg", b"2.unknown"), (b"live",), ()]


def test_patterns_hold_in_their_folder_and_below(music):
    make(music, "a/1.mp3", "a/b/1.mp3", "c/1.mp3")
    (music / "a" / ".soniqueignore").write_text("1.mp3")
    assert names(files(walk(music)), music) == ["c/1.mp3"]
    assert names(files(walk(music / "a" / "b")), music) == []


def test_exclude_is_relative_to_each_root_and_decides_before_files(music):
    make(music, "a/1.mp3", "a/2.mp3", "b/1.mp3", "b/c/1.mp3")
    (music / "a" / ".soniqueignore").write_text("!1.mp3\n2.mp3")
    found = walk(music / "a", music / "b", exclude=["/1.mp3", "!2.mp3"])
    assert names(files(found), music) == ["a/2.mp3", "b/c/1.mp3"]
    assert [item.excluded for item in found] == [(b"1.mp3",), (b"1.mp3",), ()]


def test_a_picture_that_is_left_out_is_a_cover_all_the_same(music):
    make(music, "1.mp3", "cover.jpg")
    (music / ".soniqueignore").write_text("*.jpg")
    (found,) = walk(music)
    assert (found.cover_path, found.excluded) == (os.fsencode(music / "cover.jpg"), ())
    assert found.lines.endswith(b"\tcover.jpg")


def test_names_that_need_another_spelling_are_left_out_by_their_own(music):
    make(music, "a\tb.mp3", "\udcff.mp3", "c.mp3")
    (found,) = walk(music, exclude=["a?b.*", os.fsdecode(b"\xff*")])
    assert found.excluded == (b"a\tb.mp3", b"\xff.mp3")
    assert names(files_of(found), music) == ["c.mp3"]


def test_a_link_to_a_folder_is_left_out_as_a_folder(music, tmp_path):
    make(tmp_path, "elsewhere/1.mp3")
    (music / "live").symlink_to(tmp_path / "elsewhere")
    (found,) = walk(music, exclude=["live/"])
    assert found.excluded == (b"live",)


def test_nothing_is_walked_where_nobody_knows_what_to_leave_out(music):
    make(music, "a/1.mp3", "a/b/2.mp3", "c/3.mp3")
    (music / "a" / ".soniqueignore").write_text("fine\n[bad")
    found = walk(music)
    assert names(found[1:], music) == ["a/.soniqueignore", "a", "c"]
    assert [error.kind for error in errors(found)] == [ErrorKind.BAD_PATTERN] * 2
    assert errors(found)[0].message == "line 2 is no pattern: a bracket is not closed: '[bad'"
    assert "a/.soniqueignore: line 2" in errors(found)[1].message


def test_a_file_of_patterns_that_cannot_be_read_keeps_the_walk_out(music):
    make(music, "1.mp3", "a/2.mp3")
    (music / ".soniqueignore").touch(mode=0)
    found = walk_as_ordinary_user(music)
    assert [type(item) for item in found] == [FileError] * 2
    assert {error.kind for error in found} == {ErrorKind.PERMISSION_DENIED}
    assert [error.path for error in found] == [os.fsencode(music / ".soniqueignore"), os.fsencode(music)]


def test_what_is_wrong_above_a_root_is_told_of_the_root(music):
    make(music, "a/1.mp3")
    (music / ".soniqueignore").write_text("[bad")
    (error,) = walk(music / "a")
    assert (error.path, error.kind) == (os.fsencode(music / "a"), ErrorKind.BAD_PATTERN)
    assert "music/.soniqueignore: line 1" in error.message


def test_the_walk_needs_nothing_that_takes_long_to_import(music):
    program = (
        "import os, sys; from soniquescan.stages.discover import Root, discover;"
        "assert list(discover([Root(1, os.fsencode(sys.argv[1]))]));"
        "assert not {'mutagen', 'psycopg', 'rich', 'pathspec'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program, music], check=True)
