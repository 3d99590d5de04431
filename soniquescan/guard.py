"""Guard: when tracks that were not found are better not marked as missing, since it is rather a disk that is away."""

from __future__ import annotations

from typing import NamedTuple

from soniquescan.messages import RootSeen
from soniquescan.text import path_to_text

MOST_TRACKS = 20  # so many may go missing from any folder: someone has deleted an album
MOST_SHARE = 0.25  # of a folder's tracks


class Losses(NamedTuple):
    """The tracks that would be marked as missing under one folder that was scanned.

    Those that were found under another path, or left out by a pattern, are none of them.
    """

    tracks: int
    is_on_other_device: bool  # the folder, than when it was last scanned
    away: int  # of the tracks, those of devices that all tracks are lost of and the walk has met no folder of


def refusal(seen: RootSeen, losses: Losses, *, allow_missing: bool) -> str | None:
    """Return why nothing under a folder is to be marked as missing and what to do, in a line for the user, or None."""
    folder, known = path_to_text(seen.path), _tracks(seen.known_tracks)
    if seen.error is not None:
        # Not even if it is meant: what cannot be read is not known to be gone.
        return f"{folder}: cannot be read ({seen.error}); {known} there stay as they are" if seen.known_tracks else None
    why = None if allow_missing else _why(seen, losses)
    if why is None:
        return None
    return f"{folder}: {why}; none is marked as missing: is a disk away? If it is meant, scan with --allow-missing"


def _why(seen: RootSeen, losses: Losses) -> str | None:
    lost = _tracks(losses.tracks)
    if not losses.tracks:
        return None
    if not seen.found_files:
        return f"holds no audio files any more, and held {lost}"
    if losses.is_on_other_device:
        return f"is on another device than when it was last scanned, and {lost} were not found"
    if losses.away:
        return f"{_tracks(losses.away)} were not found, all that were on another disk or share"
    if losses.tracks > MOST_TRACKS and losses.tracks > MOST_SHARE * seen.known_tracks:
        return f"{losses.tracks:,} of {_tracks(seen.known_tracks)} were not found"
    return None


def _tracks(number: int) -> str:
    return f"{number:,} track{'' if number == 1 else 's'}"
