"""The library that is measured: made, found again from before, or the user's own; and whether it is in the page cache.

A library that is made here has a note beside its music that says which it is, so that the next run takes it as it is.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import platformdirs
import psutil

from benchmarks.commands import Databases, run
from benchmarks.library.generate import generate, stream_library
from benchmarks.progress import progress
from soniquescan.extensions import AUDIO_EXTENSIONS
from soniquescan.settings import default_workers

DROP_CACHES = Path("/proc/sys/vm/drop_caches")
WARM_BYTES = 131_072  # of each file in the page cache when it is warm: its start and its end

_NOTE = ".soniquescan-benchmarks.json"  # a dot file, so no scan looks at it
_SPARSE_SAMPLE = 100  # files
_BLOCK_BYTES = 512  # of st_blocks
_PROGRAM_FILES = 50  # enough to make a scan use all its parts


class PlaceError(Exception):
    """There is no library to measure; the message is one line."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What makes a library: the same recipe makes the same."""

    files: int
    seed: int
    copies: int = 1  # the same files once more in another folder, by hard links


@dataclass(frozen=True, slots=True)
class Library:
    """A folder of music."""

    folder: Path
    files: int
    recipe: Recipe | None  # None: it was not made here
    sparse: bool  # its files hold holes in place of sound

    def warm(self) -> None:
        """Read what scans read, right before one is measured: an idle page cache is reclaimed within minutes."""
        _floor(self.folder, "--warm")

    def lacks_memory_for(self) -> int | None:
        """Return how much memory it takes to keep it warm, if that is more than there is."""
        needed = self.files * WARM_BYTES
        return needed if needed > psutil.virtual_memory().available else None


# --- making and finding -------------------------------------------------------------------------------------------


def default_folder(recipe: Recipe) -> Path:
    """Return where a library is made unless the user names a folder."""
    name = "-".join(str(part) for part in asdict(recipe).values())
    return Path(platformdirs.user_cache_dir("soniquescan")) / "benchmarks" / name


def prepare(folder: Path, recipe: Recipe) -> Library:
    """Return the library in a folder, made by the recipe if there is nothing yet."""
    folder = folder.absolute()
    note = _read_note(folder)
    if note is None and folder.is_dir() and any(folder.iterdir()):
        if recipe.copies > 1:
            raise PlaceError(f"{folder} was not made here, and is measured as it is: leave out --copies")
        return Library(folder, _count(folder), None, _is_sparse(folder))
    if note is not None and note["recipe"] != asdict(recipe):
        raise PlaceError(f"{folder} holds another library ({note['recipe']}): give another folder, or delete it")
    if note is None or not note["complete"]:
        _make(folder, recipe)
    return Library(folder, _count(folder), recipe, _is_sparse(folder))


def _read_note(folder: Path) -> dict[str, object] | None:
    try:
        note: dict[str, object] = json.loads((folder / _NOTE).read_bytes())
    except FileNotFoundError:
        return None
    return note


def _make(folder: Path, recipe: Recipe) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _write_note(folder, recipe, complete=False)  # interrupted, it is made again over what there is
    print(f"making a library of {recipe.files * recipe.copies:,} files in {folder}", file=sys.stderr)
    first = folder / "1" if recipe.copies > 1 else folder
    files = stream_library(first, files=recipe.files, seed=recipe.seed)
    for _ in progress(files, total=recipe.files, unit="files"):
        pass
    for number in progress(range(2, recipe.copies + 1), total=recipe.copies - 1, unit="copies"):
        _link(first, folder / str(number))
    _write_note(folder, recipe, complete=True)


def _write_note(folder: Path, recipe: Recipe, *, complete: bool) -> None:
    (folder / _NOTE).write_text(json.dumps({"recipe": asdict(recipe), "complete": complete}), encoding="utf-8")


def _link(source: Path, target: Path) -> None:
    """Make a folder whose files are those of another."""
    for parent, _, names in os.walk(source):
        copy = target / os.path.relpath(parent, source)
        copy.mkdir(parents=True, exist_ok=True)
        for name in names:
            (copy / name).unlink(missing_ok=True)
            (copy / name).hardlink_to(os.path.join(parent, name))  # noqa: PTH118  # os.walk's are strings


def _count(folder: Path) -> int:
    files = _floor(folder, "--bytes", "0")
    if not files:
        raise PlaceError(f"there is no audio file in {folder}")
    return files


def _is_sparse(folder: Path) -> bool:
    """Tell by a few files whether most of what they are long takes no room."""
    paths = (path for path in folder.rglob("*") if os.fsencode(path.suffix.lower()) in AUDIO_EXTENSIONS)
    found = [path.stat() for path in islice(paths, _SPARSE_SAMPLE)]
    return sum(status.st_blocks for status in found) * _BLOCK_BYTES < sum(status.st_size for status in found) / 2


def _floor(folder: Path, *arguments: str) -> int:
    command = (sys.executable, "-m", "benchmarks.floor", str(folder), "--workers", str(default_workers()), *arguments)
    files: int = run(command).document()["files"]
    return files


# --- the page cache ------------------------------------------------------------------------------------------------


def cool(scratch: Path, databases: Databases) -> None:
    """Drop the page cache, then run what is going to be measured on a few files, so that only the library is cold."""
    os.sync()
    DROP_CACHES.write_text("3", encoding="ascii")
    if not scratch.exists():
        generate(scratch, files=_PROGRAM_FILES, seed=0)
    with databases.new() as data:
        data.call("scan", "--quiet", str(scratch))
    _floor(scratch)
