"""What was measured on: the machine, the file system, and the versions of everything that takes part."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from soniquescan import is_compiled
from soniquescan.database.binaries import find_installation
from soniquescan.settings import default_workers

_PACKAGES = ("soniquescan", "mutagen", "psycopg", "beets")


def describe(folder: Path) -> dict[str, str]:
    """Return it all, by name, for people."""
    return {
        "processor": f"{_processor()}, {default_workers()} cores",
        "memory": f"{psutil.virtual_memory().total / 1e9:.1f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "file system": _file_system(folder),
        "Python": platform.python_version(),
        "PostgreSQL": str(find_installation().major),
        **_packages(),
        "compiled": "yes" if is_compiled() else "no",
        **_mpd(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on: of the mounts above it the nearest."""
    mounts = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    return next((mounts[str(above)] for above in (folder, *folder.parents) if str(above) in mounts), "unknown")


def _packages() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _mpd() -> dict[str, str]:
    program = shutil.which("mpd")
    if program is None:
        return {}
    said = subprocess.run([program, "--version"], capture_output=True, text=True, errors="replace", check=False)
    first = said.stdout.partition("\n")[0]
    return {"MPD": first.removeprefix("Music Player Daemon ").partition(" ")[0]}


def load() -> float:
    """Return how many processes have wanted a core in the last minute: more than 0.5 disturbs what is measured."""
    return os.getloadavg()[0]
