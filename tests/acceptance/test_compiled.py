"""Compiled modules say what their sources say, and are those of these sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import soniquescan
from tests.integration.tags import equality

PACKAGE = Path(soniquescan.__file__).parent
SPELLING = Path(__file__).with_name("spelling.py")
MUTATIONS = 3000


@pytest.fixture
def music(tmp_path):
    """Files of every format, each with broken ones."""
    folder = tmp_path / "music"
    folder.mkdir()
    sound = equality.of_every_format()
    for name, content in sound:
        (folder / os.fsdecode(name)).write_bytes(content)
    donors = [content for _, content in sound]
    for number in range(MUTATIONS):
        rng = equality.seeded(f"compiled {number}")
        name, content = rng.choice(sound)
        (mutated,) = equality.mutations(content, rng, 1, donors)
        (folder / f"broken {number} {os.fsdecode(name)}").write_bytes(mutated)
    return folder


def spelled(music, package_parent):
    """The file that the package's rows were spelled by, and what is said of each file."""
    environment = {**os.environ, "PYTHONPATH": str(package_parent)}
    command = [sys.executable, "-P", str(SPELLING), str(music)]
    lines = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.splitlines()
    return Path(lines[0]), lines[1:]


def test_what_is_compiled_says_what_its_source_says(music, tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "sources" / PACKAGE.name, ignore=shutil.ignore_patterns("*.so", "__pycache__"))

    spelled_by, expected = spelled(music, tmp_path / "sources")
    assert spelled_by == tmp_path / "sources" / PACKAGE.name / "rows.py"
    assert sum("Tracks(paths=[b" in line for line in expected) > MUTATIONS // 2
    assert sum("FileError(" in line for line in expected) > MUTATIONS // 20

    spelled_by, found = spelled(music, PACKAGE.parent)
    if spelled_by.suffix == ".py":
        pytest.skip("nothing is compiled here: no C compiler, or SONIQUESCAN_COMPILE=0")
    assert spelled_by.parent == PACKAGE
    assert found == expected
