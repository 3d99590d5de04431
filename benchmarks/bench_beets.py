"""How fast beets imports the same library, with its autotagger off and the files left where they are."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.commands import run
from benchmarks.measured import Case, Kind, Measured


def cases(folder: Path) -> list[Case]:
    """Return the one case."""
    command = _command()
    return [Case("beets", partial(_import, command or (), folder), None if command else "beets is not installed")]


def _command() -> Sequence[str] | None:
    if importlib.util.find_spec("beets"):
        return (sys.executable, "-m", "beets")
    program = shutil.which("beet")
    return (program,) if program else None


def _import(command: Sequence[str], folder: Path) -> list[Measured]:
    with tempfile.TemporaryDirectory(prefix="soniquescan-benchmarks-") as name:
        configuration = {
            "library": f"{name}/library.db",
            "directory": f"{name}/music",
            "plugins": [],
            "import": {"write": False, "duplicate_action": "keep"},
        }
        # YAML takes JSON as it is.
        Path(name, "config.yaml").write_text(json.dumps(configuration), encoding="utf-8")
        environment = {**os.environ, "BEETSDIR": name}
        ran = run((*command, "import", "--quiet", "--noautotag", "--nocopy", str(folder)), environment, library=folder)
    return [Measured("beets, import", Kind.PEER, ran.elapsed_s, 1, usage=ran.usage, disk=ran.disk)]
