"""Reading files that changed since they were found, over real files."""

from __future__ import annotations

import os

import pytest

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import write
from soniquescan.messages import ErrorKind, FileError, Track
from soniquescan.stages.discover import Root, discover
from soniquescan.stages.extract import extract, lost, weigh


@pytest.fixture
def found(tmp_path):
    """A good file, as discovery found it."""
    write(tmp_path / "a.flac", FORMATS["flac"].render({"title": ["Title"], "comment": ["Comment"]}))
    (file,) = discover([Root(1, os.fsencode(tmp_path))])
    return file


def test_a_good_file_is_a_track_with_the_stat_it_was_found_with(found):
    (track,) = extract([found])
    assert isinstance(track, Track)
    assert track.file == found
    assert track.tags.title == "Title"


def test_errors_of_the_discovery_pass_through():
    error = FileError(b"/a", "discover", ErrorKind.IO_ERROR, "broken", None, None)
    assert list(extract([error])) == [error]


def test_a_file_that_vanished_is_an_error(found):
    os.unlink(found.path)
    (error,) = extract([found])
    assert error == FileError(
        found.path, "extract", ErrorKind.NOT_FOUND, "No such file or directory", found.size_bytes, found.mtime_ns
    )


def test_a_file_that_was_replaced_has_the_stat_of_what_was_read(found, tmp_path):
    write(tmp_path / "b.flac", FORMATS["flac"].render({"title": ["Other"], "comment": ["x" * 9000]}))
    os.replace(tmp_path / "b.flac", found.path)
    (track,) = extract([found])
    status = os.stat(found.path)
    assert track.tags.title == "Other"
    assert (track.file.size_bytes, track.file.inode) == (status.st_size, status.st_ino)
    assert track.file.inode != found.inode


def test_a_fifo_in_the_place_of_a_file_is_an_error_and_no_wait(found):
    os.unlink(found.path)
    os.mkfifo(found.path)
    (error,) = extract([found])
    assert error.kind is ErrorKind.NOT_A_REGULAR_FILE


def test_a_file_without_read_permission_is_an_error(found, tmp_path):
    os.chmod(found.path, 0)
    tmp_path.chmod(0o755)
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (error,) = extract([found])
    assert error.kind is ErrorKind.PERMISSION_DENIED


def test_a_name_that_promises_nothing_is_read_only_if_the_content_is_audio(tmp_path):
    write(tmp_path / "audio", FORMATS["flac"].render({"title": ["Title"]}))
    (tmp_path / "text").write_text("text")
    (tmp_path / "text.mp3").write_text("text")
    results = list(extract(discover([Root(1, os.fsencode(tmp_path))])))
    assert [(type(result), os.path.basename(result.file.path if isinstance(result, Track) else result.path))
            for result in results] == [(Track, b"audio"), (FileError, b"text.mp3")]  # fmt: skip


def test_a_file_whose_worker_was_lost_is_an_error_that_says_how(found):
    assert lost(found, "killed by SIGKILL").kind is ErrorKind.WORKER_DIED
    assert "killed by SIGKILL" in lost(found, "killed by SIGKILL").message
    assert lost(found, None).kind is ErrorKind.TIMEOUT


def test_a_long_text_weighs_what_it_holds(found, tmp_path):
    (track,) = extract([found])
    assert weigh(track) < 100
    write(tmp_path / "long.flac", FORMATS["flac"].render({"comment": ["x" * 1_000_000]}))
    (long,) = extract([found._replace(path=os.fsencode(tmp_path / "long.flac"))])
    assert weigh(long) >= 1_000_000
