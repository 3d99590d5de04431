"""Every SQL statement longer than a line, one file each, and their loader.

Files with a number are migrations, applied once each in that order; the others are run by name.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def read_sql(name: str) -> str:
    """Return the statements of `<name>.sql`."""
    return (resources.files(__package__) / f"{name}.sql").read_text(encoding="utf-8")


def sql_names() -> list[str]:
    """Return the name of every file, without `.sql`, sorted."""
    files = (file.name for file in resources.files(__package__).iterdir())
    return sorted(name.removesuffix(".sql") for name in files if name.endswith(".sql"))
