"""What arguments of the command line mean: folders, durations, shares, the text of a query.

What cannot be meant raises `ValueError` (the command line tells which option it is about) or `UsageError`, each with
one line.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Sequence
from datetime import timedelta

from soniquescan.errors import UsageError

_DURATION = re.compile(r"(\d{1,9})\s*([mhdw])", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_LONGEST_DURATION = timedelta(days=36_500)  # further back there is no time that PostgreSQL and Python both have


def roots(paths: Sequence[str]) -> tuple[bytes, ...]:
    """Return the folders as absolute names, each once and without those that another one holds anyway.

    One that is not there, or cannot be read, stays: whether it may be so is for what is known of it to say.
    """
    folders = sorted({_folder(path) for path in paths})
    outermost: list[bytes] = []
    for folder in folders:
        # A parent sorts before what is in it.
        if not any(folder.startswith(root.rstrip(b"/") + b"/") for root in outermost):
            outermost.append(folder)
    return tuple(outermost)


def _folder(path: str) -> bytes:
    # Names as given rather than `realpath`: what a link leads to may change, its name is what users know.
    folder = os.path.abspath(os.fsencode(path)) if path else b""  # noqa: PTH100  # as just said; and bytes
    try:
        is_folder = stat.S_ISDIR(os.stat(folder).st_mode)  # noqa: PTH116  # the path is bytes
    except OSError as exc:
        if not path:
            raise UsageError(f"cannot scan '{path}': {exc.strerror}") from exc
    else:
        if not is_folder:
            raise UsageError(f"cannot scan '{path}': Not a directory")
    return b"/" + folder.lstrip(b"/")  # POSIX lets two slashes at the start stand


def share(text: str) -> float:
    """Return the share (0 to 1) that "1%", "1 %" or "0.01" means."""
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        value = float(number) / 100 if percent else float(number)
    except ValueError:
        value = -1.0
    # A plain 1 or 5 is more likely to be meant as per cent than as everything; NaN is no number at all.
    if not (0 <= value <= 1 if percent else 0 <= value < 1):
        raise ValueError(f"'{text}' is neither a percentage, such as 1%, nor a share below 1, such as 0.01")
    return value


def duration(text: str) -> timedelta:
    """Return the duration that "90m", "12h", "30d" or "2w" means."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a number of minutes, hours, days or weeks, such as 90m, 12h, 30d or 2w")
    number, unit = int(match[1]), _UNITS[match[2]]
    if number > _LONGEST_DURATION / unit:
        raise ValueError(f"'{text}' is more than {_LONGEST_DURATION.days:,} days")
    return number * unit


def query_text(query: str | None) -> str:
    """Return a query as given, or from stdin if it is "-" or none."""
    try:
        raw = sys.stdin.buffer.read() if query in (None, "-") else os.fsencode(query or "")
        text = raw.decode()
    except UnicodeDecodeError as exc:
        raise UsageError("the query is not valid UTF-8") from exc
    if not text.strip():
        raise UsageError("the query is empty")
    if "\0" in text:
        raise UsageError("the query holds a NUL byte")  # PostgreSQL would run what stands before it, and no more
    return text
