"""Scans a music library into PostgreSQL: every tag and stream property, exact, in seconds."""

from __future__ import annotations

from importlib.util import find_spec


def is_compiled() -> bool:
    """Return whether the modules that every file goes through were compiled: see hatch_build.py."""
    spec = find_spec("soniquescan.rows")
    return spec is not None and not str(spec.origin).endswith(".py")
