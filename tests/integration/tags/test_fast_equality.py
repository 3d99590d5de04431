"""What the fast readers make of a file is what the reference makes of it, or they decline it.

`--mutations 1000000` goes on where the usual run stops, and `--mutations-seed 2` breaks files in other ways.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

from benchmarks.library.generate import generate
from tests.conftest import corpus_folder
from tests.integration.tags import equality

# Files of the corpus of which mutagen says what is wrong, and why a fast reader may say something else.
KNOWN_DIFFERENCES: dict[str, str] = {}

ORDINARY = {"mp3", "flac", "m4a", "ogg", "opus"}
LIBRARY_FILES = 400
MUTATIONS_A_TEST = 1000


def pytest_generate_tests(metafunc):
    if "first_mutation" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--mutations")
        metafunc.parametrize("first_mutation", range(0, wanted, MUTATIONS_A_TEST))


def differences(path):
    """Return a line for each difference in one file, or None where it is declined."""
    fd = os.open(path, os.O_RDONLY)
    try:
        return equality.differences(fd, os.fsencode(path))
    finally:
        os.close(fd)


def assert_alike(found):
    """Fail with a list to read, if there are differences: where, and in which fields."""
    told = [f"{where}\n    " + "\n    ".join(lines) for where, lines in found.items() if lines]
    if told:
        pytest.fail(f"{len(told)} of {len(found)} files\n" + "\n".join(told), pytrace=False)


def test_files_of_other_projects_are_read_alike(corpus):
    paths = sorted(path for path in corpus.rglob("*") if path.is_file() and path.stat().st_size)
    found = {path.relative_to(corpus): differences(path) for path in paths if path.name not in KNOWN_DIFFERENCES}
    assert_alike(found)


@pytest.mark.parametrize("formats", ["usual", "all"])
def test_a_library_is_read_alike_and_little_of_it_declined(tmp_path, formats):
    files = generate(tmp_path, files=LIBRARY_FILES, seed=8, formats=formats)
    found = {file.path.relative_to(tmp_path): differences(file.path) for file in files}
    assert_alike(found)
    of_kind = dict(zip(found, (file.format for file in files), strict=True))
    ordinary = [path for path in found if of_kind[path].extension in ORDINARY]
    declined = Counter(of_kind[path].name for path in ordinary if found[path] is None)
    assert declined.total() < 0.02 * len(ordinary), declined


@pytest.fixture(scope="module")
def contents():
    """Names and contents of files to break: those of other projects, if they are there, and some of every format."""
    wild = equality.sources(sorted(path for path in corpus_folder().rglob("*") if path.is_file()))
    return wild + equality.of_every_format()


def test_broken_files_are_read_alike(contents, first_mutation, pytestconfig):
    seed = pytestconfig.getoption("--mutations-seed")
    donors = [content for _, content in contents]
    found = {}
    last = min(first_mutation + MUTATIONS_A_TEST, pytestconfig.getoption("--mutations"))
    for number in range(first_mutation, last):
        rng = equality.seeded(f"{seed} {number}")
        path, content = rng.choice(contents)
        (broken,) = equality.mutations(content, rng, 1, donors)
        with equality.in_memory(broken) as fd:
            found[f"{os.fsdecode(path)}, seed {seed}, mutation {number}"] = equality.differences(fd, path)
    assert_alike(found)
