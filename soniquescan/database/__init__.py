"""Everything that talks to PostgreSQL: where it is, how to connect, the schema, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soniquescan.settings import DatabaseSettings


@contextmanager
def open_database(settings: DatabaseSettings) -> Iterator[str]:
    """Yield the connection string of the user's own PostgreSQL, else of the embedded one, up while the block runs."""
    if settings.dsn is not None:
        yield settings.dsn
        return
    # Not needed with a DSN: the machine may have no fcntl, and no PostgreSQL programs.
    from soniquescan.database.embedded import running_server  # noqa: PLC0415

    with running_server(settings.data_folder) as conninfo:
        yield conninfo
