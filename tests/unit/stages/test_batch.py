from __future__ import annotations

import pytest

from soniquescan.extensions import EXTRACTOR_VERSION
from soniquescan.messages import ErrorKind, NotAudio
from soniquescan.rows import names_of
from soniquescan.stages import batch as batch_stage
from soniquescan.stages.batch import batch
from soniquescan.stages.extract import pack
from tests.tracks import make_album, make_albumartist, make_credit, make_error, make_file, make_track, read_files


def batches_of(items, scan_id=1):
    """Return the batches of items that come from several workers, each of which has spelled for itself."""
    return list(batch(read_files(items), scan_id=scan_id))


def one_batch(*items):
    (only,) = batches_of(items, scan_id=7)
    return only


def test_nothing_gives_no_batch():
    assert batches_of([]) == []


def test_each_name_is_in_a_batch_once():
    people = (make_credit("ABBA"),)
    album = make_album(albumartists=(make_albumartist("ABBA"),))
    names = one_batch(*(make_track(f"/{n}", credits=people, genres=("Pop",), album=album) for n in range(3))).names
    assert [len(kind) for kind in names] == [1, 1, 1]


def test_each_batch_holds_all_that_its_tracks_refer_to(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 1)
    album = make_album(albumartists=(make_albumartist("Cher"),))
    tracks = [make_track(f"/{n}", artists=("ABBA",), genres=("Pop",), album=album) for n in range(3)]
    batches = batches_of(tracks)
    assert [each.tracks for each in batches] == [files.tracks for files in read_files(tracks)]
    assert [each.names for each in batches] == [names_of(each.tracks, each.names) for each in batches]
    assert [[len(kind) for kind in each.names] for each in batches] == [[1, 2, 1]] * 3


@pytest.mark.parametrize("together", [True, False])
def test_a_track_that_comes_twice_is_written_once(together):
    tracks = [make_track("/a"), make_track("/b"), make_track("/a")]
    lists = [pack(tracks)] if together else read_files(tracks)
    (only,) = batch(lists, scan_id=1)
    assert sorted(only.tracks.paths) == [b"/a", b"/b"]
    assert [len(column) for column in only.tracks] == [2] * 4


def test_numbers_of_64_bits_without_sign_fit_into_bigint():
    far_future = 15_000_000_000 * 10**9  # the year 2445 in nanoseconds: ext4 goes so far
    (row,) = one_batch(make_error(mtime_ns=far_future, ctime_ns=far_future)).file_errors
    assert (far_future - 2**64, far_future - 2**64) == (row.mtime_ns, row.ctime_ns)
    (row,) = one_batch(NotAudio(make_file(mtime_ns=far_future, ctime_ns=far_future))).other_files
    assert (far_future - 2**64, far_future - 2**64) == (row.mtime_ns, row.ctime_ns)


def test_a_batch_ends_at_its_number_of_tracks(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 2)
    batches = batches_of([make_track(f"/{n}") for n in range(5)])
    assert [len(each.tracks.paths) for each in batches] == [2, 2, 1]


def test_the_first_batches_are_smaller(monkeypatch):
    """So the database does not wait for many files to be read."""
    monkeypatch.setattr(batch_stage, "FIRST_TRACKS", 1)
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 3)
    batches = batches_of([make_track(f"/{n}") for n in range(8)])
    assert [len(each.tracks.paths) for each in batches] == [1, 2, 3, 2]


@pytest.mark.parametrize(
    "fields",
    [
        {"comment": "x" * 2_100},
        {"tags": {"a": ["x" * 2_100]}},
        {"genres": ("x" * 2_100,)},
        {"artists": ("x" * 2_100,)},
        {"album": make_album("x" * 2_100)},
        {"album": make_album(albumartists=(make_albumartist("x" * 2_100),))},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_batch_ends_at_its_amount_of_text(monkeypatch, fields):
    monkeypatch.setattr(batch_stage, "BATCH_BYTES", 2_000)
    batches = batches_of([make_track("/1", **fields), make_track("/2")])
    assert [len(each.tracks.paths) for each in batches] == [1, 1]


def test_the_errors_of_a_track_stay_in_its_batch(monkeypatch):
    """Else the first would end what a scan before has noted of them."""
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 1)
    errors = [make_error("/1", ErrorKind.TRUNCATED), make_error("/1", ErrorKind.MALFORMED_TAGS)]
    first, second = batches_of([make_track("/1"), *errors, make_error("/2")])
    assert [row.path for row in first.file_errors] == ["/1", "/1"]
    assert [row.path for row in second.file_errors] == ["/2"]


def test_a_batch_ends_when_it_has_waited_long_enough(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_S", 0.0)
    assert [each.tracks.paths for each in batches_of([make_track("/1"), make_track("/2")])] == [[b"/1"], [b"/2"]]


def test_errors_alone_end_a_batch_too(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 2)
    batches = batches_of([make_error(f"/{n}") for n in range(5)])
    assert [len(each.file_errors) for each in batches] == [2, 2, 1]


def test_an_error_has_the_stat_of_its_file_where_there_is_one():
    read = make_error("/1", size_bytes=1, mtime_ns=2, ctime_ns=3)
    walked = make_error("/2", stage="discover", size_bytes=None, mtime_ns=None, ctime_ns=None)
    rows = one_batch(read, walked).file_errors
    assert [row[5:] for row in rows] == [(1, 2, 3, EXTRACTOR_VERSION), (None, None, None, EXTRACTOR_VERSION)]


def test_what_is_no_audio_is_a_row_of_other_files():
    file = make_file(b"/\xff", size_bytes=1, mtime_ns=2, ctime_ns=3)
    rows = one_batch(NotAudio(file), NotAudio(file))
    assert rows.other_files == [("/\uf7ff", 1, 2, 3, EXTRACTOR_VERSION)]
    assert rows.tracks.paths == rows.file_errors == rows.recognised == []


def test_other_files_alone_end_a_batch_too(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_TRACKS", 2)
    batches = batches_of([NotAudio(make_file(f"/{n}")) for n in range(5)])
    assert [len(each.other_files) for each in batches] == [2, 2, 1]


def test_the_text_of_other_files_ends_a_batch_too(monkeypatch):
    monkeypatch.setattr(batch_stage, "BATCH_BYTES", 2_000)
    batches = batches_of([NotAudio(make_file(f"/{n}{'x' * 2_100}")) for n in range(2)])
    assert [len(each.other_files) for each in batches] == [1, 1]


def test_of_one_kind_a_file_has_one_error():
    rows = one_batch(make_error("/1", message="first"), make_error("/1", message="second"))
    assert [row.message for row in rows.file_errors] == ["first"]


def test_rows_name_their_scan():
    rows = one_batch(make_error())
    assert (rows.scan_id, [row.scan_id for row in rows.file_errors]) == (7, [7])
