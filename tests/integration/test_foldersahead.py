"""Folders are looked at ahead where the storage is slow, and what the walk finds is the same."""

from __future__ import annotations

import os

import pytest

from benchmarks.library.generate import generate
from soniquescan import foldersahead
from soniquescan.foldersahead import FoldersAhead
from soniquescan.stages.discover import Root, discover


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "artist" / "album").mkdir(parents=True)
    (tmp_path / "artist" / "album" / "1.mp3").touch()
    (tmp_path / "artist" / "@eaDir").mkdir()
    return os.fsencode(tmp_path / "artist")


def look_ahead():
    return FoldersAhead(is_file=lambda name: name.endswith(b".mp3"), is_folder=lambda name: name != b"@eaDir")


def test_nothing_is_looked_at_where_the_storage_is_quick(folder):
    ahead = look_ahead()
    ahead.note(foldersahead.SLOW_S / 2, 1)
    ahead.look([folder])
    assert not ahead.wait(folder)


def test_folders_and_those_inside_are_looked_at_where_it_is_slow(folder):
    ahead = look_ahead()
    ahead.note(foldersahead.SLOW_S * 2, 1)
    ahead.look([folder])
    assert ahead.wait(folder)
    assert ahead.wait(folder + b"/album")
    assert not ahead.wait(folder + b"/@eaDir")
    assert not ahead.wait(folder)


def test_it_ends_once_the_storage_is_quick(folder):
    ahead = look_ahead()
    ahead.note(foldersahead.SLOW_S * 2, 1)
    ahead.note(foldersahead.SLOW_S / 2, 1)
    ahead.look([folder])
    assert not ahead.wait(folder)


@pytest.mark.parametrize("seconds", [-1, float("inf")])
def test_the_walk_finds_the_same_however_quick_the_storage(tmp_path, monkeypatch, seconds):
    generate(tmp_path / "music", files=60, seed=4)
    (tmp_path / "music" / "loop").symlink_to(tmp_path / "music")
    (tmp_path / "music" / "dangling.mp3").symlink_to("nowhere")
    (tmp_path / "music" / "a" / ".soniqueignore").parent.mkdir()
    (tmp_path / "music" / "a" / ".soniqueignore").mkdir()  # cannot be read
    root = Root(1, os.fsencode(tmp_path / "music"))
    usual = list(discover([root]))
    monkeypatch.setattr(foldersahead, "SLOW_S", seconds)
    assert list(discover([root])) == usual
    assert len(usual) > 10
