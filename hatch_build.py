"""The step of the build that compiles the modules that every file goes through, by mypyc (https://mypyc.readthedocs.io).

They are ordinary Python, and run as such where they cannot be compiled, as on a machine without a C compiler: with the
same results, more slowly. Compiled ones lie beside their sources, in a wheel as in a checkout that is installed by
`pip install -e`. With SONIQUESCAN_COMPILE=0 nothing is compiled.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from mypyc.build import mypycify
from setuptools import Distribution
from setuptools.command.build_ext import build_ext

_LIBRARY = "soniquescan"  # holds the code of all of them, in soniquescan__mypyc.*.so beside the package
# Of what is imported nothing is known, installed or not: a compilation has the same outcome everywhere.
_MYPY_OPTIONS = ("--config-file=", "--no-site-packages", "--ignore-missing-imports")

_FLAGS = ["-Wno-error"]  # mypyc ends at any warning, and compilers come with new ones
if sys.platform == "linux":
    # Calls of Python's functions, and of our own in other modules, without a detour through a table: a tenth fewer
    # misses of the processor's instruction cache.
    _FLAGS += ["-fno-plt", "-fvisibility=hidden"]


class CompileHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the compiled modules to a wheel or a checkout."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the modules that pyproject.toml lists; what is in the way of that is said, and ends nothing."""
        root = Path(self.root)
        is_editable = version == "editable"
        if is_editable:
            for old in (*root.glob(f"{_LIBRARY}__mypyc.*.so"), *(root / "soniquescan").glob("**/*.so")):
                old.unlink()
        if os.environ.get("SONIQUESCAN_COMPILE") == "0":
            return
        self._scratch = TemporaryDirectory()  # gone with this object, and so after the wheel has been written
        target = root if is_editable else Path(self._scratch.name, "built")
        try:
            files = _compile(self.config["modules"], target, Path(self._scratch.name))
        except (Exception, SystemExit) as exc:  # noqa: BLE001  whatever it is, the sources do the same
            self.app.display_warning(f"not compiled, so that scans will be slower: {exc!r}")
            return
        build_data |= {"pure_python": False, "infer_tag": True}
        if not is_editable:
            build_data["force_include"] |= {str(file): str(file.relative_to(target)) for file in files}


def _compile(modules: list[str], target: Path, scratch: Path) -> list[Path]:
    """Compile modules, whose paths begin at the working directory; return the files that are now in `target`."""
    sources = mypycify(
        [*_MYPY_OPTIONS, f"--cache-dir={scratch / 'types'}", *modules],
        target_dir=str(scratch),
        group_name=_LIBRARY,
        debug_level="0",
    )
    for source in sources:
        source.extra_compile_args += _FLAGS
    command = build_ext(Distribution({"name": _LIBRARY, "ext_modules": sources}))
    command.build_lib, command.build_temp = str(target), str(scratch)
    command.ensure_finalized()
    command.run()
    return list(map(Path, command.get_outputs()))
