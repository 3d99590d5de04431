from __future__ import annotations

import os

import pytest

from soniquescan.openfiles import OpenFiles
from tests.tracks import make_file


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(b"content" * 10_000)
    return make_file(os.fsencode(path), size_bytes=70_000)


def descriptors():
    return set(os.listdir("/proc/self/fd"))


def read_and_close(fd):
    try:
        return os.pread(fd, 7, 0)
    finally:
        os.close(fd)


def test_a_file_is_the_one_that_was_opened_ahead(file):
    """Whatever has taken its place since then: its stat is taken from what was opened."""
    files = OpenFiles()
    files.open_ahead(file)
    os.unlink(file.path)
    assert read_and_close(files.take(file.path)) == b"content"


def test_a_file_that_was_not_opened_ahead_is_opened(file):
    assert read_and_close(OpenFiles().take(file.path)) == b"content"


def test_each_descriptor_is_given_once(file):
    files = OpenFiles()
    before = descriptors()
    files.open_ahead(file)
    os.close(files.take(file.path))
    assert before == descriptors()
    os.close(files.take(file.path))
    assert before == descriptors()


def test_what_is_wrong_with_a_file_shows_when_it_is_taken(file):
    files = OpenFiles()
    os.unlink(file.path)
    files.open_ahead(file)
    with pytest.raises(FileNotFoundError):
        files.take(file.path)


def test_a_fifo_is_no_wait(file):
    files = OpenFiles()
    os.unlink(file.path)
    os.mkfifo(file.path)
    files.open_ahead(file)
    os.close(files.take(file.path))
