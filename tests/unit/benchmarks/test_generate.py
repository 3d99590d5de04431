from __future__ import annotations

import re
import subprocess
import sys

import pytest

from benchmarks.library.__main__ import main
from benchmarks.library.audio import FORMATS
from benchmarks.library.generate import generate

LAYOUT = re.compile(r"[^/]+/\d{4} - [^/]+( \(Disc \d\))?/\d\d [^/]+\.\w+")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("library")
    return folder, generate(folder, files=300, seed=7, formats="all")


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_there_are_as_many_files_as_asked_for_each_in_its_place(library):
    folder, files = library
    paths = {str(file.path.relative_to(folder)) for file in files}
    assert len(paths) == 300
    assert all(LAYOUT.fullmatch(path) for path in paths)
    assert all(file.path.is_file() for file in files)


def test_every_format_is_there(library):
    assert set(FORMATS) == {file.format.name for file in library[1]}


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        generate(tmp_path / name, files=20, seed=seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


def test_the_usual_library_is_mostly_mp3_and_flac_with_25_to_30_tags(tmp_path):
    files = generate(tmp_path, files=2000)
    shares = {
        extension: sum(file.format.extension == extension for file in files) / len(files)
        for extension in ("mp3", "flac", "m4a", "ogg", "opus")
    }
    assert shares["mp3"] == pytest.approx(0.55, abs=0.12)
    assert shares["flac"] == pytest.approx(0.30, abs=0.12)
    assert 25 <= sum(len(file.held) for file in files) / len(files) <= 30
    assert sum(file.has_cover for file in files) / len(files) == pytest.approx(1 / 3, abs=0.1)


def test_the_command_writes_a_library_and_its_truth(tmp_path, capsys):
    main([str(tmp_path / "library"), "--files", "12", "--truth", str(tmp_path / "truth.jsonl")])
    assert len((tmp_path / "truth.jsonl").read_text().splitlines()) == 12
    assert capsys.readouterr().out == ""


def test_the_command_refuses_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "mine.txt").touch()
    command = [sys.executable, "-m", "benchmarks.library", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (1, f"{tmp_path} is not empty: give a new folder\n") == (result.returncode, result.stderr)
