"""What the benchmarks are made of, each part by itself."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from benchmarks import bench_latency, bench_mpd
from benchmarks.commands import run
from benchmarks.library.generate import generate
from benchmarks.measured import Case, CaseError, Kind, Measured
from benchmarks.place import Recipe, prepare
from benchmarks.runner import run_rounds
from benchmarks.sharing import read_all
from soniquescan.extensions import AUDIO_EXTENSIONS

MEGABYTES = 20


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    generate(folder, files=60, seed=3)
    return folder


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


@pytest.mark.parametrize("processes", [1, 3])
def test_every_audio_file_is_read_once_however_deep_it_lies(processes, tmp_path):
    names = ["0.mp3", *(f"{one}/{two}/{two}.flac" for one in "abc" for two in "def"), "a/b/c/d/e/f.OGG", "x.mp3/y.mp3"]
    make(tmp_path, *names, "a/cover.jpg", ".hidden.mp3", ".hidden/z.mp3")
    folder, log = os.fsencode(tmp_path), os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    done = read_all(folder, processes, lambda path: (1, os.write(log, path + b"\n")))
    os.close(log)
    read = (tmp_path / "log").read_text().splitlines()
    assert sorted(read) == sorted(str(tmp_path / name) for name in names)
    assert (done.files, done.reads) == (len(names), len(names))


def test_what_a_command_uses_is_seen():
    script = f"""
import os, time
memory = bytearray(os.pread(os.open("/dev/zero", 0), {MEGABYTES} << 20, 0))
end_s = time.process_time() + 0.5
while time.process_time() < end_s:
    pass
"""
    ran = run((sys.executable, "-c", script))
    assert ran.usage.read_bytes > MEGABYTES << 20
    assert ran.usage.peak_bytes > MEGABYTES << 20
    assert ran.usage.cpu_share > 0.05
    assert ran.elapsed_s > 0.5


def test_a_command_that_fails_says_in_one_line_why():
    with pytest.raises(CaseError, match=r"ended with code 1: no\s+such\s+disk"):
        run((sys.executable, "-c", "import sys; sys.exit('no\\nsuch disk')"))


def test_a_case_that_fails_is_left_out_from_then_on_and_the_others_go_on():
    calls = []

    def fail():
        calls.append("failed")
        raise CaseError("in vain")

    cases = [
        Case("bad", fail),
        Case("absent", fail, "not installed"),
        Case("good", lambda: [Measured("good", Kind.SCAN, 1.0)]),
    ]
    results = run_rounds(cases, rounds=2, files=1, before=lambda: calls.append("before"))
    assert results.skipped == {"bad": "in vain", "absent": "not installed"}
    assert [one.name for one in results.measured] == ["good", "good"]
    assert calls == ["before", "failed", "before", "before"]


def test_copies_are_hard_links(tmp_path):
    library = prepare(tmp_path / "library", Recipe(files=5, seed=1, copies=3))
    inodes = [path.stat().st_ino for path in library.folder.rglob("*.*") if path.suffix not in (".jpg", ".json")]
    assert library.files == len(inodes) == 15
    assert len(set(inodes)) == 5


def test_a_library_whose_making_was_interrupted_is_made_to_its_end(tmp_path):
    recipe = Recipe(files=8, seed=1)
    whole = prepare(tmp_path / "library", recipe)
    note = whole.folder / ".soniquescan-benchmarks.json"
    note.write_text(note.read_text().replace("true", "false"))
    next(path for path in whole.folder.rglob("*.*") if os.fsencode(path.suffix) in AUDIO_EXTENSIONS).unlink()
    assert prepare(whole.folder, recipe).files == 8


def test_io_uring_is_refused():
    script = "import ctypes; ctypes.CDLL(None, use_errno=True).syscall(425, 1, None); print(ctypes.get_errno())"
    line = [sys.executable, "-m", "benchmarks.plainreads", sys.executable, "-c", script]
    assert int(subprocess.run(line, capture_output=True, check=True).stdout) == errno.ENOSYS


def test_mpd_updates_its_database(library):
    (case,) = bench_mpd.cases(library, sparse=True)
    if case.missing:
        pytest.skip(case.missing)
    first, second = case.run()
    assert (first.kind, second.kind) == (Kind.PEER, Kind.PEER_RESCAN)
    assert first.usage.read_bytes > second.usage.read_bytes
    assert bench_mpd.WHY_UNFAIR in first.notes


def test_the_slow_file_system_shows_the_folder_and_its_calls_overlap(library):
    if why := bench_latency.missing():
        pytest.skip(why)
    file = next(library.rglob("*.mp3"))
    with bench_latency.slow_mount(library, delay_ms=20) as mounted:
        seen = mounted / file.relative_to(library)
        assert seen.read_bytes() == file.read_bytes()
        assert seen.stat().st_ino == file.stat().st_ino
        assert seen.stat().st_mtime_ns == file.stat().st_mtime_ns
    assert not mounted.exists()
    assert "at a time" in bench_latency.verify(library, delay_ms=20)
