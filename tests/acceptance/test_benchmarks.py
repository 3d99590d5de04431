"""`python -m benchmarks`, on a few files: that it measures what it says, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import psycopg
import pytest

from benchmarks import chart
from benchmarks.disk import DiskReads
from benchmarks.library.generate import generate
from benchmarks.measured import Kind, Measured, Results, Usage
from benchmarks.place import Library, Recipe
from benchmarks.report import Mode, Report, compare
from tests.servers import server_processes, wait_until

COMMAND = [sys.executable, "-m", "benchmarks"]
FILES = 40
ENDS_WITHIN_S = 50  # a hang is a failure


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """The folder in which temporary ones are made."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def benchmark(*arguments, folder):
    line = [*COMMAND, "--folder", folder, "--files", str(FILES), "--rounds", "1", "--workers", "1", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=ENDS_WITHIN_S)


def test_it_measures_everything_and_leaves_nothing_but_the_library(tmp_path, scratch):
    folder, results = tmp_path / "library", tmp_path / "results.json"
    done = benchmark("--json", results, "--skip", "mpd,beets", folder=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads(results.read_text())
    medians = {one["name"]: one for one in report["medians"]}
    assert list(medians) == [
        "I/O floor, 1 process",
        "scan, 1 worker",
        "rescan, nothing changed",
        "reader does nothing, 1 worker",
        "naive script",
    ]
    assert report["library"]["files"] == FILES
    assert all(one["files_per_s"] > 0 for one in medians.values())
    assert medians["I/O floor, 1 process"]["read_calls_per_file"] == 1
    assert f"naive script: {FILES} files in its table" in report["notes"]
    assert report["skipped"] == {}
    assert "scan, 1 worker" in done.stdout
    assert list(scratch.iterdir()) == []
    assert [folder, results] == sorted(path for path in tmp_path.iterdir() if path != scratch)


def test_the_reader_that_does_nothing_does_nothing(tmp_path, database):
    """Else it is a scan once more; that it is in the place of the real one cannot be seen from its figures."""
    folder = tmp_path / "library"
    generate(folder, files=FILES)
    line = [sys.executable, "-m", "benchmarks.nothing", "scan", folder, "--dsn", database]
    subprocess.run(line, capture_output=True, check=True, timeout=ENDS_WITHIN_S)
    with psycopg.connect(database) as connection:
        query = "SELECT count(*), bool_and(starts_with(reverse(path), reverse(title))), bool_or(artist IS NOT NULL)"
        assert connection.execute(f"{query} FROM soniquescan.tracks").fetchone() == (FILES, True, False)


def test_the_same_library_is_taken_again_and_another_is_not_written_over_it(tmp_path):
    folder = tmp_path / "library"
    first = benchmark("--only", "floor", "--json", "-", folder=folder)
    files = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    second = benchmark("--only", "floor", "--json", "-", folder=folder)
    other = benchmark("--only", "floor", "--seed", "2", folder=folder)
    assert json.loads(first.stdout)["library"] == json.loads(second.stdout)["library"]
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == files
    assert other.returncode == 1
    assert "holds another library" in other.stderr


def test_copies_of_a_library_that_was_not_made_here_are_refused(tmp_path):
    generate(tmp_path, files=1)
    refused = benchmark("--only", "floor", "--copies", "2", folder=tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "leave out --copies" in refused.stderr


def test_interrupted_it_leaves_no_process_no_server_and_no_folder(tmp_path, scratch):
    line = [*COMMAND, "--folder", tmp_path / "library", "--files", "2000", "--only", "scan"]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True) as process:
        wait_until(lambda: any(scratch.glob("*/*/pg*/data/postmaster.pid")), ENDS_WITHIN_S)
        wait_until(lambda: server_processes(scratch))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=ENDS_WITHIN_S)
    assert process.returncode == 128 + signal.SIGINT, said
    assert server_processes(scratch) == []
    assert list(scratch.iterdir()) == []


def report(*measured, mode=Mode.WARM, settings=None):
    results = Results(files=1_000, measured=list(measured))
    library = Library(folder=None, files=1_000, recipe=Recipe(1_000, 1), sparse=True)
    return Report(mode, {"processor": "some"}, library, settings or {"latency_ms": None}, results, [])


def test_comparisons_are_of_the_scan_with_most_workers_and_of_medians():
    rounds = [
        Measured("scan, 1 worker", Kind.SCAN, 9.0, 1),
        *(Measured("scan, 2 workers", Kind.SCAN, elapsed_s, 2, own_s=1.0) for elapsed_s in (2.0, 90.0, 3.0)),
        Measured("naive", Kind.NAIVE, 30.0, own_s=20.0),
        Measured("MPD", Kind.PEER, 6.0),
        Measured("MPD again", Kind.PEER_RESCAN, 6.0),
    ]
    assert compare(Results(1_000, rounds).summaries()) == [
        ("scan, 2 workers", "naive", 10.0, 20.0),
        ("scan, 2 workers", "MPD", 2.0, None),
    ]


@pytest.mark.parametrize("name", ["chart.png", "chart.svg"])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_chart_is_drawn_of_each_mode(mode, name, tmp_path):
    pytest.importorskip("matplotlib")
    usage = Usage(0.9, 10**8, {"extract 1": 10**7}, 10**6, 10**3)
    runs = [
        Measured(f"scan, {n} workers", Kind.SCAN, 1.0 / n, n, 0.9 / n, usage, DiskReads(10, 10**6)) for n in (2, 16)
    ]
    chart.draw(report(*runs, mode=mode, settings={"latency_ms": 5.0}), tmp_path / name)
    assert (tmp_path / name).stat().st_size > 1_000
