"""python -m benchmarks.library FOLDER --files N: write a library of audio files with known contents."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.library.generate import stream_library
from benchmarks.library.hostile import write_hostile
from benchmarks.progress import progress
from soniquescan.text import path_to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.library.generate import LibraryFile
    from benchmarks.library.hostile import HostileFile


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.library", description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write; made if missing, must be empty")
    parser.add_argument("--files", type=int, default=10_000, help="audio files to write (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same library")
    parser.add_argument("--formats", choices=("usual", "all"), default="usual", help="all: every container there is")
    parser.add_argument("--hostile", action="store_true", help="add the folder hostile/ of broken and odd files")
    parser.add_argument("--truth", type=Path, help="write what a scan must find here, one JSON object a file")
    return parser.parse_args(argv)


def truth_row(file: LibraryFile) -> dict[str, Any]:
    """Return the expected row of a file, ready for JSON."""
    stream, tags = file.expected()
    album = tags.album._asdict() if tags.album else None
    return {
        "path": path_to_text(os.fsencode(file.path)),
        "format": file.format.name,
        "cover_path": file.cover_path and path_to_text(os.fsencode(file.cover_path)),
        "stream": stream._asdict(),
        "tags": {**tags._asdict(), "album": album},
    }


def hostile_row(file: HostileFile) -> dict[str, Any]:
    """Return what may come of a hostile file, ready for JSON."""
    outcome = file.outcome
    return {
        "path": path_to_text(os.fsencode(file.path)),
        "is_track": outcome.is_track,
        "error_kinds": sorted(outcome.kinds),
        "title": outcome.title,
        "kept": outcome.kept,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Write the library that the command line asks for."""
    arguments = _arguments(argv)
    folder = arguments.folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        sys.exit(f"{folder} is not empty: give a new folder")
    with arguments.truth.open("w", encoding="utf-8") if arguments.truth else nullcontext() as truth:
        for row in _rows(folder, arguments):
            if truth is not None:
                truth.write(json.dumps(row(), ensure_ascii=False) + "\n")


def _rows(folder: Path, arguments: argparse.Namespace) -> Iterator[Callable[[], dict[str, Any]]]:
    """Write each file and yield what works out its row, since that costs as much as the file."""
    files = stream_library(folder, files=arguments.files, seed=arguments.seed, formats=arguments.formats)
    for file in progress(files, total=arguments.files, unit="files"):
        yield partial(truth_row, file)
    if arguments.hostile:
        yield from (partial(hostile_row, file) for file in write_hostile(folder / "hostile"))


if __name__ == "__main__":
    main()
