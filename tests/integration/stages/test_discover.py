"""The walk, over real folders, links, FIFOs, sockets and devices."""

from __future__ import annotations

import os
import socket
import stat
import unicodedata

import pytest

from soniquescan.messages import ErrorKind, FileError, FoundFile
from soniquescan.stages.discover import Root, discover


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


def walk(*folders):
    return list(discover([Root(number, os.fsencode(folder)) for number, folder in enumerate(folders, 1)]))


def names(items, folder):
    return [os.fsdecode(item.path).removeprefix(f"{folder}/") for item in items]


def test_a_file_is_found_with_its_stat(music):
    make(music, "a.mp3")
    status = (music / "a.mp3").stat()
    expected = FoundFile(
        path=os.fsencode(music / "a.mp3"),
        root_id=1,
        size_bytes=1,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
        device=status.st_dev,
        cover_path=None,
    )
    assert [expected] == walk(music)


def test_files_come_in_the_order_of_their_names_a_folders_own_before_its_subfolders(music):
    make(music, "b/2.mp3", "b/1.mp3", "a/z/1.mp3", "a/1.mp3", "c.mp3", "B/1.mp3")
    expected = ["c.mp3", "B/1.mp3", "a/1.mp3", "a/z/1.mp3", "b/1.mp3", "b/2.mp3"]
    assert expected == names(walk(music), music)


def test_hidden_and_system_folders_and_dot_files_are_skipped(music):
    make(music, ".hidden/a.mp3", "@eaDir/a.mp3", "#recycle/a.mp3", "$RECYCLE.BIN/a.mp3", "lost+found/a.mp3")
    make(music, "System Volume Information/a.mp3", "._a.mp3", "sub/.b.mp3", "sub/@eaDir/c.mp3", "a.mp3")
    assert names(walk(music), music) == ["a.mp3"]


def test_companion_files_are_not_found_but_unknown_names_are(music):
    make(music, "a.jpg", "a.cue", "a.log", "a.m3u8", "A.NFO", "a.mp3", "b.MP3", "no_extension", "c.unknown")
    assert names(walk(music), music) == ["a.mp3", "b.MP3", "c.unknown", "no_extension"]


def test_a_name_that_is_not_utf8_is_found_as_its_bytes(music):
    name = os.fsencode(music) + b"/\xff\xfe.mp3"
    with open(name, "wb"):
        pass
    assert [item.path for item in walk(music)] == [name]


def test_names_in_nfc_and_nfd_are_two_files(music):
    make(music, unicodedata.normalize("NFC", "é.mp3"), unicodedata.normalize("NFD", "é.mp3"))
    assert len(walk(music)) == 2


@pytest.mark.parametrize(
    ("present", "expected"),
    [
        (["front.png", "folder.jpg", "cover.webp"], "cover.webp"),
        (["Folder.JPG", "front.jpg"], "Folder.JPG"),
        (["cover.png", "cover.jpg"], "cover.jpg"),
        (["back.jpg", "cover.gif"], None),
    ],
)
def test_the_cover_beside_a_file_is_the_best_of_its_folder(music, present, expected):
    make(music, "a.mp3", *present, "sub/b.mp3")
    by_name = {os.path.basename(item.path): item.cover_path for item in walk(music)}
    assert by_name[b"a.mp3"] == (os.fsencode(music / expected) if expected else None)
    assert by_name[b"b.mp3"] is None


def test_links_to_files_and_folders_are_followed(music, tmp_path):
    make(tmp_path, "elsewhere/a.mp3", "single.mp3")
    (music / "folder").symlink_to(tmp_path / "elsewhere")
    (music / "file.mp3").symlink_to(tmp_path / "single.mp3")
    items = walk(music)
    assert names(items, music) == ["file.mp3", "folder/a.mp3"]
    assert items[0].inode == (tmp_path / "single.mp3").stat().st_ino


def test_loops_of_links_end_and_each_folder_is_entered_once(music):
    make(music, "a/1.mp3", "b/2.mp3")
    (music / "a" / "up").symlink_to(music)
    (music / "a" / "other").symlink_to(music / "b")
    (music / "b" / "self").symlink_to(music / "b")
    assert names(walk(music), music) == ["a/1.mp3", "a/other/2.mp3"]


def test_a_root_inside_another_adds_nothing_twice(music):
    make(music, "a/1.mp3", "b/2.mp3")
    assert names(walk(music, music / "a"), music) == ["a/1.mp3", "b/2.mp3"]


def test_a_dangling_link_and_a_link_to_itself_are_errors(music):
    (music / "dangling.mp3").symlink_to(music / "nothing")
    (music / "loop.mp3").symlink_to(music / "loop.mp3")
    errors = walk(music)
    assert [(error.kind, os.path.basename(error.path)) for error in errors] == [
        (ErrorKind.DANGLING_LINK, b"dangling.mp3"),
        (ErrorKind.LINK_LOOP, b"loop.mp3"),
    ]


def test_what_is_no_regular_file_is_an_error_if_it_is_named_as_audio(music, monkeypatch):
    os.mkfifo(music / "fifo.mp3")
    os.mkfifo(music / "fifo")
    monkeypatch.chdir(music)  # a socket's address must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.mp3")
        errors = walk(music)
    assert {error.kind for error in errors} == {ErrorKind.NOT_A_REGULAR_FILE}
    assert [(os.path.basename(error.path), error.message) for error in errors] == [
        (b"fifo.mp3", "not a regular file but a FIFO; it was not opened"),
        (b"socket.mp3", "not a regular file but a socket; it was not opened"),
    ]


def test_a_device_named_as_audio_is_an_error(music):
    try:
        os.mknod(music / "null.mp3", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root makes device nodes")
    assert [error.kind for error in walk(music)] == [ErrorKind.NOT_A_REGULAR_FILE]


def test_a_folder_that_cannot_be_read_is_an_error_and_the_walk_goes_on(music):
    make(music, "a/1.mp3", "b/2.mp3")
    (music / "a").chmod(0)
    try:
        with as_ordinary_user(music):
            items = walk(music)
    finally:
        (music / "a").chmod(0o755)
    assert [type(item) for item in items] == [FileError, FoundFile]
    assert items[0].kind is ErrorKind.PERMISSION_DENIED
    assert items[0].path == os.fsencode(music / "a")


class as_ordinary_user:  # noqa: N801
    """Root may read everything: inside the `with`, be somebody else."""

    def __init__(self, folder):
        for parent in (folder, *folder.parents):
            if parent.stat().st_uid == os.geteuid() and len(parent.parts) > 2:
                parent.chmod(0o755)

    def __enter__(self):
        self.uid = os.geteuid()
        if self.uid == 0:
            os.seteuid(65534)

    def __exit__(self, *_):
        os.seteuid(self.uid)


def test_a_root_that_is_gone_is_an_error(tmp_path):
    assert [item.kind for item in walk(tmp_path / "gone")] == [ErrorKind.NOT_FOUND]
