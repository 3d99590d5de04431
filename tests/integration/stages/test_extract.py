"""Reading files that changed since they were found, over real files."""

from __future__ import annotations

import os

import pytest

from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import write
from soniquescan.messages import ErrorKind, FileError, FoundFile, NotAudio, Track
from soniquescan.stages.extract import extract, lost, weigh


def find(path):
    """Return a file as it is found, with its stat."""
    status = path.stat()
    stamps = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return FoundFile(os.fsencode(path), 1, *stamps, status.st_ino, status.st_dev, cover_path=None)


@pytest.fixture
def found(tmp_path):
    """A good file, as it was found."""
    write(tmp_path / "a.flac", FORMATS["flac"].render({"title": ["Title"], "comment": ["Comment"]}))
    os.utime(tmp_path / "a.flac", ns=(1_000, 2_000))  # so that each time is another
    return find(tmp_path / "a.flac")


def test_a_good_file_is_a_track_with_the_stat_it_was_found_with(found):
    (track,) = extract([found])
    assert isinstance(track, Track)
    assert track.file == found
    assert track.tags.title == "Title"


def test_errors_of_the_discovery_pass_through():
    error = FileError(b"/a", "discover", ErrorKind.IO_ERROR, "broken", None, None, None)
    assert list(extract([error])) == [error]


def test_a_file_that_vanished_is_an_error(found):
    os.unlink(found.path)
    (error,) = extract([found])
    stamps = (found.size_bytes, found.mtime_ns, found.ctime_ns)
    assert error == FileError(found.path, "extract", ErrorKind.NOT_FOUND, "No such file or directory", *stamps)


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


def test_a_file_whose_name_promises_nothing_is_read_if_its_content_is_audio(tmp_path):
    write(tmp_path / "audio", FORMATS["flac"].render({"title": ["Title"]}))
    (track,) = extract([find(tmp_path / "audio")])
    assert isinstance(track, Track)


@pytest.mark.parametrize("content", ["text", ""])
def test_a_file_whose_name_promises_nothing_and_whose_content_is_none_is_no_audio(tmp_path, content):
    (tmp_path / "text").write_text(content)
    file = find(tmp_path / "text")
    assert list(extract([file])) == [NotAudio(file)]


def test_what_is_no_audio_has_the_stat_of_what_was_opened(tmp_path):
    (tmp_path / "text").write_text("text")
    file = find(tmp_path / "text")
    (tmp_path / "text").write_text("another text")
    assert list(extract([file])) == [NotAudio(find(tmp_path / "text"))]


def test_a_name_that_promises_audio_makes_other_content_an_error(tmp_path):
    (tmp_path / "text.mp3").write_text("text")
    (error,) = extract([find(tmp_path / "text.mp3")])
    assert error.kind is ErrorKind.CORRUPT


def test_each_file_is_answered_in_its_turn(found, tmp_path):
    (tmp_path / "text").write_text("text")
    error = FileError(b"/a", "discover", ErrorKind.IO_ERROR, "broken", None, None, None)
    results = list(extract([error, find(tmp_path / "text"), found]))
    assert [FileError, NotAudio, Track] == [type(result) for result in results]


def test_a_file_whose_worker_was_lost_is_an_error_that_says_how(found):
    assert lost(found, "killed by SIGKILL").kind is ErrorKind.WORKER_DIED
    assert "killed by SIGKILL" in lost(found, "killed by SIGKILL").message
    assert lost(found, None).kind is ErrorKind.TIMEOUT
    assert lost(found, None)[4:] == (found.size_bytes, found.mtime_ns, found.ctime_ns)


def test_an_error_whose_worker_was_lost_is_that_error():
    error = FileError(b"/a", "discover", ErrorKind.IO_ERROR, "broken", None, None, None)
    assert lost(error, None) == error


def test_what_is_no_audio_weighs_nothing(found):
    assert weigh(NotAudio(found)) == 0


def test_a_long_text_weighs_what_it_holds(found, tmp_path):
    (track,) = extract([found])
    assert weigh(track) < 1500
    write(tmp_path / "long.flac", FORMATS["flac"].render({"comment": ["x" * 1_000_000]}))
    (long,) = extract([found._replace(path=os.fsencode(tmp_path / "long.flac"))])
    assert weigh(long) >= 1_000_000
