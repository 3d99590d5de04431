from __future__ import annotations

import pytest

from soniquescan.guard import Losses, refusal
from soniquescan.messages import RootSeen


def seen(known_tracks=1000, **fields):
    return RootSeen(**{"path": b"/music", "known_tracks": known_tracks, "found_files": 500, "error": None, **fields})


def losses(tracks, *, is_on_other_device=False, away=0):
    return Losses(tracks, is_on_other_device, away)


@pytest.mark.parametrize(
    ("root", "lost", "words"),
    [
        (seen(1000), losses(250), None),
        (seen(1000), losses(251), "251 of 1,000 tracks were not found"),
        (seen(10), losses(10), None),
        (seen(80), losses(20), None),
        (seen(80), losses(21), "21 of 80 tracks were not found"),
        (seen(1), losses(1), None),
        (seen(1, found_files=0), losses(1), "holds no audio files any more, and held 1 track;"),
        (seen(1000, found_files=0), losses(0), None),  # all were found under other paths
        (seen(1000), losses(0, is_on_other_device=True), None),
        (seen(1000), losses(1, is_on_other_device=True), "is on another device than when it was last scanned"),
        (seen(1000), losses(3, away=2), "2 tracks were not found, all that were on another disk or share"),
        (seen(0), losses(0), None),
    ],
)
def test_what_is_not_believed(root, lost, words):
    line = refusal(root, lost, allow_missing=False)
    if words is None:
        assert line is None
    else:
        assert line is not None
        assert line.startswith("/music: ")
        assert words in line
        assert "--allow-missing" in line
        assert "\n" not in line
    assert refusal(root, lost, allow_missing=True) is None


@pytest.mark.parametrize("allow_missing", [False, True])
def test_what_cannot_be_read_is_never_known_to_be_gone(allow_missing):
    line = refusal(seen(1234, found_files=0, error="Input/output error"), losses(0), allow_missing=allow_missing)
    assert line == "/music: cannot be read (Input/output error); 1,234 tracks there stay as they are"


def test_a_folder_without_tracks_may_be_unreadable():
    assert refusal(seen(0, found_files=0, error="Permission denied"), losses(0), allow_missing=False) is None
