from __future__ import annotations

import os
import stat

import pytest

from benchmarks.library.hostile import write_hostile
from soniquescan.messages import ErrorKind


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library") / "hostile"
    yield {os.fsencode(file.path.relative_to(folder)): file for file in write_hostile(folder)}
    (folder / "unreadable").chmod(0o755)  # so that it can be removed


def mode(file):
    return stat.S_IFMT(file.path.lstat().st_mode)


def test_every_kind_of_node_is_there(hostile):
    assert mode(hostile[b"fifo.mp3"]) == stat.S_IFIFO
    assert mode(hostile[b"socket.mp3"]) == stat.S_IFSOCK
    assert mode(hostile[b"links/dangling.mp3"]) == stat.S_IFLNK
    assert not hostile[b"links/dangling.mp3"].path.exists()
    assert mode(hostile[b"unreadable.mp3"]) == stat.S_IFREG
    assert hostile[b"unreadable.mp3"].path.stat().st_mode & 0o777 == 0


def test_names_that_are_not_utf_8_reach_the_disk_as_they_are(hostile):
    assert hostile[b"not utf-8 \xe9\xff.mp3"].path.is_file()


def test_composed_and_decomposed_names_stay_two_files(hostile):
    assert {b"composed \xc3\xa9.mp3", b"composed e\xcc\x81.mp3"} <= set(hostile)


def test_the_files_cost_little_on_disk(hostile):
    reachable = [file.path for file in hostile.values() if os.path.lexists(file.path)]  # not all, but for root
    assert sum(path.lstat().st_blocks * 512 for path in reachable) < 20_000_000


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make device nodes")
def test_the_device_gives_bytes_without_end(hostile):
    assert mode(hostile[b"device.mp3"]) == stat.S_IFCHR


def test_every_error_kind_that_a_file_at_rest_can_have_is_provoked(hostile):
    provoked = {kind for file in hostile.values() for kind in file.outcome.kinds}
    at_rest = set(ErrorKind) - {
        ErrorKind.NOT_FOUND,
        ErrorKind.IO_ERROR,
        ErrorKind.TIMEOUT,
        ErrorKind.WORKER_DIED,
        ErrorKind.TOO_LARGE,
        ErrorKind.INTERNAL,
        ErrorKind.BAD_PATTERN,  # is no audio file's, and keeps a whole folder from being looked at
    }
    as_root = {ErrorKind.PERMISSION_DENIED} if os.geteuid() == 0 else set()
    assert provoked == at_rest - as_root
